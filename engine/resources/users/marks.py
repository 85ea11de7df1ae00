"""What the state keeps of our writes to a WorkOS user beside their outcome, so that they can be taken back. Pure.

Of a creation: whom to look for, should no run see its end. Of a user that somebody else made: what this plan wrote on
it. All are keyed fingerprints and names of fields: no value is kept (rule 14).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from engine.model.users import TargetUser, held_value
from engine.resources.fingerprints import Fingerprints

Sent = Mapping[str, str | bool | None]
# The mark of a field that was taken away.
NOTHING = ""


@dataclass(frozen=True, slots=True)
class UserMarks:
    """Fingerprints by flat name.

    `sought` is of the external ID that a creation began with. `sent` are those of the write that is about to be made.
    `wholes` are of all that a creation, or what took it up, was to hold: a user who holds none of them is not its end.
    On another's user, `added` are fields that were empty before this plan wrote them, `replaced` names those that
    held something else, or of which nobody knows.
    """

    sought: str | None = None
    sent: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()
    wholes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sought or self.sent or self.added or self.replaced or self.wholes)

    def to_detail(self) -> dict[str, object]:
        """As the state keeps it while a write is under way; what is empty is left out."""
        content: dict[str, object] = {"sought": self.sought, "sent": dict(self.sent), "wholes": list(self.wholes)}
        return {name: value for name, value in (content | self.lasting()).items() if value}

    def lasting(self) -> dict[str, object]:
        """What outlives the write."""
        content: dict[str, object] = {"added": dict(self.added), "replaced": list(self.replaced)}
        return {name: value for name, value in content.items() if value}

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any] | str | None) -> UserMarks:
        """From what the state keeps, or its JSON."""
        held: Mapping[str, Any] = orjson.loads(detail) if isinstance(detail, str) else (detail or {})
        return cls(
            held.get("sought"), held.get("sent", {}), held.get("added", {}), tuple(held.get("replaced", ())),
            tuple(held.get("wholes", ())),
        )  # fmt: skip

    def with_whole(self, whole: bytes) -> UserMarks:
        """With one more."""
        return replace(self, wholes=tuple(dict.fromkeys((*self.wholes, whole.hex()))))

    def fits(self, user: TargetUser, flags: Collection[str], fingerprints: Fingerprints) -> bool:
        """Whether the user is what a begun creation was to make; states of earlier versions do not tell.

        `flags` are metadata keys that a creation sets beside what is mapped.
        """
        if not self.wholes:
            return True
        names = ("external_id", "first_name", "last_name")
        fields = {name: value for name in names if (value := getattr(user, name)) is not None}
        fields |= {f"metadata.{key}": value for key, value in user.metadata.items() if key not in flags}
        return fingerprints.whole(user.email, user.email_verified, fields).hex() in self.wholes

    def with_write(self, send: Sent, held: TargetUser | None, fingerprints: Fingerprints) -> UserMarks:
        """After one more write to another's user. `held` is the user as a read has shown it; None: nobody looked."""
        added, replaced = dict(self.added), set(self.replaced)
        marks = fingerprints_of(send, fingerprints)
        for name, mark in marks.items():
            if name in added:
                # What is taken away again is as it was: the old mark no longer fits, and harms nothing.
                added[name] = mark or added[name]
            elif name in replaced:
                continue
            elif held is not None and held_text(held, name) is None and mark != NOTHING:
                added[name] = mark
            else:
                replaced.add(name)
        return UserMarks(sent=marks, added=added, replaced=tuple(sorted(replaced)))


def fingerprints_of(send: Sent, fingerprints: Fingerprints) -> dict[str, str]:
    """Marks of what a write carries."""
    return {name: NOTHING if value is None else fingerprints.field(name, _text(value)) for name, value in send.items()}


def holds_what_was_sent(
    user: TargetUser, recorded: Mapping[str, str], sent: Mapping[str, str], fingerprints: Fingerprints
) -> bool:
    """Whether a write whose end no run has seen was done, and nothing else has changed what the state recorded.

    `recorded` are marks of what was held before, empty where that is not known; what somebody added besides is not
    looked at.
    """
    wanted = {**recorded, **sent}
    return bool(sent) and all(mark_held(user, name, fingerprints) == mark for name, mark in wanted.items())


def mark_held(user: TargetUser, name: str, fingerprints: Fingerprints) -> str:
    """The mark of what WorkOS holds in a field."""
    value = held_text(user, name)
    return NOTHING if value is None else fingerprints.field(name, value)


def held_text(user: TargetUser, name: str) -> str | None:
    """A field of a WorkOS user by its flat name, as text; None where it holds none."""
    value = held_value(user, name)
    return None if value is None else _text(value)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
