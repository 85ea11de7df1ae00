"""The whole plan: counts and digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.resources.users.changes import Change, Desired, Found, Known
from engine.resources.users.plan import compute_plan
from engine.resources.users.planner import Planner
from tests.resources.users.test_planner import ANN, MARKS, known


@dataclass
class _Person:
    desired: Desired
    known_key: str | None = None
    known: Known | None = None
    found: Found = field(default_factory=Found)


class _Store:
    def __init__(self, *people: _Person) -> None:
        self.people, self.stored, self.sizes = people, list[Change](), list[int]()

    def undecided(self) -> Sequence[_Person]:
        return self.people

    def store(self, changes: Sequence[Change]) -> None:
        self.stored += changes
        self.sizes.append(len(changes))


def _plan(*people: _Person) -> tuple[str, _Store, dict[str, int], int]:
    store = _Store(*people)
    summary = compute_plan(store, Planner(MARKS))
    return summary.digest, store, dict(summary.actions), summary.writes


CHANGED = replace(ANN, fields={**ANN.fields, "first_name": "Anna"})


def test_counts_and_writes() -> None:
    _, store, actions, writes = _plan(
        _Person(ANN),
        _Person(CHANGED, "sub-1", known()),
        _Person(ANN, "sub-1", known()),
        _Person(replace(ANN, fields={})),
    )
    assert actions == {"create": 1, "update": 1, "unchanged": 1, "conflict": 1} and writes == 2
    assert len(store.stored) == 4


def test_another_record_speaks_for_them_now() -> None:
    _, store, actions, writes = _plan(_Person(ANN, "sub-0", known()))
    assert actions == {"adopt": 1} and writes == 0 and store.stored[0].counts_as == "unchanged"


def test_stored_in_bounded_batches() -> None:
    _, store, _, _ = _plan(*[_Person(replace(ANN, key=str(number))) for number in range(2500)])
    assert store.sizes == [1000, 1000, 500]


def test_the_digest_says_what_would_be_done_and_nothing_else() -> None:
    digest = _plan(_Person(CHANGED, "sub-1", known()))[0]
    assert digest == _plan(_Person(CHANGED, "sub-1", known()), _Person(ANN, "sub-1", known()))[0]
    backwards = replace(CHANGED, fields=dict(reversed(CHANGED.fields.items())))
    assert digest == _plan(_Person(backwards, "sub-1", known()))[0]
    others = [
        _plan(_Person(replace(CHANGED, fields={**ANN.fields, "first_name": "Annie"}), "sub-1", known()))[0],
        _plan(_Person(CHANGED, "sub-1", replace(known(), workos_id="user_2")))[0],
        _plan(_Person(CHANGED))[0],
        _plan(_Person(replace(CHANGED, flags={"pending": "true"})))[0],
        _plan(_Person(replace(CHANGED, verified=False)))[0],
        _plan()[0],
    ]
    assert len({digest, *others}) == 7
