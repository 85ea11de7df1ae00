"""Several pools into one WorkOS: who is one person over pools, what the state belongs to, and users without address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.errors import GuardRefused, SourceError, StateError
from engine.run.reading import check_selected
from engine.run.sources import Sources
from tests.support.fake_source import FakeSource
from tests.support.identity import IdentityWorld, counted, record

NO_EMAIL = "no_email: placeholder\nplaceholder: '{sub}@no-email.x.co'\n"
OWN_IDS = "attributes: {external_id: {template: '{pool}:{sub}'}}\n"


@pytest.fixture
def world(tmp_path: Path) -> IdentityWorld:
    return IdentityWorld(tmp_path, pools=("eu", "us"))


async def test_one_address_in_two_pools_is_one_user_and_a_second_run_is_empty(world: IdentityWorld) -> None:
    eu = [record("a1", day=1, first="Ann"), record("b1", "bob@x.co")]
    us = [record("a2", day=2, last="Lee"), record("c2", "cy@x.co")]
    planned = await world.plan_pools(eu=eu, us=us)
    result = await world.apply_pools(eu=eu, us=us)
    assert counted(result) == "created 3, merged 1"
    assert (planned.users["create"], planned.users["merge"]) == (3, 1)
    assert {name: (one.seen, one.selected) for name, one in result.source.pools.items()} == {"eu": (2, 2), "us": (2, 2)}
    assert world.workos() == [
        "1 bob@x.co verified b1",
        "2 ann@x.co verified a2 first=Ann last=Lee",
        "3 cy@x.co verified c2",
    ]
    assert world.state() == [
        "a1 2 merged of a2 done",
        "a2 2 primary done made",
        "b1 1 primary done made",
        "c2 3 primary done made",
    ]
    again = await world.apply_pools(eu=eu, us=us)
    assert counted(again) == "merged 1, unchanged 3"
    assert again.requests.writes == 0


async def test_one_pools_unverified_record_never_stands_for_anothers_verified_one(world: IdentityWorld) -> None:
    eu = [record("victim", first="Ann")]
    us = [record("mallory", flag="unverified", day=9, first="Mal", last="Ory")]
    for _ in range(2):
        result = await world.apply_pools(eu=eu, us=us)
        assert world.workos() == ["1 ann@x.co verified victim first=Ann"]
        assert world.state() == ["mallory 1 unverified of victim done", "victim 1 primary done made"]
    assert counted(result) == "merged 1, unchanged 1"


async def test_a_provider_of_another_pool_links_nobody(world: IdentityWorld) -> None:
    """AcmeIdp of the one pool may be somebody else than AcmeIdp of the other."""
    native = record("native", identities='[{"userId":"1","providerName":"AcmeIdp","providerType":"OIDC"}]')
    stranger = record("idp", "eve@x.co", "unverified", via="AcmeIdp")
    # In the pool that says so they are one person.
    assert counted(await world.apply_pools(eu=[native, stranger])) == "created 1, merged 1"
    world.lose_state()
    world.target.users.clear()
    await world.apply_pools(eu=[native], us=[stranger])
    assert [line.split()[1] for line in world.workos()] == ["ann@x.co", "eve@x.co"]


async def test_external_ids_that_clash_are_conflicts_unless_the_pool_is_in_them(world: IdentityWorld) -> None:
    both = {"eu": [record("same", "eve@x.co")], "us": [record("same", "una@x.co")]}
    result = await world.apply_pools(**both)
    assert counted(result) == "conflicts 2"
    assert [(one.pool, one.source_id, one.code) for one in result.failures] == [
        ("eu", "same", "shared_external_id"),
        ("us", "same", "shared_external_id"),
    ]
    assert result.failures[0].to_json()["pool"] == "eu"
    world.write_plan(OWN_IDS)
    assert counted(await world.apply_pools(**both)) == "created 2"
    assert world.workos() == ["1 eve@x.co verified us-east-1_eu:same", "2 una@x.co verified us-east-1_us:same"]


async def test_a_pool_may_be_added_and_renamed_but_not_taken_away(world: IdentityWorld) -> None:
    world.pools = ["eu"]
    world.write_plan("")
    eu, us = [record("a1")], [record("b2", "bob@x.co")]
    assert counted(await world.apply_pools(eu=eu)) == "created 1"
    world.pools = ["us", "eu"]
    world.write_plan("")
    assert counted(await world.apply_pools(eu=eu, us=us)) == "created 1, unchanged 1"
    # The name is the plan's own word.
    text = world.plan_path.read_text(encoding="utf-8")
    world.plan_path.write_text(text.replace("name: us,", "name: america,"), encoding="utf-8")
    world.pools = ["us", "eu"]
    assert counted(await world.apply_pools(eu=eu, us=us)) == "unchanged 2"
    world.pools = ["eu"]
    world.write_plan("")
    with pytest.raises(StateError) as error:
        await world.apply_pools(eu=eu)
    assert (error.value.code, "us-east-1_us" in error.value.message) == ("state_knows_other_pool", True)
    assert "put it back under source" in error.value.remedy
    world.pools = ["other"]
    world.write_plan("")
    with pytest.raises(StateError) as error:
        await world.apply_pools(other=eu)
    assert error.value.code == "state_of_another"


async def test_decisions_name_their_pool(world: IdentityWorld) -> None:
    world.write_plan("decisions: [{pool: us, sub: same, action: skip}]\n" + OWN_IDS)
    result = await world.apply_pools(eu=[record("same", "eve@x.co")], us=[record("same", "una@x.co")])
    assert counted(result) == "created 1, skipped 1"
    assert world.workos() == ["1 eve@x.co verified us-east-1_eu:same"]


async def test_filters_attributes_and_defaults_are_each_pools_own(world: IdentityWorld) -> None:
    text = world.plan_path.read_text(encoding="utf-8")
    tier = "attributes: {metadata: {tier: {from: 'custom:tier', default: basic}}}"
    own = "filters: {attributes: [{name: email, matches: '^in'}]}, " + tier + ", "
    text = text.replace("{name: us, ", "{name: us, " + own)
    world.plan_path.write_text(text, encoding="utf-8")
    eu = [record("e1", "eve@x.co", tier="gold", plan="pro"), record("e2", "ed@x.co")]
    us = [record("u1", "in@x.co", plan="pro"), record("u2", "out@x.co")]
    assert counted(await world.apply_pools(eu=eu, us=us)) == "created 3"
    assert world.workos() == [
        "1 eve@x.co verified e1 plan=pro tier=gold",
        "2 ed@x.co verified e2",
        "3 in@x.co verified u1 tier=basic",
    ]
    assert counted(await world.apply_pools(eu=eu, us=us)) == "unchanged 3"


async def test_a_pool_of_which_nobody_is_selected_is_named(world: IdentityWorld) -> None:
    result = await world.apply_pools(eu=[record("a1")], us=[record("b2", enabled=False)])
    spec = world.spec()
    strict = tuple(replace(one, filters=replace(one.filters, allow_empty=False)) for one in spec.pools)
    with pytest.raises(GuardRefused) as error:
        check_selected(replace(spec, filters=strict[0].filters, pools=strict), result.source)
    assert (error.value.code, "1 users of pool us (1 disabled)" in error.value.message) == ("nobody_selected", True)


async def test_users_without_an_address_come_under_a_placeholder(tmp_path: Path) -> None:
    world = IdentityWorld(tmp_path, NO_EMAIL)
    pool = [record("a1", None, phone_number="+15550001"), record("b2", None), record("c3", "cy@x.co")]
    result = await world.apply(*pool)
    assert counted(result) == "created 3"
    assert (result.reported.placeholder, result.reported.unverified_address) == (2, 0)
    assert world.workos() == [
        "1 a1@no-email.x.co unverified a1",
        "2 b2@no-email.x.co unverified b2",
        "3 cy@x.co verified c3",
    ]
    # Whoever writes another's placeholder into their own record gets nothing of theirs.
    result = await world.apply(*pool, record("mallory", "b2@no-email.x.co", "unverified"))
    assert [(one.source_id, one.code) for one in result.failures] == [("b2", "duplicate"), ("mallory", "duplicate")]


async def test_one_sub_without_address_in_two_pools_is_two_people(world: IdentityWorld) -> None:
    world.write_plan(NO_EMAIL + OWN_IDS)
    result = await world.apply_pools(eu=[record("same", None)], us=[record("same", None)])
    assert counted(result) == "conflicts 2"


def test_pools_are_read_side_by_side_and_an_error_names_its_pool(world: IdentityWorld) -> None:
    spec = world.spec()
    eu = FakeSource(users=[record(f"e{at}") for at in range(7)], size=2)
    us = FakeSource(users=[record(f"u{at}") for at in range(7)], size=2)
    sources = Sources.of(spec, eu, us)
    subs = sorted((one.pool.name, user.sub) for one, page in sources.pages() for user in page)
    assert subs == [("eu", f"e{at}") for at in range(7)] + [("us", f"u{at}") for at in range(7)]
    us.fail_after = 2
    with pytest.raises(SourceError) as error:
        list(sources.pages())
    assert (error.value.code, error.value.message) == ("scripted", "pool us: scripted")
    us.describe_error = SourceError("no such pool", code="gone")
    with pytest.raises(SourceError, match="pool us: no such pool"):
        sources.describe()
