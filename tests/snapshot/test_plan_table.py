"""The plan beside a state: unchanged by set, whose state row counts for whom, what WorkOS holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from engine.model.keys import NO_POOL, USER, sub_of, user_key
from engine.model.outcomes import Claim
from engine.model.users import SourceUser, TargetUser
from engine.state.file import StateFile
from tests.snapshot.world import IDENTITY, KEY, World
from tests.support.people import NEW_YEAR, cognito_user

DAY = timedelta(days=1)


def person(sub: str, email: str = "ann@example.com", *, verified: bool = True, **rest: object) -> SourceUser:
    return cognito_user(sub, email=email, email_verified=str(verified).lower(), **rest)  # type: ignore[arg-type]


def claim(sub: str, operation: str) -> Claim:
    return Claim(USER, user_key(NO_POOL, sub), operation)


ANN = person("ann", given_name="Ann")
BOB = person("bob", "bob@example.com")


async def test_a_second_run_finds_nothing_and_asks_nobody(world: World) -> None:
    assert await world.apply(ANN, BOB) == {"ann": ("create", None), "bob": ("create", None)}
    world.target.calls.clear()
    assert await world.apply(ANN, BOB) == {"ann": ("unchanged", None), "bob": ("unchanged", None)}
    assert world.target.calls == []


async def test_users_in_doubt_are_read_side_by_side(world: World) -> None:
    people = [person(f"p{at:02}", f"p{at:02}@example.com") for at in range(40)]
    await world.apply(*people)
    with StateFile.open(world.state_path, IDENTITY, key=KEY) as state:
        state.advance([], [claim(one.sub, "update") for one in people], run_id="killed")
    at_once, most = 0, 0
    real = world.target.get

    async def get(user_id: str) -> TargetUser | None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return await real(user_id)

    world.target.get = get  # type: ignore[method-assign]
    await world.plan(*people)
    assert world.target.called("get") == 40
    assert 16 <= most <= 32


async def test_one_change_is_one_update(world: World) -> None:
    await world.apply(ANN, BOB)
    world.target.calls.clear()
    await world.apply(person("ann", given_name="Anna"), BOB)
    assert [name for name, _ in world.target.calls] == ["update"]
    assert world.decided()["bob"] == ("unchanged", None)
    (changed,) = [one for one in world.target.users.values() if one.external_id == "ann"]
    assert changed.first_name == "Anna"


async def test_with_the_state_lost_everybody_is_adopted(world: World) -> None:
    await world.apply(ANN, BOB)
    before = dict(world.target.users)
    world.state_path.unlink()
    assert await world.apply(ANN, BOB) == {"ann": ("adopt", None), "bob": ("adopt", None)}
    assert world.target.users == before and world.target.called("create") == 2
    assert set((await world.apply(ANN, BOB)).values()) == {("unchanged", None)}


async def test_a_merged_record_takes_over_when_the_first_leaves(world: World) -> None:
    social = person("social", status="EXTERNAL_PROVIDER", provider=("Google", "Google"))
    await world.apply(ANN, social)
    (user,) = world.target.users.values()
    assert await world.apply(social) == {"social": ("update", None)}
    (after,) = world.target.users.values()
    assert (after.id, after.external_id, after.email) == (user.id, "social", "ann@example.com")
    assert set((await world.apply(social)).values()) == {("unchanged", None)}


async def test_a_new_first_record_takes_over_from_one_that_gives_way(world: World) -> None:
    await world.apply(ANN)
    newer = person("newer", created=NEW_YEAR + DAY)
    assert await world.apply(ANN, newer) == {"newer": ("update", None)}
    (user,) = world.target.users.values()
    assert (user.external_id, user.first_name) == ("newer", "Ann")
    rows = world.state("SELECT sub, workos_id, relation, primary_sub, status FROM users ORDER BY sub")
    assert rows == [("ann", user.id, "merged", "newer", "done"), ("newer", user.id, "primary", None, "done")]
    assert set((await world.apply(ANN, newer)).values()) == {("unchanged", None)}


async def test_a_merged_record_that_moves_away_leaves_the_user_alone(world: World) -> None:
    other = person("other", created=NEW_YEAR - DAY)
    await world.apply(ANN, other)
    (user,) = world.target.users.values()
    moved = person("other", "other@example.com", created=NEW_YEAR - DAY)
    assert await world.apply(ANN, moved) == {"ann": ("unchanged", None), "other": ("create", None)}
    assert world.target.users[user.id] == user
    assert {one.external_id for one in world.target.users.values()} == {"ann", "other"}
    assert set((await world.apply(ANN, moved)).values()) == {("unchanged", None)}


async def test_an_unverified_sign_up_never_gets_the_account_by_moving(world: World) -> None:
    mallory = person("mallory", verified=False, created=NEW_YEAR + DAY)
    await world.apply(ANN, mallory)
    (user,) = world.target.users.values()
    await world.apply(ANN, person("mallory", "mallory@example.com", created=NEW_YEAR + DAY))
    assert world.target.users[user.id] == user
    (own,) = [one for one in world.target.users.values() if one.id != user.id]
    assert (own.external_id, own.email) == ("mallory", "mallory@example.com")


async def test_an_unverified_sign_up_does_not_inherit_the_account(world: World) -> None:
    mallory = person("mallory", verified=False, created=NEW_YEAR + DAY)
    await world.apply(ANN, mallory)
    before = dict(world.target.users)
    assert await world.apply(mallory) == {"mallory": ("conflict", "other_external_id")}
    assert world.target.users == before


async def test_an_account_is_not_moved_onto_a_verified_stranger(world: World) -> None:
    """Mallory is migrated, then sets her Cognito address to Ann's, unverified, before Ann is migrated."""
    await world.apply(person("mallory", "mallory@example.com"))
    (hers,) = world.target.users.values()
    await world.apply(ANN, person("mallory", verified=False))
    assert world.target.users[hers.id] == hers
    (anns,) = [one for one in world.target.users.values() if one.id != hers.id]
    assert (anns.external_id, anns.email, anns.email_verified) == ("ann", "ann@example.com", True)


async def test_a_user_made_unverified_goes_to_the_record_that_verified_the_address(world: World) -> None:
    early = person("early", verified=False)
    await world.apply(early)
    (user,) = world.target.users.values()
    late = person("late", created=NEW_YEAR + DAY)
    assert await world.apply(early, late) == {"late": ("update", None)}
    (after,) = world.target.users.values()
    assert (after.id, after.external_id, after.email_verified) == (user.id, "late", True)
    rows = world.state("SELECT sub, relation FROM users ORDER BY sub")
    assert rows == [("early", "unverified"), ("late", "primary")]
    assert set((await world.apply(early, late)).values()) == {("unchanged", None)}


async def test_the_first_moves_away_and_the_merged_record_stays(world: World) -> None:
    other = person("other", created=NEW_YEAR - DAY)
    await world.apply(ANN, other)
    (user,) = world.target.users.values()
    moved = person("ann", "new@example.com", given_name="Ann")
    for _ in range(2):
        await world.apply(moved, other)
    by_external_id = {one.external_id: one for one in world.target.users.values()}
    assert (by_external_id["ann"].id, by_external_id["ann"].email) == (user.id, "new@example.com")
    assert by_external_id["other"].email == "ann@example.com" and len(by_external_id) == 2
    assert set((await world.apply(moved, other)).values()) == {("unchanged", None)}


async def test_nobodys_row_speaks_for_two(world: World) -> None:
    one, two = person("one", created=NEW_YEAR - DAY), person("two", created=NEW_YEAR - 2 * DAY)
    await world.apply(ANN, one, two)
    (user,) = world.target.users.values()
    apart = (person("one", "one@example.com"), person("two", "two@example.com"))
    await world.apply(*apart)
    # Neither has the address that was written there, so neither takes the user over.
    assert len(world.target.users) == 3 and world.target.users[user.id].email == "ann@example.com"
    assert {who.external_id for who in world.target.users.values()} == {"ann", "one", "two"}
    assert set((await world.apply(*apart)).values()) == {("unchanged", None)}


async def test_who_is_skipped_is_skipped_for_good(make_world: Callable[..., World]) -> None:
    world = make_world(existing_users="skip")
    theirs = world.target.add("ann@example.com", email_verified=True, first_name="Her own")
    for _ in range(3):
        assert await world.apply(ANN) == {"ann": ("skip", "existing_user")}
    assert world.target.users[theirs.id] == theirs and world.target.called("update") == 0
    world.options["existing_users"] = "adopt"
    assert await world.apply(ANN) == {"ann": ("adopt", None)}
    held = world.target.users[theirs.id]
    assert held == replace(theirs, external_id="ann", updated_at=held.updated_at)


async def test_a_conflict_that_is_settled_in_cognito(world: World) -> None:
    await world.apply(ANN)
    bad = person("ann", "new@example.com", verified=False, given_name="Ann")
    assert await world.apply(bad) == {"ann": ("conflict", "email_change_unverified")}
    assert world.state("SELECT status, error_code, workos_id FROM users")[0][:2] == (
        "conflict",
        "email_change_unverified",
    )
    assert await world.apply(ANN) == {"ann": ("unchanged", None)}
    assert world.state("SELECT status, error_code FROM users") == [("done", None)]
    assert world.target.called("update") == 0


async def test_who_left_the_source_is_reported_and_kept(world: World) -> None:
    await world.apply(ANN, BOB)
    await world.apply(BOB)
    assert world.left_source() == 1
    assert len(world.target.users) == 2
    await world.apply(ANN, BOB)
    assert world.left_source() == 0


async def test_a_merged_record_that_vanishes_is_no_user_of_workos(world: World) -> None:
    await world.apply(ANN, person("other", created=NEW_YEAR - DAY))
    await world.apply(ANN)
    assert world.left_source() == 0


async def test_what_a_crash_left_claimed_is_settled(world: World) -> None:
    await world.apply(ANN)
    there = world.target.add("bob@example.com", email_verified=True, external_id="bob")
    with StateFile.open(world.state_path, IDENTITY, key=KEY) as state:
        state.advance([], [claim("ann", "update"), claim("bob", "create")], run_id="killed")
    changed = person("ann", given_name="Anna")
    await world.plan(changed, BOB)
    by_sub = {sub_of(change.key): change for change in world.changes()}
    assert (by_sub["bob"].action, by_sub["bob"].counts_as, by_sub["bob"].workos_id) == ("adopt", "created", there.id)
    assert dict(by_sub["ann"].send) == {"first_name": "Anna"}
    await world.apply(changed, BOB)
    assert world.target.called("create") == 1
    assert world.state("SELECT created_here FROM users WHERE sub = 'bob'") == [(1,)]


async def test_addresses_that_are_given_up_come_first(world: World) -> None:
    await world.apply(person("b-first", "old@example.com"))
    users = [person("b-first", "new@example.com"), person("a-second", "old@example.com")]
    await world.plan(*users)
    assert [sub_of(change.key) for change in world.changes()] == ["b-first", "a-second"]
    await world.apply(*users)
    assert {one.external_id: one.email for one in world.target.users.values()} == {
        "b-first": "new@example.com",
        "a-second": "old@example.com",
    }


async def test_two_users_of_one_address_in_workos_do_not_break_the_plan(world: World) -> None:
    """The vendor's emulator compares addresses by case; a listing can meet an address twice while it changes hands."""
    world.target.add("ann@example.com", external_id="x")
    world.target.add("ann@example.com", external_id="ann", email_verified=True)
    world.target.add("else@example.com", external_id="ann")
    await world.plan(ANN)
    assert world.decided() == {"ann": ("adopt", None)}


async def test_a_few_new_users_are_looked_up_and_not_listed(world: World) -> None:
    for number in range(1000):
        world.target.add(f"stranger{number:04}@example.com")
    there = world.target.add("bob@example.com", email_verified=True)
    await world.plan(ANN, BOB)
    listed = world.target.called("list_page")
    assert listed <= 4 and world.target.called("find_by_email") == 2
    assert world.decided() == {"ann": ("create", None), "bob": ("adopt", None)}
    assert world.changes()[1].workos_id == there.id


async def test_same_input_same_digest_whatever_the_order(world: World) -> None:
    one = await world.plan(ANN, BOB)
    two = await world.plan(BOB, ANN)
    assert one.digest == two.digest != (await world.plan(ANN)).digest
