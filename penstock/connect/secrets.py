"""Hides the secrets in a connector's configuration: one rule for pages, API and command line.

A setting is secret by its name; in other values, what looks like a password is: it may stand in an address or a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from penstock.connect.apply import Change
from penstock.errors import TerminalError

HIDDEN = "••••"

_WORDS = r"pass(?:word|wd|phrase)|\bpwd\b|secret|token|credential|jaas|signature|\bsas\b"
_KEYS = (
    r"(?:api|access|account|auth|encryption|keystore|license|master|private|service|shared|signing)[._-]?\w*[._-]?key"
)
_SECRET_NAME = re.compile(
    rf"{_WORDS}|{_KEYS}|user[._-]?info|connection[._-](?:uri|string)|authorization|auth[._-]header", re.IGNORECASE
)
_REFERENCE = re.compile(r"\$\{[^{}]+\}")
_PEM = "-----BEGIN "
_IN_TEXT = (
    # user:password@ of an address
    (re.compile(r"(://)[^\s\"']*@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            rf"(?i)([\w.-]*(?:{_WORDS}|api[._-]?key|(?:access|account|shared)[._-]?key|\bsig\b)[\w.-]*(?:[\"']\s*:|\s*=)\s*)"
            r"(?![\"']?\$\{)(\"[^\"]+\"|'[^']+'|[^\s&;,\"']+)"
        ),
        rf"\1{HIDDEN}",
    ),
)


class SecretHidden(TerminalError):
    """A configuration came back with a hidden secret in it that nobody can fill in."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"{key} holds {HIDDEN}, which stands for a secret that is hidden: write the secret, or better a reference "
            "to it, such as ${env:NAME}"
        )


def hidden(key: str, value: str) -> str:
    """Return the value of a setting as everybody may see it; a reference such as `${env:NAME}` is no secret."""
    if _PEM in value:
        return HIDDEN
    if _SECRET_NAME.search(key):
        return HIDDEN if re.search(r"\w", _REFERENCE.sub("", value)) else value
    return hidden_in(value)


def hidden_in(text: str) -> str:
    """Return a text, of a trace for example, without the passwords in it."""
    for secret, shown in _IN_TEXT:
        text = secret.sub(shown, text)
    return text


def hide_secrets(config: Mapping[str, str]) -> dict[str, str]:
    """Return a configuration as everybody may see it, sorted."""
    return {key: hidden(key, value) for key, value in sorted(config.items())}


def hide_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return differences as everybody may see them; two secrets that differ look the same."""
    return tuple(
        replace(
            change,
            before=None if change.before is None else hidden(change.key, change.before),
            after=None if change.after is None else hidden(change.key, change.after),
        )
        for change in changes
    )


def with_secrets(config: Mapping[str, str], *known: Mapping[str, str]) -> dict[str, str]:
    """Put the secrets back into a configuration that was shown without them, and edited.

    :param known: what may have been shown, with its secrets.
    :raises SecretHidden: a value is hidden, and what it was is not known, or differs between these.
    """
    return {
        key: _with_secret(key, value, [each[key] for each in known if key in each]) for key, value in config.items()
    }


def _with_secret(key: str, value: str, known: Sequence[str]) -> str:
    if HIDDEN not in value:
        return value
    meant = {each for each in known if hidden(key, each) == value}
    if len(meant) != 1:
        raise SecretHidden(key)
    return meant.pop()
