"""A migrated user deleted in WorkOS, as `plan`, `apply` and `state forget` tell of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.acceptance.conftest import World
from tests.support.migration import invent_pool


@pytest.mark.parametrize("way", ["events", "listing"])
def test_a_deleted_user_is_a_conflict_until_forgotten(world: World, way: str) -> None:
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in invent_pool(5)))
    assert world.cli("apply", "plan.yaml").code == 0
    if way == "listing":
        (state,) = world.migrate_dir.glob("*.state.db")
        with closing(sqlite3.connect(state)) as connection, connection:
            connection.execute("DELETE FROM meta WHERE key = 'looked_at'")
    user = next(iter(world.users().values()))
    world.workos.call("DELETE", f"/user_management/users/{user['id']}")

    skipped = world.cli("apply", "plan.yaml", "--no-refresh", "--json")
    assert (skipped.code, skipped.json("result.v1")["refreshed"]) == (0, "skipped")
    assert "--no-refresh" in world.cli("plan", "plan.yaml", "--no-refresh").err
    planned = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")
    assert (planned["refreshed"], [one["code"] for one in planned["failures"]]) == (way, ["gone"])
    applied = world.cli("apply", "plan.yaml", "--json")
    result = applied.json("result.v1")
    assert (applied.code, result["refreshed"], result["users"]["conflicts"]) == (3, way, 1)
    assert "everybody is in place" not in world.cli("plan", "plan.yaml").err.replace("not everybody", "")

    assert world.cli("state", "forget", "plan.yaml", user["external_id"]).code == 0
    again = world.cli("apply", "plan.yaml", "--json")
    assert (again.code, again.json("result.v1")["users"]["created"]) == (0, 1), again.said
    assert world.users()[user["email"]]["id"] != user["id"]
