"""The guards of `safety` that a computed plan is held against: what `apply` refuses, and `plan` foretells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from engine.model.errors import GuardRefused
from engine.plan_file.model import Safety
from engine.run.results import Guarded
from engine.snapshot.departures import Departures

# A share of a few users says nothing: one of five is a fifth.
_SHARE_FROM = 20
_UPDATES_FROM = 50


def broken_guards(
    safety: Safety, actions: Counter[str], departures: Departures, *, rewritten: int, converged: bool
) -> tuple[Guarded, ...]:
    """Each guard that the plan breaks, with its figure.

    `actions` are people by action, and `rewritten` those whom an update changes. `converged`: an earlier run has ended
    with everybody in place.
    """
    return tuple(_broken(safety, actions, departures, rewritten if converged else 0))


def check_guards(guards: tuple[Guarded, ...], *, but: Collection[str] = ()) -> None:
    """Raise GuardRefused for the first of them; `but` are codes of those that something else stands in for."""
    for one in guards:
        if one.code not in but:
            raise GuardRefused(one.message, remedy=one.remedy, code=one.code)


def _broken(safety: Safety, actions: Counter[str], departures: Departures, updates: int) -> Iterator[Guarded]:
    changes = actions["create"] + actions["update"] + actions["adopt"]
    people = sum(number for action, number in actions.items() if action != "merge")
    allowed = _allowed(safety.max_changes, people)
    if allowed is not None and changes > allowed:
        yield Guarded(
            "max_changes",
            allowed,
            changes,
            f"the plan would change {changes} users, and safety.max_changes allows {allowed}",
            "look at `migrate plan`, then raise safety.max_changes if that is what you want",
        )
    # Until everybody is in place, runs correct what the first ones showed to be wrong: none of that counts.
    known = departures.known
    allowed = _allowed(safety.max_updates, known, share_from=_UPDATES_FROM)
    if allowed is not None and updates > allowed:
        yield Guarded(
            "max_updates",
            allowed,
            updates,
            f"the plan would update {updates} of {known} migrated users, and safety.max_updates allows {allowed}",
            "look at `migrate plan`, then raise safety.max_updates if that is what you want",
        )
    allowed = _allowed(safety.max_left_source, departures.known, share_from=_SHARE_FROM)
    if allowed is not None and departures.gone > allowed:
        yield Guarded(
            "max_left_source",
            allowed,
            departures.gone,
            f"{departures.gone} of {departures.known} migrated users are no longer selected from Cognito, "
            f"and safety.max_left_source allows {allowed}",
            "correct source or filters, or raise safety.max_left_source if they are meant to leave",
        )


def _allowed(limit: int | float | None, of: int, *, share_from: int = 0) -> int | None:
    """The limit as a number of users; None where there is none."""
    if limit is None or isinstance(limit, int):
        return limit
    return int(limit * of) if of >= share_from else None
