"""Canary runs, one after the other: who comes first, who last, and that in the end WorkOS is as after one run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.call_errors import Terminal
from engine.model.errors import GuardRefused
from engine.model.users import SourceUser
from engine.run.canary import Canary
from tests.identity.test_properties import pools
from tests.support.identity import IdentityWorld, cases, counted, in_two_worlds, record


async def test_who_fails_is_not_chosen_again_before_the_others(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    world.canary = Canary(limit=1)
    people = [record(one, f"{one}@x.co") for one in "abc"]
    world.target.fail("create", Terminal("invalid_request_parameters", status=422))
    failed = await world.apply(*people)
    assert (counted(failed), failed.exit_code) == ("failed 1, pending 2", 3)
    assert [counted(await world.apply(*people)) for _ in range(3)] == [
        "created 1, pending 2",
        "created 1, unchanged 1, pending 1",
        "created 1, unchanged 2",
    ]
    assert [one.split()[1] for one in world.workos()] == ["b@x.co", "c@x.co", "a@x.co"]


async def test_who_gives_up_an_address_comes_before_who_waits_for_it(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    await world.apply(record("b", "old@x.co"))
    world.canary = Canary(limit=1)
    people = [record("a", "old@x.co"), record("b", "new@x.co")]
    results = [counted(await world.apply(*people)) for _ in range(2)]
    assert results == ["updated 1, pending 1", "created 1, unchanged 1"]


async def test_a_record_that_takes_over_a_user_of_the_target_alone(tmp_path: Path) -> None:
    """Of two people whose first records vanished, the target's is handed over, the other stays."""
    world = IdentityWorld(tmp_path)
    first = [record("a1", "ann@x.co", day=1), record("b1", "bob@x.co", day=1)]
    second = [record("a0", "ann@x.co"), record("b0", "bob@x.co")]
    await world.apply(*first, *second)
    before = world.state()
    world.canary = Canary(targets=("a0",))
    assert counted(await world.apply(*second)) == "updated 1, pending 1"
    assert world.state() == [
        "a0 1 primary done made", "a1 1 merged of a0 done made left", *(one for one in before if one.startswith("b"))
    ]  # fmt: skip
    world.canary = None
    assert counted(await world.apply(*second)) == "updated 1, unchanged 1"
    assert (await world.apply(*second)).converged


async def test_a_pool_that_has_lost_many_is_none_to_begin_with(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    people = [record(f"p{at:02}", f"p{at:02}@x.co") for at in range(30)]
    await world.apply(*people)
    world.canary = Canary(limit=1)
    with pytest.raises(GuardRefused) as refused:
        await world.apply(*people[10:], record("new", "new@x.co"))
    assert refused.value.code == "max_left_source"
    # What a run may change at most is counted of whom it is asked for.
    world.write_plan("safety: {max_changes: 2}\n")
    newcomers = [record(f"n{at}", f"n{at}@x.co") for at in range(5)]
    world.canary = Canary(limit=2)
    assert counted(await world.apply(*people, *newcomers)) == "created 2, unchanged 30, pending 3"
    world.canary = Canary(limit=3)
    with pytest.raises(GuardRefused) as refused:
        await world.apply(*people, *newcomers)
    assert refused.value.code == "max_changes"


async def test_an_orphan_of_somebody_else_stays_what_it_was(tmp_path: Path) -> None:
    """Two people come to share an address; nothing is noted of it before their turn."""
    world = IdentityWorld(tmp_path)
    await world.apply(record("a", "a@x.co"), record("b", "b@x.co"), record("c", "c@x.co"))
    shared = [record("a", "a@x.co"), record("b", "a@x.co"), record("c", "c@x.co", first="Cat")]
    before = world.state()
    world.canary = Canary(targets=("c@x.co",))
    await world.apply(*shared)
    assert world.state() == before
    world.canary = Canary(targets=("b",))
    assert counted(await world.apply(*shared)) == "merged 1, unchanged 2, orphaned 1"
    assert [one for one in world.state() if one.startswith("b")] == ["b 1 merged of a done made"]


FEW_BY_FEW: Any = given(pools(), st.integers(1, 3), st.lists(st.sampled_from("abcdefghijkl"), max_size=3))


@cases(15)
@FEW_BY_FEW
def test_few_by_few_comes_to_the_same(pool: list[SourceUser], limit: int, targets: list[str]) -> None:
    in_two_worlds(partial(_compare, pool, limit, targets))


@pytest.mark.long
@cases(150)
@FEW_BY_FEW
def test_few_by_few_comes_to_the_same_often(pool: list[SourceUser], limit: int, targets: list[str]) -> None:
    in_two_worlds(partial(_compare, pool, limit, targets))


async def _compare(
    pool: list[SourceUser], limit: int, targets: list[str], at_once: IdentityWorld, slowly: IdentityWorld
) -> None:
    whole = await at_once.apply(*pool)
    selected = {row.sub for row in at_once.ids(*pool)}
    named = tuple(one for one in targets if one in selected)
    if named:
        slowly.canary = Canary(targets=named)
        result = await slowly.apply(*pool)
        people = {row.workos_id for row in at_once.ids(*pool) if row.sub in named}
        assert len(slowly.target.users) == len(people) == result.chosen
    slowly.canary = Canary(limit=limit)
    runs = 0
    while True:
        result = await slowly.apply(*pool)
        assert not result.converged and result.users["created"] <= limit and result.exit_code == 0
        if not result.users["created"]:
            break
        runs += 1
    assert runs <= len(pool) and not result.users["pending"]
    slowly.canary = None
    last = await slowly.apply(*pool)
    assert last.converged is whole.converged and last.users["created"] == 0
    assert without_numbers(slowly.workos()) == without_numbers(at_once.workos())
    assert [row_of(one) for one in slowly.state()] == [row_of(one) for one in at_once.state()]


def without_numbers(lines: list[str]) -> list[str]:
    return sorted(line.partition(" ")[2] for line in lines)


def row_of(line: str) -> list[str]:
    sub, _, *rest = line.split()
    return [sub, *rest]
