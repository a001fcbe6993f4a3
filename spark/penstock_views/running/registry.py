"""Asks the Schema Registry for a job: the writers of a topic, and the ids of contracts.

The client is `penstock.registry.client`, whose errors come through.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator

from penstock.contract import REVISION
from penstock.errors import TerminalError, TransientError
from penstock.registry.client import RegistryClient
from penstock_views.change.envelope import Writer
from penstock_views.declaration.views import View
from penstock_views.output.contracts import Contract

_TIMEOUT_S = 10.0
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


class RevisionFell(TerminalError):
    """A view has a lower revision than a contract of it that is registered: Cassandra would drop all that it writes."""

    def __init__(self, subject: str, revision: int, highest: int) -> None:
        self.problem = f"subject {subject} holds revision {highest}: rows of revision {revision} lose against its rows"
        self.cure = f"write revision={highest + 1}, then `penstock views write` and `penstock views apply`"
        super().__init__(f"{self.problem}; {self.cure}")


class Registry:
    """The registry of a job.

    :param url: the Confluent API, for example `http://127.0.0.1:8081/apis/ccompat/v7`.
    """

    def __init__(self, url: str) -> None:
        self._client = RegistryClient(url, timeout_s=_TIMEOUT_S)

    def writers(self, subject: str) -> tuple[Writer, ...]:
        """Read every version of a CDC value subject, oldest first.

        :raises SubjectMissing: when there is none yet.
        :raises RegistryUnreachable: when the registry does not answer.
        """
        found = tuple(Writer(schema_id, text) for schema_id, text in self._versions(subject))
        if not found:
            raise SubjectMissing(subject)
        return found

    def writer(self, schema_id: int) -> Writer | None:
        """Read one schema by its id; None when the registry answers that there is none.

        :raises RegistryUnreachable: when it does not answer, which says nothing about the id.
        """
        schema = self._client.schema(schema_id)
        return None if schema is None else Writer(schema_id, schema.text)

    def id_of(self, contract: Contract) -> int:
        """Look up the id under which a contract is registered.

        :raises ContractUnregistered: when it is not.
        :raises RevisionFell: when one of a higher revision is.
        """
        # Read and compared here: Apicurio's own look-up knows a schema only by the very text that was registered.
        ids = dict(self._versions(contract.subject))
        _refuse_fallen(contract.subject, contract.schema.get(REVISION, 0), ids.values())
        for schema_id, text in ids.items():
            if contract.is_kept_by(json.loads(text)):
                return schema_id
        raise ContractUnregistered(contract)

    def refuse_fallen(self, view: View) -> None:
        """Refuse a view of which a higher revision is registered.

        :raises RevisionFell: naming the revision that it takes.
        :raises RegistryUnreachable: when the registry does not answer.
        """
        subject = f"{view.topic}-value"
        _refuse_fallen(subject, view.revision, (text for _, text in self._versions(subject)))

    def subjects(self) -> frozenset[str]:
        """Name every subject that there is.

        :raises RegistryUnreachable: when the registry does not answer.
        """
        return frozenset(self._client.subjects())

    def _versions(self, subject: str) -> Iterator[tuple[int, str]]:
        """Read id and text of every version of a subject, oldest first; none when there is no such subject."""
        for number in self._client.versions(subject):
            if (found := self._client.version(subject, number)) is not None:
                schema_id, schema = found
                yield schema_id, schema.text


def _refuse_fallen(subject: str, revision: int, registered: Iterable[str]) -> None:
    highest = max((json.loads(text).get(REVISION, 0) for text in registered), default=0)
    if highest > revision:
        raise RevisionFell(subject, revision, highest)


class KnownSubjects:
    """The subjects that there are, asked for once a second: a hundred tables may wait for their first record."""

    def __init__(self, url: str) -> None:
        self._registry = Registry(url)
        self._known: frozenset[str] = frozenset()
        self._asked_at = -math.inf

    def require(self, subject: str) -> None:
        """Raise when there is no such subject.

        :raises SubjectMissing: when there is none yet.
        :raises RegistryUnreachable: when the registry does not answer.
        """
        if subject not in self._known and time.monotonic() - self._asked_at > _ASKED_AGAIN_S:
            self._known = self._registry.subjects()
            self._asked_at = time.monotonic()
        if subject not in self._known:
            raise SubjectMissing(subject)
