"""`safety.max_left_source`: a run in which suddenly many have left the source is refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.errors import GuardRefused
from engine.model.users import SourceUser
from tests.support.identity import IdentityWorld, record


def people(count: int, *, first: int = 0) -> list[SourceUser]:
    return [record(f"p{at:03}", f"p{at:03}@x.co") for at in range(first, first + count)]


async def refused(world: IdentityWorld, *pool: SourceUser) -> tuple[str, int, int]:
    """What both commands say of this pool; nothing may be written."""
    before = (world.workos(), world.state(), world.target.called("create"), world.target.called("update"))
    (guard,) = (await world.plan(*pool)).guards
    with pytest.raises(GuardRefused) as error:
        await world.apply(*pool)
    assert (error.value.exit_code, error.value.code, error.value.message) == (1, guard.code, guard.message)
    assert error.value.remedy == guard.remedy
    assert (world.workos(), world.state(), world.target.called("create"), world.target.called("update")) == before
    return guard.code, guard.limit, guard.found


async def test_one_in_twenty_may_leave_at_once_and_no_more(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    pool = people(40)
    await world.apply(*pool)
    # Somebody changed as well: not even that is written.
    changed = [record("p039", "p039@x.co", first="Ann")]
    assert await refused(world, *pool[3:39], *changed) == ("max_left_source", 2, 3)
    assert (await world.plan(*pool[2:])).guards == ()
    assert (await world.apply(*pool[2:])).reported.left_source == 2
    # Who left before does not count again, nor among those known.
    assert (await world.apply(*pool[3:])).reported.left_source == 3
    assert await refused(world, *pool[5:]) == ("max_left_source", 1, 2)


async def test_a_wrong_filter_is_refused_and_an_interrupted_run_forgets_nobody(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    pool = people(30)
    await world.apply(*pool)
    world.write_plan("filters: {attributes: [{name: email, matches: '^p00'}]}\n")
    for _ in range(2):
        assert await refused(world, *pool) == ("max_left_source", 1, 20)


async def test_a_share_counts_from_twenty_known_users_and_a_number_always(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    pool = people(19)
    await world.apply(*pool)
    assert (await world.plan(*pool[10:])).guards == ()
    world.write_plan("safety: {max_left_source: 2}\n")
    assert await refused(world, *pool[3:]) == ("max_left_source", 2, 3)
    assert (await world.plan(*pool[2:])).guards == ()


@pytest.mark.parametrize("safety", ["null", "100%"])
async def test_who_means_it_says_so(tmp_path: Path, safety: str) -> None:
    world = IdentityWorld(tmp_path)
    pool = people(30)
    await world.apply(*pool)
    world.write_plan(f"safety: {{max_left_source: {safety}}}\n")
    assert (await world.plan(pool[0])).guards == ()
    assert (await world.apply(pool[0])).reported.left_source == 29


async def test_a_user_for_whom_another_record_speaks_has_not_left(tmp_path: Path) -> None:
    """Merged records that vanish, records that take over, and newcomers at the same addresses."""
    world = IdentityWorld(tmp_path)
    natives = people(24)
    social = [record(f"s{at:03}", f"p{at:03}@x.co", via="Google") for at in range(24)]
    await world.apply(*natives, *social)
    assert (await world.plan(*natives)).guards == ()
    assert (await world.plan(*social)).guards == ()
    # Nobody speaks for three of them.
    assert await refused(world, *social[3:]) == ("max_left_source", 1, 3)


async def test_an_unverified_claim_keeps_nobody_in_the_source(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    pool = people(20)
    claims = [record(f"m{at:03}", f"p{at:03}@x.co", "no") for at in range(5)]
    await world.apply(*pool, *claims)
    assert await refused(world, *pool[5:], *claims) == ("max_left_source", 1, 5)


async def test_plan_names_every_guard_that_refuses(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    await world.apply(*people(20))
    world.write_plan("safety: {max_changes: 3}\n")
    result = await world.plan(*people(14), *people(4, first=50))
    assert [(one.code, one.limit, one.found) for one in result.guards] == [
        ("max_changes", 3, 4),
        ("max_left_source", 1, 6),
    ]
    with pytest.raises(GuardRefused) as error:
        await world.apply(*people(14), *people(4, first=50))
    assert error.value.code == "max_changes"
