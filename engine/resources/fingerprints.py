"""Keyed fingerprints of what was last written: they tell a change without keeping the value (rule 14).

The key is random and belongs to one state, so that equal values in two states have nothing in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import orjson

FIELD_BYTES = 8
WHOLE_BYTES = 16


class Fingerprints:
    """Fingerprints under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def whole(self, email: str, verified: bool, fields: Mapping[str, str]) -> bytes:
        """One user's, over address, flag and all fields (flat names); equal only if all are equal."""
        content = orjson.dumps([email, verified, fields], option=orjson.OPT_SORT_KEYS)
        return blake2b(content, key=self._key, digest_size=WHOLE_BYTES).digest()

    def each(self, email: str, verified: bool, fields: Mapping[str, str]) -> dict[str, str]:
        """One a field, as hexadecimal text. The name goes in, so that equal values of two fields differ."""
        values = {"email": email, "email_verified": "true" if verified else "false", **fields}
        return {name: self.field(name, value) for name, value in values.items()}

    def field(self, name: str, value: str) -> str:
        """One field's, as hexadecimal text."""
        return blake2b(f"{name}\0{value}".encode(), key=self._key, digest_size=FIELD_BYTES).hexdigest()
