"""Rules 2 and 3: nobody reaches an account through an address that they have not verified; `apply` from end to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.call_errors import Ambiguous, Refused, Terminal
from tests.support.identity import IdentityWorld, counted, record

VICTIM, EVIL = record("a", "victim@x.co", "no"), record("a", "evil@evil.co")
IN_USE = ["a 1 primary conflict:address_in_use made"]


@pytest.fixture
def world(tmp_path: Path) -> IdentityWorld:
    return IdentityWorld(tmp_path)


def changed(**fields: object) -> Callable[[IdentityWorld], None]:
    def change(world: IdentityWorld) -> None:
        world.target.users["user_0001"] = replace(world.target.users["user_0001"], **fields)  # type: ignore[arg-type]

    return change


USES = {
    "verified": changed(email_verified=True),
    "signed in": changed(signed_in=True),
    "changed": changed(first_name="Vic", updated_at="2026-02-02T00:00:00Z"),
    "moved": changed(email="elsewhere@x.co"),
    "identity": lambda world: world.target.identities.update(["user_0001"]),
    "second factor": lambda world: world.target.factors.update(["user_0001"]),
    "password reset": lambda world: world.target.resets.append("user_0001"),
}


@pytest.mark.parametrize("use", USES)
async def test_an_account_in_use_does_not_follow_an_address_that_was_never_verified(
    world: IdentityWorld, use: str
) -> None:
    await world.apply(VICTIM)
    USES[use](world)
    before = world.workos()
    assert counted(await world.apply(EVIL)) == "conflicts 1"
    assert (world.workos(), world.state()) == (before, IN_USE)
    # Nor does a later run, and nor does one that writes something else first.
    await world.apply(record("a", "victim@x.co", "no", first="Eve"))
    await world.apply(EVIL)
    assert "evil" not in "".join(world.workos())


async def test_an_account_that_nobody_uses_follows(world: IdentityWorld) -> None:
    await world.apply(VICTIM)
    assert counted(await world.apply(EVIL)) == "updated 1"
    assert world.workos() == ["1 evil@evil.co verified a"]


async def test_a_lost_state_does_not_open_the_door(world: IdentityWorld) -> None:
    await world.apply(VICTIM)
    changed(email_verified=True)(world)
    world.lose_state()
    await world.apply(VICTIM)
    assert counted(await world.apply(EVIL)) == "conflicts 1"
    assert world.workos() == ["1 victim@x.co verified a"]


@pytest.mark.parametrize("what", ["count_identities", "count_factors", "resets_page", "get"])
async def test_what_cannot_be_read_forbids_the_write(world: IdentityWorld, what: str) -> None:
    await world.apply(VICTIM)
    world.target.fail(what, Terminal("http_400", status=400), Terminal("http_400", status=400))
    if what == "get":
        # The first read proves the environment in a session; here it is the one before the write.
        world.target.script[what].pop()
    result = await world.apply(EVIL)
    assert (counted(result), result.failures[0].code) == ("failed 1", "http_400")
    assert world.workos() == ["1 victim@x.co unverified a"]


@pytest.mark.parametrize("what", ["count_identities", "count_factors", "resets_page"])
async def test_a_key_that_may_not_read_everything_ends_no_run(world: IdentityWorld, what: str) -> None:
    bob = record("b", "bob@x.co")
    await world.apply(VICTIM, bob)
    world.target.fail(what, Refused("forbidden", status=403))
    result = await world.apply(EVIL, record("b", "bob@x.co", first="Bob"), record("c", "cyd@x.co"))
    assert counted(result) == "created 1, updated 1, failed 1"
    assert (result.stopped, result.failures[0].code) == (None, "usage_unreadable")
    assert world.workos()[0] == "1 victim@x.co unverified a"
    # A key that is refused altogether is the end.
    world.target.fail(what, Refused("unauthorized", status=401))
    assert (await world.apply(EVIL)).stopped == "unauthorized"


async def test_the_way_out_is_a_decision(world: IdentityWorld) -> None:
    await world.apply(VICTIM)
    USES["changed"](world)
    await world.apply(EVIL)
    world.write_plan("decisions: [{sub: a, action: adopt, user_id: user_0001, because: known to us}]\n")
    assert counted(await world.apply(EVIL)) == "updated 1"
    assert world.workos() == ["1 evil@evil.co verified a first=Vic"]


@pytest.mark.parametrize("verified", [True, False])
async def test_a_second_record_takes_over_only_with_the_address(world: IdentityWorld, verified: bool) -> None:
    """The owner's record is gone, and the one that was merged with it moves its address."""
    flag = "verified" if verified else "no"
    owner, other = record("a", flag=flag, day=1), record("b", flag=flag)
    await world.apply(owner, other)
    await world.apply(record("b", "evil@evil.co"))
    assert world.workos()[0] == f"1 ann@x.co {'verified' if verified else 'unverified'} a"
    assert world.workos()[1].startswith("2 evil@evil.co verified b")


@pytest.mark.parametrize("use", ["verified", "signed in", "identity", "second factor", "password reset"])
async def test_a_second_record_takes_over_what_is_used_only_if_it_has_verified_the_address(
    world: IdentityWorld, use: str
) -> None:
    owner, other = record("a", flag="no", day=1), record("b", flag="no")
    await world.apply(owner, other)
    USES[use](world)
    before = world.workos()
    result = await world.apply(other)
    assert (result.failures[0].code, world.workos()) == ("address_in_use", before)
    assert counted(await world.apply(record("b"))) == "updated 1"
    assert world.workos() == ["1 ann@x.co verified b"]


async def test_the_flag_is_not_raised_on_an_address_that_moved_in_workos(world: IdentityWorld) -> None:
    await world.apply(record("a", "b@evil.co", "no"))
    changed(email="victim2@x.co")(world)
    assert counted(await world.apply(record("a", "b@evil.co"))) == "conflicts 1"
    assert world.workos() == ["1 victim2@x.co unverified a"]


async def test_a_creation_that_is_answered_with_another_address_is_deleted(world: IdentityWorld) -> None:
    create = world.target.create

    async def otherwise(user: object) -> object:
        return await create({**user, "email": "kate@x.co"})  # type: ignore[dict-item]

    world.target.create = otherwise  # type: ignore[method-assign,assignment]
    result = await world.apply(record("a"))
    assert (counted(result), result.failures[0].code) == ("conflicts 1", "answer_mismatch")
    assert (world.workos(), world.state()) == ([], ["a - primary conflict:answer_mismatch"])


async def test_what_cannot_be_deleted_is_named(world: IdentityWorld) -> None:
    create = world.target.create

    async def otherwise(user: object) -> object:
        return await create({**user, "email": "kate@x.co"})  # type: ignore[dict-item]

    world.target.create = otherwise  # type: ignore[method-assign,assignment]
    world.target.fail("delete", Terminal("user_deletion_not_allowed", status=409))
    result = await world.apply(record("a"))
    assert "user_0001" in result.failures[0].to_json()["message"]
    assert counted(result) == "conflicts 1, orphaned 1"
    # Every later look names it too, until somebody has settled it.
    world.target.create = create  # type: ignore[method-assign]
    for again in (await world.plan(record("a")), await world.apply(record("a"))):
        assert [one.workos_id for one in again.failures] == ["user_0001"]
        assert "user_0001" in again.failures[0].to_json()["message"]
    await world.target.delete("user_0001")
    assert counted(await world.apply(record("a"))) == "created 1"


async def test_a_creation_whose_answer_was_lost_is_named_where_it_stands_under_another_address(
    world: IdentityWorld,
) -> None:
    create = world.target.create

    async def otherwise(user: object) -> object:
        await create({**user, "email": "kate@x.co"})  # type: ignore[dict-item]
        raise Ambiguous("connection_lost")

    world.target.create = otherwise  # type: ignore[method-assign,assignment]
    result = await world.apply(record("a"))
    assert (result.failures[0].code, result.failures[0].workos_id) == ("external_id_other_email", "user_0001")
    assert world.workos() == ["1 kate@x.co verified a"]


@pytest.mark.parametrize("done", [True, False])
async def test_only_a_look_tells_whether_it_was_deleted(world: IdentityWorld, done: bool) -> None:
    create, delete = world.target.create, world.target.delete

    async def otherwise(user: object) -> object:
        return await create({**user, "email": "kate@x.co"})  # type: ignore[dict-item]

    async def lost(user_id: str) -> None:
        """Done and reported as failed, or the other way round."""
        if done:
            await delete(user_id)
            raise Ambiguous("connection_lost")

    world.target.create = otherwise  # type: ignore[method-assign,assignment]
    world.target.delete = lost  # type: ignore[method-assign]
    assert counted(await world.apply(record("a"))) == ("conflicts 1" if done else "conflicts 1, orphaned 1")
