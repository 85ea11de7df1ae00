"""What coverage counts, kept as bits beside each record: a record that is delivered twice is counted once.

The number of different traits is bounded, and so is the memory, however many users there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from engine.model.keys import split_user_key
from engine.model.users import SourceUser
from engine.resources.users.coverage import GIVES, HAS, Trait, TraitCounts, attributes_had, fields_given
from engine.resources.users.mapper import MappedRecord

# A pool has at most 50 custom attributes; files may name anything.
MOST_ATTRIBUTES = 1000
_MOST_SHAPES = 4000


class Traits:
    """The traits of one pool's records, each with its bit. `names` are attributes that are counted in any case."""

    def __init__(self, filters: Sequence[str], names: Iterable[str] = ()) -> None:
        self.filters = tuple(filters)
        self.incomplete = False
        self._bits: dict[Trait, int] = {}
        # Records of one pool look alike: looking up the whole list is quicker than its names one by one.
        self._had: dict[tuple[str, ...], int] = {}
        self._given: dict[tuple[str, ...], int] = {}
        self._attributes = 0
        self._email, self._verified = self._bit((GIVES, "email")), self._bit((GIVES, "email_verified"))
        for name in sorted(set(names)):
            self._bit((HAS, name), always=True)

    def pack(self, user: SourceUser, record: MappedRecord, exceptions: Iterable[Trait]) -> bytes:
        """Bits for the column `traits`; `exceptions` are what few records show."""
        had = attributes_had(user)
        mask = self._had.get(had)
        if mask is None:
            mask = self._learn(self._had, HAS, had)
        given = fields_given(record) if record.invalid else tuple(record.fields)
        fields = self._given.get(given)
        if fields is None:
            fields = self._learn(self._given, GIVES, given)
        mask |= fields
        # The plan's own address for a user is no value of theirs.
        if record.email is not None and not record.placeholder:
            mask |= self._email
        if record.verified:
            mask |= self._verified
        for trait in exceptions:
            mask |= self._bit(trait)
        return mask.to_bytes((mask.bit_length() + 7) >> 3, "little")

    def unpack(self, tally: BitCounts) -> dict[Trait, int]:
        """Counts by trait."""
        return {trait: tally.of(at) for at, trait in enumerate(self._bits)}

    def _learn(self, shapes: dict[tuple[str, ...], int], kind: str, names: tuple[str, ...]) -> int:
        if len(shapes) >= _MOST_SHAPES:
            shapes.clear()
        mask = 0
        for name in names:
            mask |= self._bit((kind, name))
        shapes[names] = mask
        return mask

    def _bit(self, trait: Trait, *, always: bool = False) -> int:
        bit = self._bits.get(trait)
        if bit is None:
            if trait[0] == HAS:
                if self._attributes >= MOST_ATTRIBUTES and not always:
                    self.incomplete = True
                    return 0
                self._attributes += 1
            bit = self._bits[trait] = 1 << len(self._bits)
        return bit


class BitCounts:
    """How often each bit was set, over any number of masks.

    One plane holds the lowest binary digit of all counts, the next one the second, and so on: adding a mask to all of
    them at once costs the same however many bits it has.
    """

    def __init__(self) -> None:
        self.masks = 0
        self._planes: list[int] = []

    def add(self, mask: int) -> None:
        """Count the bits of one mask."""
        self.masks += 1
        planes = self._planes
        for at, plane in enumerate(planes):
            planes[at] = plane ^ mask
            mask &= plane
            if not mask:
                return
        if mask:
            planes.append(mask)

    def of(self, at: int) -> int:
        """How many masks had the bit at this place."""
        return sum((plane >> at & 1) << power for power, plane in enumerate(self._planes))


def count_traits(connection: sqlite3.Connection, traits: Mapping[str, Traits]) -> dict[str, TraitCounts]:
    """By pool, over a whole snapshot whose people are settled: until then nobody knows who is selected."""
    tallies = {pool: (BitCounts(), BitCounts()) for pool in traits}
    if len(tallies) == 1:
        (only,) = tallies.values()
        for raw, excluded in connection.execute("SELECT traits, reason IS NOT NULL FROM record"):
            only[excluded].add(int.from_bytes(raw, "little"))
    else:
        for key, raw, excluded in connection.execute("SELECT key, traits, reason IS NOT NULL FROM record"):
            tallies[split_user_key(key)[0]][excluded].add(int.from_bytes(raw, "little"))
    return {pool: _counts(traits[pool], *found) for pool, found in tallies.items()}


def _counts(traits: Traits, selected: BitCounts, excluded: BitCounts) -> TraitCounts:
    of_selected, of_excluded = traits.unpack(selected), traits.unpack(excluded)
    return TraitCounts(
        seen=selected.masks + excluded.masks,
        selected=selected.masks,
        of_all={trait: number + of_excluded[trait] for trait, number in of_selected.items()},
        of_selected=of_selected,
        filters=traits.filters,
        incomplete=traits.incomplete,
    )
