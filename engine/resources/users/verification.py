"""What WorkOS should hold against what it holds, field by field: a difference, drift, or equal (rule 11). Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from engine.model.users import METADATA, TargetUser, held_value
from engine.resources.users.changes import Desired

FieldVerdict = Literal["equal", "different", "drift"]
EMAIL, EMAIL_VERIFIED = "email", "email_verified"

# Social sign-in overwrites names (facts): a name that differs is normal.
_DRIFTING = frozenset({"first_name", "last_name"})


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of one user that is not equal."""

    field: str
    verdict: FieldVerdict


def compared_fields(desired: Desired, mapped: Set[str]) -> Sequence[str]:
    """Every field of `mapped` and of the person once, in a fixed order, the address first.

    Flags are the application's once they are set, and not compared.
    """
    return _ordered(tuple(desired.fields), frozenset(mapped))


# People have few sets of fields, and a pool many people.
@lru_cache(maxsize=1024)
def _ordered(own: tuple[str, ...], mapped: frozenset[str]) -> Sequence[str]:
    return (EMAIL, EMAIL_VERIFIED, *sorted(mapped.union(own)))


def compare(desired: Desired, held: TargetUser, fields: Sequence[str], *, created_here: bool) -> list[Compared]:
    """Those of the compared fields that are not equal, in their order."""
    found: list[Compared] = []
    for name in fields:
        if name == EMAIL:
            if held.email != desired.email:
                found.append(Compared(EMAIL, "different"))
        elif name == EMAIL_VERIFIED:
            if held.email_verified != desired.verified:
                found.append(Compared(EMAIL_VERIFIED, _verified(desired, created_here=created_here)))
        elif held_value(held, name) != (wanted := desired.fields.get(name)):
            # What Cognito lacks is removed on users of ours alone; others came with what they have.
            kept = wanted is None and not created_here
            found.append(Compared(name, "drift" if name in _DRIFTING or kept else "different"))
    return found


def desired_value(desired: Desired, name: str) -> str | bool | None:
    """What a field is to hold, by its flat name; None where it is to hold nothing."""
    if name == "email":
        return desired.email
    return desired.verified if name == "email_verified" else desired.fields.get(name)


def shown_name(field: str) -> str:
    """The field as the plan file calls it."""
    return field if not field.startswith(METADATA) else f"metadata {field[len(METADATA) :]}"


def _verified(desired: Desired, *, created_here: bool) -> FieldVerdict:
    # Lower than in Cognito matters on users of ours; on others it is never raised (rule 3), and higher is their doing.
    return "different" if desired.verified and created_here else "drift"
