"""The way back of a user: ours goes unless somebody uses it, others' lose what this plan wrote on them. Pure.

Whoever has signed in, verified the address, reset a password or been changed since our last write is kept (rule 22).
Identities and second factors take reads of their own: the run asks for them just before it removes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from engine.model.keys import USER
from engine.model.outcomes import ResourceRow
from engine.model.ports import UserChanges
from engine.model.users import METADATA, TargetUser
from engine.resources.fingerprints import Fingerprints
from engine.resources.undoing import CLOCKS_APART, Undoing, begun_in
from engine.resources.users.marks import UserMarks, holds_what_was_sent, mark_held
from engine.resources.users.planner import is_untouched

_KEPT_FIELDS = ("email", "email_verified", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class UserUndoing:
    """The rules under one plan. `flag` is the metadata key of `password_reset`, None where it sets none."""

    fingerprints: Fingerprints
    flag: str | None = None
    include_active: bool = False

    def decide(self, row: ResourceRow, held: TargetUser | None, *, reset: bool) -> Undoing:
        """What becomes of one. `held` is what WorkOS holds under the row's id, or of a creation or adoption that no
        run has recorded; `reset`: WorkOS's events tell of a password reset.
        """
        marks, begun = UserMarks.from_detail(row.detail), begun_in(row)
        if row.relation != "primary" or (row.workos_id is None and held is None):
            return Undoing(USER, row.key, "forget", begun=begun)
        if row.workos_id is None and row.operation == "create":
            if held is None or begun is None or not _made_since(held, row.changed_at):
                # Somebody else's, who took the external ID at another time.
                return Undoing(USER, row.key, "forget", begun=begun)
            if not marks.fits(held, self._flags, self.fingerprints):
                # Ours and changed since, or somebody else's: nobody can say, and it stays whatever is included.
                return Undoing(USER, row.key, "keep", held.id, "changed_since", begun=begun)
        elif held is None:
            return self._missing(row)
        elif not row.created_here:
            return self._restore(row, marks, held)
        kept = None if self.include_active else self.reason_to_stay(row, held, reset=reset)
        return Undoing(USER, row.key, "remove" if kept is None else "keep", held.id, kept, begun=begun)

    def reason_to_stay(self, row: ResourceRow, held: TargetUser, *, reset: bool) -> str | None:
        """Why somebody may be using a user that this plan made; None where nothing says so."""
        marks = UserMarks.from_detail(row.detail)
        asked = marks.sent.get("email_verified") == self.fingerprints.field("email_verified", "true")
        if held.signed_in:
            return "signed_in"
        if held.email_verified and not (row.verified or asked):
            return "verified_since"
        if reset:
            return "password_reset"
        return "changed_since" if self._changed(row, marks, held) else None

    @property
    def _flags(self) -> tuple[str, ...]:
        return () if self.flag is None else (self.flag,)

    def _changed(self, row: ResourceRow, marks: UserMarks, held: TargetUser) -> bool:
        if begun_in(row) == "create" and marks.wholes:
            return not marks.fits(held, self._flags, self.fingerprints)
        if is_untouched(held) or (row.stamp is not None and held.updated_at == row.stamp):
            return False
        if row.status == "done" or not marks.sent:
            return True
        # The end of a write of ours is not known. What it would have made tells, for all that the state knows.
        recorded: Mapping[str, str] = orjson.loads(row.fields) if row.fields else {}
        known = {name.removeprefix(METADATA) for name in (*recorded, *marks.sent) if name.startswith(METADATA)}
        if row.fields and held.metadata.keys() - known - {self.flag}:
            return True
        return not holds_what_was_sent(held, recorded, marks.sent, self.fingerprints)

    def _missing(self, row: ResourceRow) -> Undoing:
        if row.status == "claimed" and row.operation == "remove":
            # As was begun: the deletion finds nobody, and that is its end.
            return Undoing(USER, row.key, "remove", row.workos_id)
        if row.status == "gone":
            return Undoing(USER, row.key, "keep", row.workos_id, "gone")
        return Undoing(USER, row.key, "gone", row.workos_id, "gone")

    def _restore(self, row: ResourceRow, marks: UserMarks, held: TargetUser) -> Undoing:
        """Another's: fields that were empty before lose what we wrote there, if it still stands there."""
        recorded = orjson.loads(row.fields) if row.fields else {}
        send: list[str] = []
        left = set(marks.replaced)
        for name, mark in marks.added.items():
            if mark_held(held, name, self.fingerprints) not in (mark, recorded.get(name)):
                continue
            if name in _KEPT_FIELDS:
                left.add(name)
            else:
                send.append(name)
        if row.flagged and self.flag is not None and held.metadata.get(self.flag) == "true":
            send.append(f"{METADATA}{self.flag}")
        return Undoing(
            USER, row.key, "restore" if send else "forget", held.id, begun=begun_in(row),
            send=dict.fromkeys(sorted(set(send))), left=tuple(sorted(left)),
        )  # fmt: skip


def without_fields(undoing: Undoing) -> UserChanges:
    """The update that takes off what `undoing` names."""
    keys = [name.removeprefix(METADATA) for name in undoing.send if name.startswith(METADATA)]
    return UserChanges(metadata=dict.fromkeys(keys) or None, clear_external_id="external_id" in undoing.send)


def lacks(user: TargetUser, undoing: Undoing) -> bool:
    """Whether the user holds none of what `undoing` takes off."""
    keys = {name.removeprefix(METADATA) for name in undoing.send if name.startswith(METADATA)}
    return not keys & user.metadata.keys() and ("external_id" not in undoing.send or user.external_id is None)


def _made_since(user: TargetUser, begun_at: float | None) -> bool:
    try:
        return datetime.fromisoformat(user.created_at or "").timestamp() >= (begun_at or 0.0) - CLOCKS_APART
    except ValueError:
        return False
