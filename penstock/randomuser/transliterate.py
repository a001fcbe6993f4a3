# ruff: noqa: RUF001 - letters of other scripts are the subject here
"""Names of every script as the ASCII letters of an email address, as the API itself writes them."""

from __future__ import annotations

import unicodedata

_LATIN = {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ð": "d", "þ": "th", "đ": "dj", "ł": "l", "ı": "i"}

_CYRILLIC = {
    **dict(zip("абвгґдезиіклмнопрстуфєїйјћ", "abvggdeziiklmnoprstufeiijc", strict=True)),
    **{"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "ь": ""},
    **{"љ": "lj", "њ": "nj", "ђ": "dj", "џ": "dz"},
}

# Persian writes few vowels, so neither do these: the API's own addresses read like `tr.hydry`.
_PERSIAN = dict(zip("آابپتثجحخدذرزژسشصضطظعغفقکكگلمنوهةیيىئؤأ", "aabptsjhkdzrzjsssztzaqfqkkglmnvhhyyyyva", strict=True))

_ASCII = str.maketrans(_LATIN | _CYRILLIC | _PERSIAN)


def to_ascii_letters(name: str) -> str:
    """Return the lower-case ASCII letters, digits and hyphens that stand for a name; the rest is left out."""
    spelled = unicodedata.normalize("NFKD", name.lower().translate(_ASCII))
    return "".join(letter for letter in spelled if letter.isascii() and (letter.isalnum() or letter == "-"))
