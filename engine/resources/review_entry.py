"""What is to be done with one resource, as a review keeps it: sealed under a secret, so that nothing can be guessed.

Every mark is of the resource's key too. A user's key holds their sub, which is random and is not in a review: who has
the review, even with its secret, cannot try addresses or names against it unless they know whose they would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from engine.model.keys import MEMBERSHIP, split_membership_key
from engine.resources.kind import ResourceChange

DEPARTURE = "departure"
"""The kind of an entry for a user who left the source, where so many did that a guard stands against it."""
MARK_BYTES = 12
FIELD_BYTES = 4


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """One change. `content` is all of it, as the digest takes it; `parts` are the fields to write, by name.

    An `unchanged` user has no content: a review only remembers that they were there. Nor has one who waits.
    """

    kind: str
    key: str
    action: str
    content: bytes = b""
    parts: Mapping[str, object] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        """The key of the user whose membership it is."""
        return split_membership_key(self.key)[0] if self.kind == MEMBERSHIP else None


class Seal:
    """Marks under one secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        # The state's own fingerprints are under the very key: nothing of one must be readable in the other.
        self._key = blake2b(b"review", key=secret, digest_size=32).digest()

    def key(self, kind: str, key: str) -> bytes:
        """Of a resource."""
        return blake2b(f"{kind}\0{key}".encode("utf-8", "surrogatepass"), key=self._key, digest_size=12).digest()

    def whole(self, entry: ReviewEntry) -> bytes:
        """Of all that is to be done with it."""
        before = f"{entry.kind}\0{entry.key}\0".encode("utf-8", "surrogatepass")
        return blake2b(before + entry.content, key=self._key, digest_size=MARK_BYTES).digest()

    def fields(self, entry: ReviewEntry, names: Iterable[str]) -> bytes:
        """Of each field, one after another in this order."""
        before = f"{entry.kind}\0{entry.key}\0".encode("utf-8", "surrogatepass")
        return b"".join(
            blake2b(before + name.encode() + b"\0" + _dump(entry.parts[name]), key=self._key, digest_size=4).digest()
            for name in names
        )

    @property
    def check(self) -> str:
        """Alike for the same secret alone; says nothing of it."""
        return blake2b(b"check", key=self._key, digest_size=8).hexdigest()

    def option(self, name: str, value: str) -> str:
        """Of an option of the plan file."""
        return blake2b(f"option\0{name}\0{value}".encode(), key=self._key, digest_size=8).hexdigest()


def entry_of(change: ResourceChange) -> ReviewEntry:
    """Of a kind that is decided on in memory."""
    content = [change.kind, change.key, change.action, change.workos_id, change.code, change.send]
    return ReviewEntry(change.kind, change.key, change.action, _dump(content), change.send)


def _dump(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
