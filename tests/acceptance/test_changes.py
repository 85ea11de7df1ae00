"""What a later `apply` does about changes on either side: one field, one write (rules 9 and 10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_rollback import people, plan
from tests.support.cli import pool_source
from tests.support.pool_of_every_kind import SECTIONS

EMAIL = "custom.0@example.com"


@pytest.fixture
def migrated(pool_world: Callable[[int], World]) -> World:
    """Two users of each kind, migrated."""
    world = pool_world(58)
    ended = world.cli("apply", "plan.yaml")
    assert ended.code == 0, ended.said
    return world


def apply(world: World, code: int = 0) -> dict[str, int]:
    """One more run; gives the figures that are not nought, but for those that stand from run to run."""
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == code, ended.said
    result = ended.json("result.v1")
    assert sum(result["users"].values()) == result["source"]["selected"]
    return {
        name: number
        for name, number in (result["users"] | result["reported"]).items()
        if number and name not in ("merged", "unchanged", "unverified_address")
    }


def test_one_changed_attribute_is_one_write_of_that_field(migrated: World) -> None:
    # A field that Cognito did not change stays what WorkOS's people made of it.
    user = migrated.users()[EMAIL]
    other = {"last_name": "Renamed", "metadata": {"plan": "vip"}}
    migrated.workos.call("PUT", f"/user_management/users/{user['id']}", other)
    before = migrated.users()
    writes = migrated.writes()

    migrated.change(EMAIL, custom__tier="2")

    assert apply(migrated) == {"updated": 1}
    assert migrated.writes() == writes + 1
    changed = before[EMAIL] | {"metadata": before[EMAIL]["metadata"] | {"tier": "silver"}}
    assert _without_times(migrated) == {email: _timeless(one) for email, one in (before | {EMAIL: changed}).items()}
    assert apply(migrated) == {}
    assert migrated.writes() == writes + 1


def test_a_changed_address_takes_its_verification_along(migrated: World) -> None:
    old = migrated.users()["plain.0@example.com"]
    migrated.change("plain.0@example.com", email="moved.0@example.com", email_verified="true")

    assert apply(migrated) == {"updated": 1}

    users = migrated.users()
    assert "plain.0@example.com" not in users
    assert (users["moved.0@example.com"]["id"], users["moved.0@example.com"]["email_verified"]) == (old["id"], True)


def test_an_unverified_new_address_for_a_verified_user_is_a_conflict(migrated: World) -> None:
    migrated.change("plain.0@example.com", email="moved.0@example.com", email_verified="false")
    writes = migrated.writes()

    assert apply(migrated, code=3) == {"conflicts": 1}

    assert migrated.writes() == writes
    listed = migrated.cli("status", "plan.yaml", "--users", "conflicts", "--json").json("status.v1")["listed"]
    assert [(one["source_id"], one["code"]) for one in listed] == [
        (migrated.sub("plain.0@example.com"), "email_change_unverified")
    ]


def test_a_metadata_key_that_left_the_plan_is_removed_and_nothing_else(migrated: World) -> None:
    before = migrated.users()
    attributes = SECTIONS["attributes"].replace('    company: {from: "custom:company", when_invalid: omit}\n', "")
    migrated.write_plan(pool_source(migrated.endpoint, migrated.pool_id), **SECTIONS | {"attributes": attributes})
    holders = [email for email, user in before.items() if "company" in user["metadata"]]

    assert apply(migrated) == {"updated": len(holders)}

    for user in before.values():
        user["metadata"].pop("company", None)
    assert _without_times(migrated) == {email: _timeless(user) for email, user in before.items()}


def test_who_vanished_in_cognito_is_reported_and_kept(migrated: World) -> None:
    before, writes = migrated.users(), migrated.writes()
    sub = migrated.sub(EMAIL)
    migrated.delete(EMAIL)

    assert apply(migrated) == {"left_source": 1}

    assert migrated.users() == before
    assert migrated.writes() == writes
    listed = migrated.cli("status", "plan.yaml", "--users", "left_source", "--json").json("status.v1")["listed"]
    assert [one["source_id"] for one in listed] == [sub]
    plainly = "1 user of WorkOS is no longer selected from Cognito (left_source); kept, and can still sign in"
    assert plainly in migrated.cli("apply", "plan.yaml").err.splitlines()
    assert plainly in migrated.cli("status", "plan.yaml").out.splitlines()


def test_a_name_changed_in_workos_is_left_alone(migrated: World) -> None:
    user = migrated.users()["plain.0@example.com"]
    migrated.workos.call("PUT", f"/user_management/users/{user['id']}", {"first_name": "Google's name"})
    writes = migrated.writes()

    assert apply(migrated) == {}

    assert migrated.users()["plain.0@example.com"]["first_name"] == "Google's name"
    assert migrated.writes() == writes


def test_a_name_that_vanished_in_cognito_stays_and_is_reported(migrated: World) -> None:
    migrated.change("plain.0@example.com", family_name="")

    # The full name in the metadata changes with it.
    assert apply(migrated) == {"updated": 1, "attribute_vanished": 1}

    user = migrated.users()["plain.0@example.com"]
    assert (user["last_name"], user["metadata"]["full_name"]) == ("Lee", "Ann")


def test_who_was_deleted_in_workos_comes_back_only_when_forgotten(migrated: World) -> None:
    user = migrated.users()[EMAIL]
    migrated.workos.call("DELETE", f"/user_management/users/{user['id']}")
    migrated.change(EMAIL, custom__plan="vip")

    assert apply(migrated, code=3) == {"conflicts": 1}
    listed = migrated.cli("status", "plan.yaml", "--users", "conflicts,failed")
    assert listed.out.splitlines()[1].split()[:5] == ["conflicts", user["external_id"], "gone", "gone", user["id"]]
    assert apply(migrated, code=3) == {"conflicts": 1}
    assert EMAIL not in migrated.users()

    forgotten = migrated.cli("state", "forget", "plan.yaml", user["external_id"], "--json").json("state-forget.v1")
    assert forgotten["forgotten"] == [user["external_id"]]
    assert apply(migrated) == {"created": 1}
    again = migrated.users()[EMAIL]
    assert again["id"] != user["id"]
    assert again["metadata"]["plan"] == "vip"


def _timeless(user: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in user.items() if name != "updated_at"}


def _without_times(world: World) -> dict[str, dict[str, object]]:
    return {email: _timeless(user) for email, user in world.users().items()}


def test_no_value_becomes_a_command_of_a_workflow(world: World) -> None:
    """What somebody calls themselves, in the log of a GitHub step: on standard output as well, which it reads too."""
    people(world, "ann", ann={"given_name": "##[error]all is lost", "custom:plan": "::error::x"})
    plan(world)
    for command in (["plan", "plan.yaml", "--users", "create", "--values"],
                    ["report", "plan.yaml", "--values", "--format", "html", "--out", "-"],
                    ["report", "plan.yaml", "--values", "--format", "markdown", "--out", "-"],
                    ["explain", "plan.yaml", "sub-ann", "--values"]):  # fmt: skip
        ended = world.cli(*command, GITHUB_ACTIONS="true")
        assert ended.code == 0, ended.said
        assert "##[" not in ended.out + ended.err, command
        assert not any(line.lstrip().startswith("::error") for line in ended.out.splitlines()), command
