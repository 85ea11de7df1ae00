"""Owns the IDs: a prefix and a ULID, in the order of making even within one millisecond."""

from __future__ import annotations

import random
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_RANDOM_BITS = 80


class IdMaker:
    """Makes IDs that only ever grow; `seed` makes them repeatable but for the time in them."""

    def __init__(self, now: Callable[[], float], seed: int | None = None) -> None:
        self._now = now
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets
        self._last = 0

    def new(self, prefix: str) -> str:
        """`prefix` and 26 characters of Crockford's base 32."""
        milliseconds = int(self._now() * 1000)
        fresh = milliseconds << _RANDOM_BITS | self._random.getrandbits(_RANDOM_BITS - 1)
        # The time went back, or this millisecond has an ID already: count on, so that order stays that of making.
        self._last = fresh if milliseconds > self._last >> _RANDOM_BITS else self._last + 1
        return prefix + _encode(self._last)

    def continue_after(self, identifier: str) -> None:
        """Never go below an ID that an earlier process has made."""
        self._last = max(self._last, _decode(identifier[-26:]))


def _encode(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def _decode(text: str) -> int:
    number = 0
    for letter in text:
        number = number << 5 | max(_ALPHABET.find(letter), 0)
    return number
