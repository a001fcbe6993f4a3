"""Speaks to the Schema Registry's Confluent API; decides nothing."""

from __future__ import annotations

import json
import math
import time
from http import HTTPStatus
from typing import Any

import requests

from penstock.address import prepare_session
from penstock.errors import TransientError
from penstock.registry.client import RegistryRefused, RegistryUnreachable
from penstock_views.change.envelope import Writer
from penstock_views.output.contracts import Contract

TIMEOUT_S = 10.0
_ASKED_AGAIN_S = 1.0


class SubjectMissing(TransientError):
    """A CDC topic has no schema yet: nothing was captured from its table."""

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"subject {subject} is not in the Schema Registry: the source connector has captured no row yet"
        )


class ContractUnregistered(TransientError):
    """A view's contract is not registered, or is registered differently."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(
            f"subject {contract.subject} does not hold schemas/avro/{contract.file_name}; "
            "`penstock views apply` registers it"
        )


class _NotFound(Exception):
    """Internal: HTTP 404."""


class Registry:
    """A client of one registry.

    :param url: the Confluent API, for example `http://127.0.0.1:8081/apis/ccompat/v7`.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http = requests.Session()
        prepare_session(self._http, url)

    def writers(self, subject: str) -> tuple[Writer, ...]:
        """Read every version of a CDC value subject, oldest first.

        :raises SubjectMissing: when there is none yet.
        :raises RegistryUnreachable: when nobody answers.
        """
        found = self._versions(subject)
        if not found:
            raise SubjectMissing(subject)
        return tuple(Writer(version["id"], version["schema"]) for version in found)

    def writer(self, schema_id: int) -> Writer | None:
        """Read one schema by its id; None when the registry answers that there is none (404).

        :raises RegistryUnreachable: when nobody answers, which says nothing about the id.
        """
        try:
            return Writer(schema_id, self._call("GET", f"/schemas/ids/{schema_id}")["schema"])
        except _NotFound:
            return None

    def id_of(self, contract: Contract) -> int:
        """Look up the id under which a contract is registered.

        :raises ContractUnregistered: when it is not.
        """
        # Read and compared here: Apicurio's own look-up knows a schema only by the very text that was registered.
        wanted = json.loads(contract.text)
        for version in self._versions(contract.subject):
            if json.loads(version["schema"]) == wanted:
                return int(version["id"])
        raise ContractUnregistered(contract)

    def subjects(self) -> frozenset[str]:
        """Name every subject that there is.

        :raises RegistryUnreachable: when nobody answers.
        """
        return frozenset(self._call("GET", "/subjects"))

    def _versions(self, subject: str) -> list[dict[str, Any]]:
        """Read every version of a subject, oldest first; none when the subject does not exist."""
        try:
            numbers = self._call("GET", f"/subjects/{subject}/versions")
            return [self._call("GET", f"/subjects/{subject}/versions/{number}") for number in numbers]
        except _NotFound:
            return []

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        url = self._url + path
        try:
            answer = self._http.request(method, url, json=body, timeout=TIMEOUT_S)
        except (requests.ConnectionError, requests.Timeout) as exc:
            raise RegistryUnreachable(self._url, type(exc).__name__) from exc
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise _NotFound(url)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RegistryUnreachable(self._url, f"HTTP {answer.status_code}")
        if not answer.ok:
            raise RegistryRefused(f"{method} {url}", answer.status_code, answer.text)
        return answer.json()


class KnownSubjects:
    """The subjects that there are, asked for once a second: a hundred tables may wait for their first record."""

    def __init__(self, url: str) -> None:
        self._registry = Registry(url)
        self._known: frozenset[str] = frozenset()
        self._asked_at = -math.inf

    def require(self, subject: str) -> None:
        """Raise when there is no such subject.

        :raises SubjectMissing: when there is none yet.
        :raises RegistryUnreachable: when nobody answers.
        """
        if subject not in self._known and time.monotonic() - self._asked_at > _ASKED_AGAIN_S:
            self._known = self._registry.subjects()
            self._asked_at = time.monotonic()
        if subject not in self._known:
            raise SubjectMissing(subject)
