"""One record of a topic as people look at it: decoded, masked, a change with its row before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.connect.secrets import HIDDEN
from penstock.console.plain import plain
from penstock.console.safety.mask import Mask
from penstock.contract import CONNECT_ERRORS, VERSION
from penstock.errors import TransientError
from penstock.registry.decode import AvroDecoder, Decoded, readable

_HEX_LIMIT = 4096
_QUOTING = frozenset(f"{CONNECT_ERRORS}exception.{what}" for what in ("message", "stacktrace"))
_ENVELOPE = {"before", "after", "op", "source"}


@dataclass(frozen=True)
class RecordView:
    """A record. `timestamp_ms` is Kafka's; `op`, `before`, `after`, `changed` and `source` only a change has.

    :param problem: why it could not be decoded; then key or value is text or hex, and `raw` has its bytes.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: Any
    value: Any
    key_schema: int | None
    value_schema: int | None
    headers: dict[str, str]
    size: int
    op: str | None = None
    before: Any = None
    after: Any = None
    changed: tuple[str, ...] = ()
    source: Any = None
    version: str | None = None
    problem: str | None = None
    raw: str | None = None


class RecordReader:
    """Turns messages of Kafka into what people look at."""

    def __init__(self, decoder: AvroDecoder, mask: Mask) -> None:
        self._decoder = decoder
        self._mask = mask

    def read(self, message: Any) -> RecordView:
        """Read one message; bytes that cannot be decoded are a record with its reason."""
        key, value = self._decode(message.key()), self._decode(message.value())
        problem = "; ".join(f"{part}: {d.problem}" for part, d in (("key", key), ("value", value)) if d.problem) or None
        plain_value = plain(value.value)
        envelope = plain_value if isinstance(plain_value, dict) and plain_value.keys() >= _ENVELOPE else {}
        before, after = envelope.get("before"), envelope.get("after")
        headers = {name: readable(content or b"") for name, content in message.headers() or ()}
        hide = self._mask.hide
        return RecordView(
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            timestamp_ms=message.timestamp()[1],
            key=self._shown(key),
            value=None if envelope else self._shown(value),
            key_schema=key.schema_id,
            value_schema=value.schema_id,
            headers={name: self._header(name, value) for name, value in headers.items()},
            size=len(message.key() or b"") + len(message.value() or b""),
            op=envelope.get("op"),
            before=hide(before),
            after=hide(after),
            changed=changed_fields(before, after),
            source=envelope.get("source"),
            version=headers.get(VERSION),
            problem=problem,
            raw=self._raw(message) if problem else None,
        )

    def _decode(self, data: bytes | None) -> Decoded:
        try:
            return self._decoder.decode(data)
        except TransientError as exc:
            return Decoded(None if data is None else readable(data), problem=str(exc))

    def _shown(self, decoded: Decoded) -> Any:
        # What is masked may be anywhere in bytes that nobody understands.
        return HIDDEN if decoded.problem and self._mask else self._mask.hide(plain(decoded.value))

    def _header(self, name: str, value: str) -> str:
        # What refused a record may quote a value of it, and nobody knows of which column.
        hidden = name in _QUOTING and bool(self._mask)
        return HIDDEN if hidden or self._mask.hides(name) else str(self._mask.hide(value))

    def _raw(self, message: Any) -> str | None:
        return None if self._mask else (message.value() or message.key() or b"")[:_HEX_LIMIT].hex(" ")


def changed_fields(before: Any, after: Any) -> tuple[str, ...]:
    """Name the fields that differ between a row before and after; of an insert or a delete, none."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ()
    return tuple(name for name in {**before, **after} if before.get(name) != after.get(name))
