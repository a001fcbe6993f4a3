"""The Schema Registry by its Confluent API: one method per endpoint, no policy (`penstock.registry.apply` decides).

Plain requests, not confluent-kafka's client: that one retries with waits of its own and caches what was registered.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, final
from urllib.parse import quote

import requests

from penstock.errors import TerminalError, Unreachable
from penstock.http_client import HttpClient
from penstock.registry.decode import AVRO, Schema

_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_MESSAGE_LIMIT = 600


class RegistryUnreachable(Unreachable):
    """Nothing answers at the address of the registry, or it cannot serve yet."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f"the Schema Registry does not answer at {url} ({cause})")


class RegistryRefused(TerminalError):
    """The registry understood the request and refuses it."""

    def __init__(self, request: str, status: int, message: str) -> None:
        self.status = status
        self.reason = message[:_MESSAGE_LIMIT]
        super().__init__(f"the Schema Registry refuses {request} (HTTP {status}): {self.reason}")


class Compatibility(StrEnum):
    """What a new version of a subject may change."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"


@final
class RegistryClient(HttpClient):
    """A client of one registry; every method raises :class:`RegistryUnreachable` or :class:`RegistryRefused`.

    :param url: of the Confluent API, for example `http://127.0.0.1:8081/apis/ccompat/v7`.
    :param timeout_s: of one request.
    """

    def __init__(self, url: str, *, timeout_s: float = 15) -> None:
        super().__init__(url, timeout_s=timeout_s)

    def subjects(self) -> tuple[str, ...]:
        """GET /subjects, sorted."""
        return tuple(sorted(self._send("GET", "/subjects")))

    def versions(self, subject: str) -> tuple[int, ...]:
        """GET /subjects/SUBJECT/versions; empty when there is no such subject."""
        found = self._send("GET", f"/subjects/{_path(subject)}/versions", absent=[])
        return tuple(found)

    def version(self, subject: str, version: int) -> tuple[int, Schema] | None:
        """GET /subjects/SUBJECT/versions/VERSION: its schema's id and the schema, or None."""
        found = self._send("GET", f"/subjects/{_path(subject)}/versions/{version}", absent={})
        return (int(found["id"]), _schema(found)) if found else None

    def is_compatible(self, subject: str, schema: str) -> tuple[bool, tuple[str, ...]]:
        """POST /compatibility/subjects/SUBJECT/versions/latest: whether a schema may follow, and why not."""
        path = f"/compatibility/subjects/{_path(subject)}/versions/latest?verbose=true"
        found = self._send("POST", path, body={"schema": schema})
        return bool(found["is_compatible"]), tuple(map(str, found.get("messages") or ()))

    def register(self, subject: str, schema: str) -> int:
        """POST /subjects/SUBJECT/versions: the id of the schema, the known one when it is registered already."""
        return int(self._send("POST", f"/subjects/{_path(subject)}/versions", body={"schema": schema})["id"])

    def delete_subject(self, subject: str) -> None:
        """DELETE /subjects/SUBJECT, then for good; a subject that does not exist is no error."""
        self._send("DELETE", f"/subjects/{_path(subject)}", absent=[])
        self._send("DELETE", f"/subjects/{_path(subject)}?permanent=true", absent=[])

    def schema(self, schema_id: int) -> Schema | None:
        """GET /schemas/ids/ID: the schema, None when the registry has no such id."""
        found = self._send("GET", f"/schemas/ids/{schema_id}", absent={})
        return _schema(found) if found else None

    def compatibility(self, subject: str) -> str | None:
        """GET /config/SUBJECT: the subject's own setting, None when it has none."""
        found: dict[str, str] = self._send("GET", f"/config/{_path(subject)}", absent={})
        return found.get("compatibilityLevel")

    def default_compatibility(self) -> str:
        """GET /config: what holds for a subject without a setting of its own."""
        return str(self._send("GET", "/config")["compatibilityLevel"])

    def set_compatibility(self, subject: str, level: Compatibility) -> None:
        """PUT /config/SUBJECT; Apicurio refuses it for a subject without versions (404), Confluent's takes it."""
        self._send("PUT", f"/config/{_path(subject)}", body={"compatibility": level.value})

    def _send(self, method: str, path: str, *, body: Any = None, absent: Any = None) -> Any:
        """Return the JSON reply; `absent`, when given, stands for a 404."""
        url = self._url + path
        try:
            headers = {"Content-Type": _CONTENT_TYPE}
            reply = self._http.request(method, url, json=body, headers=headers, timeout=self._timeout_s)
            if reply.ok:
                return reply.json()
        except (requests.RequestException, ValueError) as exc:
            raise RegistryUnreachable(self._url, type(exc).__name__) from exc
        if reply.status_code == requests.codes.not_found and absent is not None:
            return absent
        if reply.status_code >= requests.codes.server_error:
            raise RegistryUnreachable(self._url, f"HTTP {reply.status_code}: {_message(reply)[:_MESSAGE_LIMIT]}")
        raise RegistryRefused(f"{method} {url}", reply.status_code, _message(reply))


def _schema(found: dict[str, Any]) -> Schema:
    return Schema(str(found["schema"]), str(found.get("schemaType") or AVRO))


def _path(subject: str) -> str:
    return quote(subject, safe="")


def _message(reply: requests.Response) -> str:
    try:
        body = reply.json()
    except ValueError:
        return reply.reason
    return str(body.get("message", reply.reason)) if isinstance(body, dict) else reply.reason
