"""Everybody who may be mailed, judged one by one: who is due."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.model.keys import sub_of
from engine.model.resets import Candidate, Recipient
from engine.resets.eligibility import Rules, judge
from engine.resets.recipients import Due


def find_due(
    people: Iterable[tuple[Candidate, Recipient]], rules: Rules, now: float, *, only: Collection[str] | None = None
) -> Due:
    """Judge everybody, or those of `only` (subs, or POOL/SUB)."""
    found = Due()
    seen: set[str] = set()
    for candidate, person in people:
        if only is not None and person.sub not in only and sub_of(candidate.key) not in only:
            continue
        verdict = judge(candidate, rules, now)
        if verdict == "due" and person.workos_id in seen:
            # Two people of the pool whom a decision made one user of WorkOS get one e-mail.
            verdict = "mailed"
        if verdict == "due":
            seen.add(person.workos_id)
            found.people.append(person)
        else:
            found.reasons[verdict] += 1
    return found
