"""A pool of users of every kind in moto, migrated by the installed command: every field, and the second run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import export_source
from tests.support.pool_of_every_kind import SECTIONS

PoolWorld = Callable[[int], World]

FIELDS = ("email", "email_verified", "first_name", "last_name", "metadata")


@pytest.mark.parametrize("users", [600, pytest.param(2000, marks=pytest.mark.long)])
def test_every_field_of_every_user(pool_world: PoolWorld, users: int) -> None:
    world = pool_world(users)
    pool = world.pool
    assert pool is not None

    planned = world.cli("plan", "plan.yaml", "--json", "--detailed-exitcode")
    assert planned.code == 2, planned.said
    foreseen = planned.json("plan-result.v1")
    assert not world.migrate_dir.exists()
    assert world.writes() == 0

    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == 0, ended.said
    result = ended.json("result.v1")
    assert result["source"] == {"seen": users, "selected": len(pool.wanted) + pool.merged, "filtered": pool.filtered}
    assert result["users"] == dict.fromkeys(result["users"], 0) | {"created": len(pool.wanted), "merged": pool.merged}
    assert sum(result["users"].values()) == result["source"]["selected"]
    assert foreseen["source"] == result["source"]
    assert foreseen["users"]["create"] == foreseen["estimate"]["writes"] == result["users"]["created"]

    held = world.users()
    assert {email: {name: user[name] for name in FIELDS} for email, user in held.items()} == pool.wanted
    subs = _subs(world)
    assert {email: user["external_id"] for email, user in held.items()} == {email: subs[email] for email in held}

    # Run again: nothing to do, for WorkOS as well.
    before = world.writes()
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["users"] == dict.fromkeys(again["users"], 0) | {
        "unchanged": len(pool.wanted),
        "merged": pool.merged,
    }
    assert world.writes() == before == len(pool.wanted)
    unchanged = world.cli("plan", "plan.yaml", "--detailed-exitcode")
    assert unchanged.code == 0
    assert "nothing to do: everybody is in place" in unchanged.err

    _exported_pool_gives_the_same(world)


def _exported_pool_gives_the_same(world: World) -> None:
    """`migrate export`, and a plan that reads the file: the same users in an empty WorkOS."""
    before = world.users()
    exported = world.cli("export", "plan.yaml", "--out", "users.jsonl", "--json").json("export.v1")
    assert world.pool is not None and exported["users"] == len(world.pool.records)
    assert (world.plan.parent / "users.jsonl").stat().st_mode & 0o777 == 0o600
    world.workos.call("POST", "/_sandbox/reset")
    # An export holds no groups: the filter on them has to go, and with it nobody but the internal ones comes in.
    sections = SECTIONS | {"filters": "{attributes: [{name: 'custom:deleted', exists: false}]}"}
    world.write_plan(export_source("users.jsonl"), **sections, state="{path: .migrate/from-export.state.db}")
    assert world.cli("apply", "plan.yaml").code == 0
    after = {email: user for email, user in world.users().items() if not email.startswith("internal.")}
    assert {email: [user[name] for name in (*FIELDS, "external_id")] for email, user in after.items()} == {
        email: [user[name] for name in (*FIELDS, "external_id")] for email, user in before.items()
    }


def _subs(world: World) -> dict[str, str]:
    """The sub of the record that stands for each address, as moto gave it."""
    assert world.pool is not None
    pages = world.cognito().get_paginator("list_users").paginate(UserPoolId=world.pool_id)
    by_username = {
        user["Username"]: next(one["Value"] for one in user["Attributes"] if one["Name"] == "sub")
        for page in pages
        for user in page["Users"]
    }
    return {email: by_username[username] for email, username in world.pool.usernames.items()}
