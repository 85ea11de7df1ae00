"""What has moved since a review, counted and in words: kinds, actions and fields, never a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.model.errors import GuardRefused
from engine.model.keys import USER
from engine.resources.kind import TO_DO
from engine.resources.review_entry import DEPARTURE, FIELD_BYTES
from engine.snapshot.review_table import MissingRow, MovedRow

Shapes = list[tuple[str, ...]]
# Of whom nobody had heard when the review was made.
_SIGN_UPS = frozenset({"create", "conflict", "skip"})
# What a creation that was begun and not recorded may turn out to be, beside a creation still.
_ENDS = frozenset({("create", "adopt"), ("create", "update")})
_TOLD = 12
_NOUNS = {
    "create": "create", "update": "update", "adopt": "adoption", "conflict": "conflict", "skip": "skip",
    "deactivate": "deactivation", "reactivate": "reactivation", "remove": "removal",
}  # fmt: skip


@dataclass(slots=True)
class Moved:
    """`more`, `fewer` and `other` (the same action with other content) are counted by kind, action and field.

    The field is None where the whole is meant. `became` counts kind, action then and action now. `options` are names
    in the plan file. `sign_ups` are users, with their memberships, whom a review can do without; `done` is what was
    reviewed and has been done since.
    """

    options: tuple[str, ...] = ()
    more: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    fewer: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    other: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    became: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    sign_ups: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: int = 0

    def count_moved(self, row: MovedRow, planned: Shapes, reviewed: Shapes) -> None:
        """One entry that was not reviewed like that."""
        now = dict(zip(planned[row.shape], _split(row.marks), strict=False))
        was_names = reviewed[row.was_shape] if row.was_shape is not None and row.was != "unchanged" else ()
        was = dict(zip(was_names, _split(row.was_marks or b""), strict=False))
        # What a run has met since is part of it: conflicts are no deeds, and a claim's end is looked up.
        begun = row.was == row.action or (row.was, row.action) in _ENDS
        left_over = row.status == "claimed" and begun and now.items() <= was.items()
        if row.status is not None and (row.action not in TO_DO or (left_over and row.was in TO_DO)):
            self.done += row.was in TO_DO
        elif row.was is None and _is_sign_up(row):
            self.sign_ups[row.kind, row.action] += 1
        elif row.was in (None, "unchanged"):
            self._count(self.more, row.kind, row.action, now)
        elif row.was != row.action:
            self.became[row.kind, row.was or "", row.action] += 1
        else:
            self._count(self.other, row.kind, row.action, _differing(now, was), always=True)

    def count_missing(self, row: MissingRow, reviewed: Shapes) -> None:
        """One entry that was reviewed and is not there any more."""
        removed = row.action == "remove" and not row.in_state
        if row.status is not None or removed:
            self.done += row.action in TO_DO
        elif row.kind != DEPARTURE:
            self._count(self.fewer, row.kind, row.action, reviewed[row.shape])

    @property
    def as_reviewed(self) -> bool:
        """Whether nothing but sign-ups has come, and nothing gone but what has been done."""
        return not (self.options or self.more or self.fewer or self.other or self.became)

    def sentences(self) -> Iterator[str]:
        """What has moved, the options first; what a sign-up brings is left to who asks for it."""
        if self.options:
            yield f"the plan has other {_several(self.options)}"
        for word, counts in (("more", self.more), ("fewer", self.fewer)):
            for (kind, action, name), number in sorted(counts.items(), key=str):
                yield f"{number:,} {word} {_noun(kind, action, name, number)}"
        for (kind, action, name), number in sorted(self.other.items(), key=str):
            yield f"{number:,} {_noun(kind, action, None, number)} with other {name or 'content'}"
        for (kind, then, now), number in sorted(self.became.items()):
            yield f"{number:,} {_noun(kind, then, None, number)} now {_noun(kind, now, None, number)}"

    @staticmethod
    def _count(
        counts: Counter[tuple[str, str, str | None]],
        kind: str,
        action: str,
        names: Iterable[str],
        *,
        always: bool = False,
    ) -> None:
        # Of a creation all fields are new: its number says it.
        by_field = always or action in ("update", "adopt")
        found: list[str | None] = [*names] if by_field else []
        for name in found or [None]:
            counts[kind, action, name] += 1


class NotAsReviewed(GuardRefused):
    """What would be done is not what was reviewed; nothing was changed."""

    code = "not_as_reviewed"

    def __init__(self, what: list[str], *, remedy: str) -> None:
        told = what[:_TOLD] + ([f"and {len(what) - _TOLD} other things"] if len(what) > _TOLD else [])
        super().__init__(f"what would be done is not what was reviewed: {', '.join(told)}", remedy=remedy)


def count_noun(kind: str, action: str, number: int) -> str:
    """«3 creates of memberships»; of users the kind is left out."""
    return f"{number:,} {_noun(kind, action, None, number)}"


def _noun(kind: str, action: str, name: str | None, number: int) -> str:
    if kind == DEPARTURE:
        return "user that left the source" if number == 1 else "users that left the source"
    noun = _NOUNS.get(action, action)
    noun += "" if number == 1 else "s"
    noun += f" of {name}" if name else ""
    return noun if kind == USER else f"{noun} ({kind.replace('_', ' ')})"


def _is_sign_up(row: MovedRow) -> bool:
    return row.action in _SIGN_UPS and (row.kind == USER or bool(row.owner_is_new))


def _several(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")


def _split(marks: bytes) -> list[bytes]:
    return [marks[at : at + FIELD_BYTES] for at in range(0, len(marks), FIELD_BYTES)]


def _differing(now: dict[str, bytes], was: dict[str, bytes]) -> list[str]:
    return sorted(name for name in now.keys() | was.keys() if now.get(name) != was.get(name))
