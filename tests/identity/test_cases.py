"""Who is who, case by case: each pool applied, applied again, and applied after the state was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.run.results import PLANNED
from tests.identity.case import Case
from tests.identity.cases_changes import CHANGES
from tests.identity.cases_existing import EXISTING
from tests.identity.cases_groups import GROUPS
from tests.support.identity import IdentityWorld, counted

# The result's names for what `plan` calls PLANNED.
DONE = ("created", "updated", "adopted", "merged", "unchanged", "skipped", "conflicts")
CASES = [*GROUPS, *EXISTING, *CHANGES]


def _parameters(cases: list[Case]) -> list[object]:
    return [pytest.param(one, id=one.name) for one in cases]


def test_there_are_enough_and_each_has_its_name() -> None:
    assert len(CASES) >= 40
    assert len({one.name for one in CASES}) == len(CASES)


@pytest.mark.parametrize("case", _parameters(CASES))
async def test_case(case: Case, tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, case.plan)
    for line in case.before:
        world.add(line)
    for number, step in enumerate(case.steps, 1):
        if step.plan is not None:
            world.write_plan(step.plan)
        if step.meanwhile is not None:
            step.meanwhile(world)
        planned = await world.plan(*step.records)
        result = await world.apply(*step.records)
        found = (counted(result), world.workos(), world.state())
        assert found == (step.counts, list(step.workos), list(step.state)), f"step {number}"
        foreseen = dict(planned.users)
        foreseen["update"] -= step.unforeseen
        foreseen["conflicts"] += step.unforeseen
        assert [foreseen[one] for one in PLANNED] == [result.users[one] for one in DONE], f"step {number}"

    last = case.steps[-1]
    await _is_settled(world, case, list(last.workos))
    assert world.state() == list(last.state)

    world.lose_state()
    await world.apply(*last.records)
    await _is_settled(world, case, list(case.lost.workos if case.lost else last.workos))


async def _is_settled(world: IdentityWorld, case: Case, workos: list[str]) -> None:
    """One more run writes nothing and changes nothing."""
    writes = [world.target.called(name) for name in ("create", "update")]
    result = await world.apply(*case.steps[-1].records)
    assert world.workos() == workos
    if not case.steps[-1].unforeseen:
        # Nobody but WorkOS can say whether an address is free by now: such a write is tried again.
        assert [world.target.called(name) for name in ("create", "update")] == writes and result.requests.writes == 0
    assert not any(result.users[name] for name in ("created", "updated", "adopted", "failed", "pending")), result
