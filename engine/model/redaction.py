"""Keeps secrets out of every message: known values, and whatever looks like a key.

It owns what a secret looks like. Who shows a message asks a `Redactor` first; the loader asks `looks_secret`. Data is
never masked: users may be called anything, and a program reads what they are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "[secret]"

# WorkOS says only that keys begin with `sk_`; twelve characters more keep an attribute called `sk_id` out of it.
_KEY = (
    r"(?<![A-Za-z0-9_])sk_(?:(?:test|live)_\w+|\w{12,})"
    r"|(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
)
# The password in scheme://user:password@host. One that comes from the environment is no literal.
_URL_CREDENTIALS = r"(?<=://)[^/\s:@]*:(?!\$\{)[^/\s@]+(?=@)"
_SECRET = re.compile(f"{_KEY}|{_URL_CREDENTIALS}")

# A shorter "secret" would blank out ordinary words everywhere.
_SHORTEST = 6


def looks_secret(text: str) -> bool:
    """Whether a literal text holds what only an environment variable should hold."""
    return _SECRET.search(text) is not None


class Redactor:
    """Masks known secret values, and everything that looks like one, in any text."""

    __slots__ = ("_known", "_public")

    def __init__(self, secrets: Iterable[str] = (), public: Iterable[str] = ()) -> None:
        """`public` values look like secrets and are none."""
        self._public = frozenset(public)
        forms = {form for secret in secrets for form in _forms(secret)}
        # Longest first: a secret that is part of another must not leave the rest of it behind.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor()"

    def mask(self, text: str) -> str:
        """The text with every secret replaced by `MASK`."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _SECRET.sub(lambda found: found[0] if found[0] in self._public else MASK, text)


def _forms(secret: str) -> Iterable[str]:
    """A secret as it is, trimmed, and as it stands in an address."""
    return {form for form in (secret, secret.strip(), quote(secret, safe="")) if len(form) >= _SHORTEST}
