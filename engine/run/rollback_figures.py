"""Counts what a rollback decided and what came of it, and names what it cannot take back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.model.keys import (
    CONNECTION,
    MEMBERSHIP,
    ORGANIZATION,
    ROLE,
    USER,
    split_membership_key,
    split_user_key,
    written_user,
)
from engine.model.outcomes import NotDone
from engine.resources.undoing import UNDONE, begun_in
from engine.run.rollback_results import UNDONE_COUNTS, LeftBehind, UndoFailure
from engine.run.runner import Tally
from engine.snapshot.undo_table import Decided, UndoTable

_FORESEEN = {"remove": "removed", "restore": "restored", "forget": "forgotten", "gone": "gone"}


def count_undone(decided: Decided, tally: Tally | None) -> dict[str, int]:
    """A kind's UNDONE_COUNTS; `tally` is of what was carried out, None where nothing was to be."""
    by_action: Counter[str] = Counter()
    for (action, _), number in decided.items():
        by_action[action] += number
    found = Counter(kept=by_action["keep"], pending=by_action["pending"])
    if tally is None:
        found.update({name: by_action[action] for action, name in _FORESEEN.items()})
    else:
        found.update(tally.counts)
        found["pending"] += count_due(decided) - tally.counts.total()
    return {name: found[name] for name in UNDONE_COUNTS}


def count_due(decided: Decided) -> int:
    """How many of a kind are to be carried out."""
    return sum(number for (action, _), number in decided.items() if action in UNDONE)


def count_kept(decided: Decided) -> Counter[str]:
    """What is kept of a kind, by reason."""
    return Counter({code or "": number for (action, code), number in decided.items() if action == "keep"})


def left_behind(table: UndoTable) -> LeftBehind:
    """What cannot be taken back."""
    roles = [one.key for one in table.rows(ROLE) if one.created_here or begun_in(one) == "create"]
    left = table.left()
    return LeftBehind(tuple(roles), left[USER], left[ORGANIZATION], left[CONNECTION].get("options", 0))


def undo_failure(names: Mapping[str, str], one: NotDone) -> UndoFailure:
    """For the result; `names` are those of the plan's pools by ID, where it has several."""
    name, organization = one.key, None
    if one.kind == MEMBERSHIP:
        user, organization = split_membership_key(one.key)
        name = written_user(names, user)
    elif one.kind == USER:
        name = written_user(names, one.key)
    elif one.kind == CONNECTION:
        name = split_user_key(one.key)[1]
    return UndoFailure(one.kind, name, one.code or "failed", organization)
