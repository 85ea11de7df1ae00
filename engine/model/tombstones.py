"""Whom a person's erasure has taken out: known again by a keyed mark alone, and never made or adopted again."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

NOTED_AS = "tombstones"
"""Under what name a state keeps the marks."""


class Tombstones:
    """Marks of users' keys under a state's secret; what cannot be told without it."""

    def __init__(self, secret: bytes, noted: str | None = None) -> None:
        self._secret = secret
        self._marks = set((noted or "").split())

    def __bool__(self) -> bool:
        return bool(self._marks)

    def __contains__(self, key: object) -> bool:
        return bool(self._marks) and isinstance(key, str) and self._mark(key) in self._marks

    def with_keys(self, keys: Iterable[str]) -> str:
        """What the state has to note once these are taken out as well."""
        return " ".join(sorted(self._marks | {self._mark(key) for key in keys}))

    def _mark(self, key: str) -> str:
        return hmac.digest(self._secret, key.encode("utf-8", "surrogateescape"), "sha256").hex()
