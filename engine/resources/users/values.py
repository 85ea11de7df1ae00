"""What WorkOS takes as a value, and how a value that it does not take is treated (`when_invalid`, rule 12)."""

from __future__ import annotations

import re
import unicodedata

from engine.plan_file.model import WhenInvalid

# A shape, not a verdict: WorkOS decides. This only keeps what can never be an address from costing a request.
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s.\x00-\x1f\x7f]+(\.[^@\s.\x00-\x1f\x7f]+)+")


# Drawn as nothing, and of categories that otherwise hold visible characters (Unicode, Default_Ignorable_Code_Point).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def is_email(address: str) -> bool:
    """Whether a normalised address has the shape of one, and is stored as it is written (rule 1)."""
    if len(address) > 320 or _EMAIL.fullmatch(address) is None:
        return False
    return address.isascii() or _is_stable(address)


def _is_stable(address: str) -> bool:
    """Whether no usual normalisation makes another address of it: somebody else's, verified, could be the result."""
    if unicodedata.normalize("NFKC", address) != address or address.lower() != address or _INVISIBLE.search(address):
        return False
    for char in address:
        # Controls, format characters, surrogates, private and unassigned ones, and separators of every kind.
        if unicodedata.category(char)[0] in "CZ":
            return False
        # A dotless i becomes an i wherever upper and lower case are tried in turn.
        if not char.isascii() and char.upper().lower().isascii():
            return False
    return True


def is_true(value: str | None) -> bool:
    """Cognito's booleans are strings: "true", also "True" (facts: every attribute value is a string)."""
    return value is not None and value.strip().lower() == "true"


def fit_metadata(value: str, *, limit: int, when_invalid: WhenInvalid) -> tuple[str | None, str | None]:
    """A metadata value as WorkOS takes it: ASCII, at most `limit` characters (docs; 600).

    Returns (value, None), (None, None) where it is left out, or (None, fault).
    """
    if value.isascii():
        if len(value) <= limit:
            return value, None
    elif when_invalid == "escape":
        escaped = escape(value)
        if len(escaped) <= limit:
            return escaped, None
    if when_invalid == "omit":
        return None, None
    return None, "not_ascii" if not value.isascii() and when_invalid != "escape" else "too_long"


def escape(value: str) -> str:
    r"""Every character outside ASCII as `\uXXXX`, in UTF-16 units, as JSON writes it."""
    return "".join(char if char.isascii() else "".join(f"\\u{unit:04x}" for unit in _utf16(char)) for char in value)


def _utf16(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
