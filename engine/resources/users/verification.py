"""What WorkOS should hold against what it holds, field by field: a difference, drift, or equal (rule 11). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from engine.model.users import TargetUser
from engine.resources.users.changes import Desired
from engine.resources.users.planner import METADATA, held_value

FieldVerdict = Literal["equal", "different", "drift"]

# Social sign-in overwrites names (facts): a name that differs is normal.
_DRIFTING = frozenset({"first_name", "last_name"})


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of one user."""

    field: str
    verdict: FieldVerdict


def compare(
    desired: Desired, held: TargetUser, *, created_here: bool, mapped: Collection[str] = ()
) -> Iterator[Compared]:
    """Every field of `mapped` and of the person once, in a fixed order.

    Flags are the application's once they are set, and not compared.
    """
    yield Compared("email", "equal" if held.email == desired.email else "different")
    yield Compared("email_verified", _verified(desired, held, created_here=created_here))
    for name in sorted({*desired.fields, *mapped}):
        wanted = desired.fields.get(name)
        if held_value(held, name) == wanted:
            yield Compared(name, "equal")
        else:
            # What Cognito lacks is removed on users of ours alone; others came with what they have.
            kept = wanted is None and not created_here
            yield Compared(name, "drift" if name in _DRIFTING or kept else "different")


def desired_value(desired: Desired, name: str) -> str | bool | None:
    """What a field is to hold, by its flat name; None where it is to hold nothing."""
    if name == "email":
        return desired.email
    return desired.verified if name == "email_verified" else desired.fields.get(name)


def shown_name(field: str) -> str:
    """The field as the plan file calls it."""
    return field if not field.startswith(METADATA) else f"metadata {field[len(METADATA) :]}"


def _verified(desired: Desired, held: TargetUser, *, created_here: bool) -> FieldVerdict:
    if held.email_verified == desired.verified:
        return "equal"
    # Lower than in Cognito matters on users of ours; on others it is never raised (rule 3), and higher is their doing.
    return "different" if desired.verified and created_here else "drift"
