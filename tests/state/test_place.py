"""The contract of `StatePlace` and of the `Store` that it opens, run on the state file and on one without SQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.errors import LockHolder, StateError, StateLocked
from engine.model.keys import USER
from engine.model.outcomes import NotDone, Orphan
from engine.model.store import Settlement, StatePlace, Store
from engine.state.place import FilePlace
from tests.state.words import IDENTITY, KEY, claim, done, key, not_done
from tests.support.identity import IdentityWorld, record
from tests.support.memory_state import MemoryPlace

HOLDER = LockHolder(4711, "host", "ann", "2026-01-01T00:00:00Z")


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StatePlace:
    return FilePlace(tmp_path / "acme.state.db") if request.param == "file" else MemoryPlace()


def statuses(store: Store) -> list[tuple[str, str, str | None, int]]:
    return [(row.key.partition("/")[2], row.status, row.workos_id, row.attempts) for row in store.rows(USER)]


def test_a_second_run_is_told_who_holds_it(place: StatePlace) -> None:
    assert place.holder() is None
    with place.lock(HOLDER):
        assert place.holder() == HOLDER
        with pytest.raises(StateLocked) as refused, place.lock(replace(HOLDER, pid=2)):
            raise AssertionError("two runs at once")
        assert refused.value.holder == HOLDER
    assert place.holder() is None
    with pytest.raises(ValueError, match="bug"), place.lock(HOLDER):
        raise ValueError("bug")
    with place.lock(HOLDER):
        pass


def test_nothing_is_there_until_a_run_opens_it(place: StatePlace) -> None:
    assert not place.exists() and place.read(IDENTITY) is None
    with place.open(IDENTITY, key=KEY) as store:
        assert (store.key, store.identity) == (KEY, IDENTITY)
    assert place.exists()
    # The key is drawn once: fingerprints of another would fit nothing.
    with place.open(IDENTITY, key=bytes(32), checked=True) as store:
        assert store.key == KEY


def test_another_plans_state_is_refused(place: StatePlace) -> None:
    place.open(IDENTITY, key=KEY).close()
    for another in (replace(IDENTITY, plan="globex"), replace(IDENTITY, destination="https://api.workos.com client_2")):
        with pytest.raises(StateError):
            place.read(another)
        with pytest.raises(StateError):
            place.open(another, key=KEY)
    found = place.read(None)
    assert found is not None
    with found:
        assert found.identity == IDENTITY


def test_a_life_of_rows(place: StatePlace) -> None:
    with place.open(IDENTITY, key=KEY) as store:
        store.begin_run("r1", "apply", 1.0)
        store.advance([], [claim("a", "create"), claim("b", "create"), claim("c", "create")], run_id="r1")
        ends = [done("a"), not_done("b", "failed", "http_500", 8), not_done("c", "released", None)]
        store.advance(ends, [claim("d", "create")], run_id="r1")
        assert not store.has_converged() and store.some_workos_ids() == ["user_a"]
    with place.open(IDENTITY, key=KEY) as store:
        assert statuses(store) == [("a", "done", "user_a", 1), ("b", "failed", None, 8), ("d", "claimed", None, 1)]
        store.advance([], [claim("d", "create")], run_id="r2")
        # An earlier run's claim stays open: its call may have been made.
        store.advance([not_done("d", "released", None)], [], run_id="r2")
        assert [row.key for row in store.rows(run_id="r2")] == [key("d")]
        store.advance([NotDone(USER, key("a"), "gone", None), done("d"), done("e")], [], run_id="r2")
        merged = next(row for row in store.rows(USER) if row.key == key("e"))
        merged = merged._replace(relation="merged", primary_key=key("d"), workos_id="user_d")
        left = Orphan("user_9", key("b"), "r2")
        store.settle(Settlement([merged], [left], [(key("x"), "filtered")], {"word": "1"}))
        store.note({"other": "2"})
    reading = place.read(IDENTITY)
    assert reading is not None
    with reading as store:
        assert [(one, two) for one, two, *_ in statuses(store)] == [
            ("a", "gone"), ("b", "failed"), ("d", "done"), ("e", "done"),
        ]  # fmt: skip
        assert (store.meta("word"), store.meta("other"), store.meta("none")) == ("1", "2", None)
        assert list(store.orphaned()) == [left]
    with place.open(IDENTITY, key=KEY) as store:
        store.advance([NotDone(USER, key("d"), "removed", None)], [], run_id="r3")
        store.advance([NotDone("orphan", "user_9", "removed", None, leftover="user_9")], [], run_id="r3")
        assert [one for one, *_ in statuses(store)] == ["a", "b"] and list(store.orphaned()) == []


def test_a_run_that_converged_is_remembered(place: StatePlace) -> None:
    with place.open(IDENTITY, key=KEY) as store:
        store.begin_run("r1", "apply", 1.0)
        store.end_run("r1", 2.0, b'{"converged": false}')
        assert not store.has_converged()
        store.begin_run("r2", "apply", 3.0)
        store.end_run("r2", 4.0, b'{"converged": true}')
    with place.open(IDENTITY, key=KEY) as store:
        assert store.has_converged()


async def test_a_migration_goes_the_same_way_wherever_its_state_is_kept(tmp_path: Path) -> None:
    """Created, merged, in conflict, changed, left: what comes of each run rests on what the state knew before it."""
    lives = (
        (record("1", plan="a"), record("2", day=1), record("3", "bob@x.co", "unverified"), record("4", None)),
        (record("1", plan="b"), record("2", day=1), record("3", "bob@x.co"), record("5", "eve@x.co")),
        (record("2", day=1), record("3", "bob@x.co"), record("5", "eve@x.co")),
        (record("2", day=1), record("3", "bob@x.co"), record("5", "eve@x.co")),
    )
    said: dict[str, list[object]] = {}
    for name, place in (("file", None), ("memory", MemoryPlace())):
        (tmp_path / name).mkdir()
        world = IdentityWorld(tmp_path / name, "safety: {max_left_source: '100%'}\n")
        world.place = place
        said[name] = []
        for people in lives:
            foreseen = await world.plan(*people)
            result = await world.apply(*people)
            said[name] += [foreseen.users, foreseen.digest, result.users, result.reported, world.workos()]
        assert world.spec().state_path.exists() == (place is None)
    assert said["memory"] == said["file"]
    assert said["file"][-3]["unchanged"]
