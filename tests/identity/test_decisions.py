"""`decisions`: single cases settled in git, and each that no longer fits with its place and its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.errors import MigrateError
from tests.support.identity import IdentityWorld, counted, record

ANN = record("a", first="Ann")
OLDER = record("b", day=-1, last="Lee")
MALLORY = record("m", flag="no", day=9, first="Evil")


def decisions(*lines: str) -> str:
    return "decisions:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


@pytest.fixture
def world(tmp_path: Path) -> IdentityWorld:
    return IdentityWorld(tmp_path)


@pytest.mark.parametrize(
    ("written", "records", "before", "counts", "workos"),
    [
        pytest.param("sub: a, action: skip", [ANN], [], "skipped 1", [], id="skip"),
        pytest.param(
            "sub: a, action: skip",
            [ANN, OLDER],
            [],
            "created 1, skipped 1",
            ["1 ann@x.co verified b last=Lee"],
            id="skip of a group's first: it gives nothing to the next",
        ),
        pytest.param(
            "sub: b, action: primary",
            [ANN, OLDER],
            [],
            "created 1, merged 1",
            ["1 ann@x.co verified b first=Ann last=Lee"],
            id="primary before prefer",
        ),
        pytest.param(
            "sub: m, action: primary",
            [record("a", flag="no", first="Ann", day=20), MALLORY],
            [],
            "created 1, merged 1",
            ["1 ann@x.co unverified m first=Evil"],
            id="primary among unverified ones",
        ),
        pytest.param(
            "sub: a, action: adopt, user_id: user_0001",
            [ANN],
            ["ann@x.co unverified - last=Theirs"],
            "adopted 1",
            ["1 ann@x.co unverified a first=Ann last=Theirs"],
            id="adopt, and the flag is not raised",
        ),
        pytest.param(
            "sub: a, action: adopt, user_id: user_0001",
            [record("a", flag="no", first="Ann")],
            ["ann@x.co verified -"],
            "adopted 1",
            ["1 ann@x.co verified a first=Ann"],
            id="adopt of a verified user by an unverified record",
        ),
        pytest.param(
            "sub: a, action: adopt, user_id: user_0001",
            [ANN],
            ["ann@x.co unverified a"],
            "adopted 1",
            ["1 ann@x.co unverified a"],
            id="adopt of who is ours already",
        ),
    ],
)
async def test_a_decision_that_fits(
    world: IdentityWorld, written: str, records: list[object], before: list[str], counts: str, workos: list[str]
) -> None:
    world.write_plan(decisions(written))
    for line in before:
        world.add(line)
    assert counted(await world.apply(*records)) == counts  # type: ignore[arg-type]
    assert world.workos() == workos
    for lost in (False, True):
        if lost:
            world.lose_state()
            await world.apply(*records)  # type: ignore[arg-type]
        again = await world.apply(*records)  # type: ignore[arg-type]
        assert (again.requests.writes, world.workos()) == (0, workos)


@pytest.mark.parametrize("mode", ["skip", "error", "update"])
async def test_adopt_counts_in_every_mode(world: IdentityWorld, mode: str) -> None:
    world.add("ann@x.co unverified - first=Theirs")
    world.write_plan(f"existing_users: {mode}\n" + decisions("sub: a, action: adopt, user_id: user_0001"))
    await world.apply(ANN)
    assert world.workos() == [f"1 ann@x.co unverified a first={'Ann' if mode == 'update' else 'Theirs'}"]


@pytest.mark.parametrize(
    ("written", "records", "before", "why", "right"),
    [
        pytest.param(
            "sub: z, action: skip", [ANN], [], "the pool has no such user", "take the decision out", id="nobody"
        ),
        pytest.param(
            "sub: a, action: skip",
            [record("a", enabled=False)],
            [],
            "the user is excluded anyway: the user is disabled in Cognito",
            "take the decision out",
            id="excluded anyway",
        ),
        pytest.param(
            "sub: a, action: primary",
            [ANN],
            [],
            "no other user shares the address any more",
            "take the decision out",
            id="primary of one",
        ),
        pytest.param(
            "sub: m, action: primary",
            [ANN, MALLORY],
            [],
            "the user's address is not verified, and another user's with the same address is",
            "have the address verified in Cognito, or decide for a verified user",
            id="primary of an unverified one",
        ),
        pytest.param(
            "sub: b, action: adopt, user_id: user_0001",
            [ANN, OLDER],
            ["ann@x.co verified -"],
            "the user is merged into a, who has the same address",
            "decide for that one",
            id="adopt by who is merged",
        ),
        pytest.param(
            "sub: a, action: adopt, user_id: user_0009",
            [ANN],
            ["ann@x.co verified -"],
            "WorkOS has no user user_0009",
            "correct user_id, or take the decision out",
            id="adopt of nobody",
        ),
        pytest.param(
            "sub: a, action: adopt, user_id: user_0001",
            [ANN],
            ["ann@x.co verified z"],
            "user_0001 has another external ID in WorkOS",
            "remove it there, or decide for another user",
            id="adopt of another's",
        ),
        pytest.param(
            "sub: a, action: adopt, user_id: user_0001",
            [ANN],
            ["bob@x.co verified -"],
            "user_0001 has another address in WorkOS than the user in Cognito",
            "decide for another user",
            id="adopt under another address",
        ),
    ],
)
async def test_a_decision_that_does_not_fit(
    world: IdentityWorld, written: str, records: list[object], before: list[str], why: str, right: str
) -> None:
    world.write_plan("# why\n" + decisions(written))
    for line in before:
        world.add(line)
    workos = world.workos()
    action, sub = written.split("action: ")[1].split(",", maxsplit=1)[0], written[5]
    for run in (world.plan, world.apply):
        with pytest.raises(MigrateError) as raised:
            await run(*records)  # type: ignore[operator]
        assert raised.value.exit_code == 1
        assert [str(one) for one in raised.value.diagnostics()] == [
            f"{world.plan_path}:7:5: the decision {action} for {sub} no longer fits: {why}; {right}"
        ]
    assert world.workos() == workos and not world.spec().state_path.exists()


async def test_every_misfit_is_named_at_once(world: IdentityWorld) -> None:
    world.write_plan(decisions("sub: y, action: skip", "sub: a, action: skip", "sub: z, action: primary"))
    with pytest.raises(MigrateError) as raised:
        await world.apply(ANN)
    assert [(one.line, one.column) for one in raised.value.diagnostics()] == [(6, 5), (8, 5)]


async def test_adopt_of_who_was_migrated_as_somebody_else(world: IdentityWorld) -> None:
    await world.apply(ANN)
    world.add("ann2@x.co verified -")
    world.write_plan(decisions("sub: a, action: adopt, user_id: user_0002"))
    with pytest.raises(MigrateError, match="no longer fits: the user was migrated as user_0001 already; take the"):
        await world.apply(ANN)


async def test_two_decisions_for_one_address_do_not_both_fit(world: IdentityWorld) -> None:
    world.write_plan(decisions("sub: a, action: primary", "sub: b, action: primary"))
    with pytest.raises(MigrateError) as raised:
        await world.apply(ANN, OLDER)
    why = "another decision puts a user with the same address first; keep one of them"
    assert [one.wrong.split("fits: ")[1] + "; " + one.right for one in raised.value.diagnostics()] == [why, why]


async def test_a_record_that_is_skipped_is_nobody_to_stand_before(world: IdentityWorld) -> None:
    world.write_plan(decisions("sub: a, action: skip", "sub: b, action: primary"))
    with pytest.raises(MigrateError, match="no other user shares the address any more"):
        await world.apply(ANN, OLDER)


async def test_who_is_migrated_and_then_skipped_is_left_as_they_are(world: IdentityWorld) -> None:
    await world.apply(ANN)
    world.write_plan(decisions("sub: a, action: skip"))
    changed = record("a", "new@x.co", first="Anna")
    assert counted(await world.apply(changed)) == "skipped 1"
    assert (world.workos(), world.state()) == (
        ["1 ann@x.co verified a first=Ann"],
        ["a 1 primary skipped:decision made"],
    )
    world.write_plan("")
    assert counted(await world.apply(changed)) == "updated 1"
    assert (world.workos(), world.state()) == (["1 new@x.co verified a first=Anna"], ["a 1 primary done made"])
