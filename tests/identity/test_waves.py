"""Waves over people: nobody is split, part by part comes to the same as all at once, who drops out stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import GuardRefused
from engine.model.users import SourceUser
from engine.plan_file.model import Sample
from engine.resources.users.waves import in_sample
from engine.run.canary import Canary
from tests.identity.test_canary import row_of, without_numbers
from tests.identity.test_properties import pools
from tests.support.identity import IdentityWorld, cases, counted, in_two_worlds, record


def sample(percent: float, seed: int = 7, more: str = "") -> str:
    return f"filters: {{sample: {{percent: {percent}, seed: {seed}}}}}\n{more}"


COHORTS = """\
filters:
  cohorts:
    - {name: pilot, attributes: [{name: "custom:tier", in: [beta]}], from: 2026-12-01}
    - {name: pro, attributes: [{name: "custom:plan", in: [pro]}], from: 2026-11-01}
    - {name: everybody, from: 2027-01-15}
"""


def person(sub: str, tier: str = "", *, email: str = "", flag: str = "verified", **more: Any) -> SourceUser:
    return record(sub, email or f"{sub}@x.co", flag, tier=tier, **more)


MORE_AND_MORE: Any = given(
    pools(), st.integers(0, 50), st.lists(st.sampled_from([5, 20, 33.3, 60, 90]), max_size=3).map(sorted)
)


@cases(30)
@MORE_AND_MORE
def test_more_and_more_comes_to_the_same(pool: list[SourceUser], seed: int, percents: list[float]) -> None:
    in_two_worlds(partial(_compare, pool, seed, percents))


@pytest.mark.long
@cases(300)
@MORE_AND_MORE
def test_more_and_more_comes_to_the_same_often(pool: list[SourceUser], seed: int, percents: list[float]) -> None:
    in_two_worlds(partial(_compare, pool, seed, percents))


async def _compare(
    pool: list[SourceUser], seed: int, percents: Sequence[float], at_once: IdentityWorld, slowly: IdentityWorld
) -> None:
    await at_once.apply(*pool)
    rows = at_once.ids(*pool)
    people: dict[str, set[str]] = {}
    for row in rows:
        people.setdefault(row.workos_id or "", set()).add(row.sub)
    before: set[str] = set()
    for percent in percents:
        slowly.write_plan(sample(percent, seed))
        result = await slowly.apply(*pool)
        assert sum(result.users.values()) == result.source.selected and result.exit_code == 0
        # Written from the contract: a person is in if any of their records is.
        wanted = {
            one
            for subs in people.values()
            if any(in_sample(Sample(percent, seed), sub) for sub in subs)
            for one in subs
        }
        moved = {row.sub for row in slowly.ids(*pool) if row.workos_id is not None}
        assert moved == wanted >= before
        assert len(slowly.target.users) == sum(subs <= wanted for subs in people.values())
        assert result.converged is (len(wanted) == len(rows))
        again = await slowly.apply(*pool)
        assert again.requests.writes == 0
        before = moved
    slowly.write_plan(sample(100, seed))
    last = await slowly.apply(*pool)
    assert last.converged and last.reported.left_source == 0
    assert without_numbers(slowly.workos()) == without_numbers(at_once.workos())
    assert [row_of(one) for one in slowly.state()] == [row_of(one) for one in at_once.state()]


async def test_who_drops_out_stays_as_they_are(tmp_path: Path) -> None:
    """A smaller percentage, or another seed: nobody has left, nothing is written, and no guard minds."""
    world = IdentityWorld(tmp_path, sample(80))
    people = [person(f"p{at:02}") for at in range(40)]
    await world.apply(*people)
    held, before = world.workos(), world.state()
    assert 25 < len(held) < 39
    wanted: set[str] = set()
    for part in (Sample(3, 7), Sample(20, 8)):
        world.write_plan(sample(part.percent, part.seed))
        changed = [person(f"p{at:02}", first="New") for at in range(40)]
        assert (await world.plan(*changed)).guards == ()
        result = await world.apply(*changed)
        wanted |= {one.sub for one in people if in_sample(part, one.sub)}
        assert result.reported.left_source == 0 and result.exit_code == 0
        assert not any(line.endswith(" left") for line in world.state())
        new = {line.split()[3] for line in world.workos() if "first=New" in line}
        assert wanted == new
    assert len(world.workos()) >= len(held) and len(world.state()) >= len(before)


async def test_cohorts_come_on_their_days(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, COHORTS)
    people = [person("beta", "beta"), person("both", "beta", plan="pro"), person("pro", plan="pro"), person("rest")]
    on = {
        date(2026, 10, 31): ("pending 4", set()),
        date(2026, 11, 1): ("created 1, pending 3", {"pro"}),
        date(2026, 12, 1): ("created 2, unchanged 1, pending 1", {"pro", "beta", "both"}),
        date(2027, 1, 15): ("created 1, unchanged 3", {"pro", "beta", "both", "rest"}),
    }
    digests = []
    for day, (counts, moved) in on.items():
        world.as_of = day
        digests.append((await world.plan(*people)).digest)
        result = await world.apply(*people)
        assert (counted(result), result.exit_code, result.converged) == (counts, 0, len(moved) == 4)
        assert {line.split()[3] for line in world.workos()} == moved
    assert len(set(digests)) == 4
    assert result.waves is not None
    assert [(one.name, one.people, one.migrated, one.due) for one in result.waves.cohorts] == [
        ("pilot", 2, 2, True), ("pro", 1, 1, True), ("everybody", 1, 1, True),
    ]  # fmt: skip


async def test_the_day_is_part_of_the_digest_where_it_matters(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, COHORTS)
    digests = {}
    for day in (date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1)):
        world.as_of = day
        # Nobody of the cohort that begins in December is there, and still it is another plan.
        digests[day] = (await world.plan(person("pro", plan="pro"))).digest
    first, second, third = digests.values()
    assert first == second != third


async def test_who_fits_no_cohort_is_never_due_and_said(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, COHORTS.replace("    - {name: everybody, from: 2027-01-15}\n", ""))
    world.as_of = date(2027, 1, 15)
    people = [person("a", "beta"), person("b"), person("c")]
    result = await world.apply(*people)
    assert (counted(result), result.exit_code, result.converged) == ("created 1, pending 2", 0, False)
    assert result.waiting == {"no_cohort": 2}
    assert "2 users fit none of filters.cohorts and will never be due" in " ".join(result.warnings)


async def test_the_first_cohort_of_any_record_counts_but_of_none_that_is_unverified(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, COHORTS)
    world.as_of = date(2026, 11, 1)
    people = [
        person("a1", email="a@x.co", day=2),
        person("a2", email="a@x.co", plan="pro"),
        person("b1", email="b@x.co"),
        person("b2", email="b@x.co", flag="no", plan="pro"),
    ]  # fmt: skip
    result = await world.apply(*people)
    assert counted(result) == "created 1, merged 2, pending 1"
    assert [one.workos_id is not None for one in world.ids(*people)] == [True, True, False, False]
    world.as_of = date(2027, 1, 15)
    await world.apply(*people)
    assert [one.relation for one in world.ids(*people)] == ["primary", "merged", "primary", "unverified"]


async def test_a_plan_that_has_nobody_due_selects_somebody(tmp_path: Path) -> None:
    """`nobody_selected` is about filters alone."""
    world = IdentityWorld(tmp_path, COHORTS.replace("  cohorts", "  allow_empty: false\n  cohorts"))
    assert counted(await world.apply(person("a"), person("b"))) == "pending 2"
    assert world.workos() == []


async def test_a_canary_is_within_the_wave(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, COHORTS)
    people = [person("a", plan="pro"), person("b", plan="pro"), person("c")]
    world.canary = Canary(targets=("c",))
    with pytest.raises(GuardRefused) as refused:
        await world.apply(*people)
    assert (refused.value.code, refused.value.exit_code) == ("target_waits", 1)
    assert refused.value.message == "--target names user c: the user's cohort is not due yet"
    world.canary = Canary(limit=1)
    result = await world.apply(*people)
    assert (counted(result), result.waiting) == ("created 1, pending 2", {"canary": 1, "not_due": 1})


async def test_an_address_that_somebody_gives_up_later_is_not_free(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path)
    await world.apply(person("old", email="one@x.co"))
    world.write_plan(COHORTS)
    people = [person("new", email="one@x.co", plan="pro"), person("old", email="two@x.co")]
    result = await world.apply(*people)
    assert counted(result) == "conflicts 1, pending 1"
    assert result.failures[0].code == "other_external_id"
    world.as_of = date(2027, 1, 15)
    assert counted(await world.apply(*people)) == "created 1, updated 1"


async def test_whose_first_record_vanishes_before_their_turn_has_not_left(tmp_path: Path) -> None:
    """Moved once, out of the sample now, and another record speaks for them: one user of WorkOS all the time."""
    world = IdentityWorld(tmp_path)
    crowd = [person(f"p{at:02}", plan="pro") for at in range(25)]
    pair = [person("a1", email="a@x.co", day=1), person("a2", email="a@x.co")]
    await world.apply(*crowd, *pair)
    world.write_plan(COHORTS + "safety: {max_left_source: 0}\n")
    result = await world.apply(*crowd, pair[1])
    assert counted(result) == "unchanged 25, pending 1"
    world.as_of = date(2027, 1, 15)
    assert counted(await world.apply(*crowd, pair[1])) == "updated 1, unchanged 25"
    assert len(world.workos()) == 26


async def test_people_of_several_pools_are_one_wave(tmp_path: Path) -> None:
    """A record of either pool brings the person in, and a target may name its pool."""
    world = IdentityWorld(tmp_path, sample(50), pools=["eu", "us"])
    subs = [f"s{at:02}" for at in range(40)]
    half = {one for one in subs if in_sample(Sample(50, 7), one)}
    outside = sorted(set(subs) - half)
    inside = sorted(half)
    assert len(inside) > 5 and len(outside) > 5
    eu = [record(one, f"{at}@x.co") for at, one in enumerate(outside)]
    us = [record(inside[0], "0@x.co"), record(inside[1], "other@x.co")]
    result = await world.apply_pools(eu=eu, us=us)
    assert counted(result) == f"created 2, merged 1, pending {len(outside) - 1}"
    assert {line.split()[1] for line in world.workos()} == {"0@x.co", "other@x.co"}
    world.write_plan("")
    for target, address in ((f"eu/{outside[2]}", "2@x.co"), (outside[3], "3@x.co"), ("4@x.co", "4@x.co")):
        world.canary = Canary(targets=(target,))
        assert (await world.apply_pools(eu=eu, us=us)).users["created"] == 1
        assert world.workos()[-1].split()[1] == address
    world.canary = Canary(targets=(f"us/{outside[5]}",))
    with pytest.raises(GuardRefused) as refused:
        await world.apply_pools(eu=eu, us=us)
    assert refused.value.code == "target_unknown" and refused.value.remedy.endswith("a sub as POOL/SUB")
