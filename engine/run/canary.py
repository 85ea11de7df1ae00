"""What a canary run is asked for: an `apply` of a few people, before that of all."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.model.codes import explain
from engine.model.errors import GuardRefused
from engine.model.keys import sub_of, user_key
from engine.model.users import normalise_email
from engine.plan_file.model import Spec
from engine.snapshot.canary import find_named
from engine.snapshot.waves import first_waiting


@dataclass(frozen=True, slots=True)
class Canary:
    """At most `limit` people with changes, and none but `targets` (subs or addresses as the user wrote them)."""

    limit: int | None = None
    targets: tuple[str, ...] = ()

    @classmethod
    def of(cls, limit: int | None, targets: list[str] | None) -> Canary | None:
        """From the command line; None where the run is for everybody."""
        return cls(limit, tuple(dict.fromkeys(targets or ()))) if limit is not None or targets else None


def find_people(
    connection: sqlite3.Connection, canary: Canary, spec: Spec, names: Mapping[str, str]
) -> tuple[str, ...]:
    """Keys of the people whom the targets name; blocking. `names` are those of several pools, by ID.

    Raises GuardRefused for a target that nobody is, or that the plan excludes.
    """
    people: dict[str, None] = {}
    for target in canary.targets:
        found = find_named(connection, _keys(target, spec, names), normalise_email(target))
        if found is None:
            raise GuardRefused(
                f"--target {target} is neither a sub nor an address of the pool",
                remedy="copy it from the pool" + (", a sub as POOL/SUB" if names else ""),
                code="target_unknown",
            )
        if not found.people:
            message, remedy = explain(found.excluded or "filtered")
            raise GuardRefused(f"--target {target} is excluded: {message}", remedy=remedy, code="target_excluded")
        people.update(dict.fromkeys(found.people))
    return tuple(people)


def check_turn(connection: sqlite3.Connection, people: Sequence[str]) -> None:
    """Raise GuardRefused where it is not the turn of one of them; blocking."""
    found = first_waiting(connection, people)
    if found is not None:
        key, code = found
        message, remedy = explain(code)
        raise GuardRefused(f"--target names user {sub_of(key)}: {message}", remedy=remedy, code="target_waits")


def _keys(target: str, spec: Spec, names: Mapping[str, str]) -> list[str]:
    """The keys that a sub may have: of every pool, or of the one that stands before it."""
    keys = [user_key(one.key, target) for one in spec.pools]
    named = [user_key(pool, target.removeprefix(f"{name}/")) for pool, name in names.items()
             if target.startswith(f"{name}/")]  # fmt: skip
    return named + keys
