"""`apply --limit` and `--target`: a few people are written with what they need, and nothing of anybody else's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_interruption import kill_while_writing
from tests.acceptance.test_organizations import every, memberships
from tests.support.cli import export_source
from tests.support.state_rows import user_rows

SECTIONS = {
    "organizations": '{from: group, map: {"team-*": {organization: "t-{1}", role: member}}, unmapped: skip}',
    "attributes": '{metadata: {plan: {from: "custom:plan", optional: true}}}',
}


def record(name: str, *groups: str, email: str | None = None, flag: str = "true", **more: Any) -> dict[str, Any]:
    """A user whose sub begins with `name`; subs sort as names do."""
    attributes = {"sub": f"{name}-sub", "email": email or f"{name}@example.com", "email_verified": flag}
    attributes |= {"custom:plan": str(more.get("plan", ""))}
    return {
        "Username": f"{name}-sub",
        "Attributes": [{"Name": key, "Value": value} for key, value in attributes.items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": bool(more.get("enabled", True)),
        "UserStatus": "CONFIRMED",
        "Groups": list(groups),
    }


def write(world: World, *records: dict[str, Any], **sections: str) -> None:
    """The pool, and the plan with these sections beside the usual ones."""
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    world.write_plan(export_source("users.jsonl"), **SECTIONS | sections)


def apply(world: World, *options: str, code: int = 0) -> Any:
    ended = world.cli("apply", "plan.yaml", "--json", *options)
    assert ended.code == code, ended.said
    result = ended.json("result.v1")
    assert sum(result["users"].values()) == result["source"]["selected"]
    return result


def figures(result: Any) -> dict[str, int]:
    return {name: number for name, number in result["users"].items() if number}


def organizations(world: World) -> set[str]:
    return {one["external_id"] for one in every(world, "/organizations?limit=100")}


def state(world: World) -> list[tuple[Any, ...]]:
    query = "SELECT sub, workos_id, relation, status, error_code, left_source, changed_at FROM users ORDER BY sub"
    return user_rows(world.migrate_dir / "acme.state.db", query)


TEAM = [record(f"u{at}", f"team-{at % 3}") for at in range(9)]


def test_a_limit_takes_so_many_and_the_next_one_goes_on(world: World) -> None:
    write(world, *reversed(TEAM))
    result = apply(world, "--limit", "2")
    assert figures(result) == {"created": 2, "pending": 7}
    assert (result["converged"], result["stopped"]) == (False, None)
    assert (result["waiting"], result["canary"]) == ({"canary": 7}, {"people": 2})
    assert set(world.users()) == {"u0@example.com", "u1@example.com"}
    # What they need, and nothing that only others need.
    assert organizations(world) == {"t-0", "t-1"}
    assert memberships(world) == {("u0@example.com", "t-0", "member"), ("u1@example.com", "t-1", "member")}
    assert result["organizations"] | {"created": 2, "pending": 1} == result["organizations"]
    assert result["memberships"] | {"created": 2, "pending": 7} == result["memberships"]
    assert [row[0] for row in state(world)] == ["u0-sub", "u1-sub"]

    assert "2 created, 7 pending; --limit or --target" in world.cli("status", "plan.yaml").out
    assert figures(apply(world, "--limit", "3")) == {"created": 3, "unchanged": 2, "pending": 4}
    assert set(world.users()) == {f"u{at}@example.com" for at in range(5)}
    assert apply(world)["converged"] is True
    writes = world.writes()
    last = apply(world, "--limit", "1")
    assert (figures(last), last["converged"], last["canary"]) == ({"unchanged": 9}, False, {"people": 0})
    assert world.writes() == writes
    end = "nothing to do: nobody who was asked for has changes; `migrate apply plan.yaml` goes on with everybody"
    assert world.cli("apply", "plan.yaml", "--limit", "1").err.splitlines()[-1] == end


def test_who_lacks_a_membership_alone_counts_as_well(world: World) -> None:
    write(world, *TEAM, organizations="{from: none}")
    apply(world)
    write(world, *TEAM)
    result = apply(world, "--limit", "2")
    assert (figures(result), result["memberships"]["created"]) == ({"unchanged": 9}, 2)
    assert {email for email, _, _ in memberships(world)} == {"u0@example.com", "u1@example.com"}
    assert result["memberships"]["pending"] == 7


def test_a_target_is_written_with_all_their_records(world: World) -> None:
    """By sub of a merged record, and by address, however it is written."""
    pair = [record("ann1", "team-1", email="ann@example.com"), record("ann2", "team-2", email="Ann@example.com")]
    write(world, *pair, *TEAM)
    result = apply(world, "--target", "ann1-sub", "--target", " U7@Example.com")
    assert figures(result) == {"created": 2, "merged": 1, "pending": 8}
    assert set(world.users()) == {"ann@example.com", "u7@example.com"}
    assert memberships(world) == {
        ("ann@example.com", "t-1", "member"), ("ann@example.com", "t-2", "member"), ("u7@example.com", "t-1", "member"),
    }  # fmt: skip
    ann = world.users()["ann@example.com"]["id"]
    assert [row[:2] for row in state(world)] == [
        ("ann1-sub", ann), ("ann2-sub", ann), ("u7-sub", world.users()["u7@example.com"]["id"])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nobody@example.com", "--target nobody@example.com is neither a sub nor an address of the pool; "
         "copy it from the pool"),
        ("u1", "--target u1 is neither a sub nor an address of the pool; copy it from the pool"),
        ("off-sub", "--target off-sub is excluded: the user is disabled in Cognito; "
         "set filters.enabled to any to migrate such users"),
        ("u2-sub", "--target u2-sub is excluded: a decision of the plan leaves the user; "
         "take the decision out to migrate the user"),
    ],
)  # fmt: skip
def test_a_target_whom_nobody_is_or_the_plan_excludes(
    world: World, nothing_happens: Callable[..., None], target: str, message: str
) -> None:
    write(world, *TEAM, record("off", enabled=False), decisions="[{sub: u2-sub, action: skip}]")
    nothing_happens(world, [message], "apply", "plan.yaml", "--target", "u1-sub", "--target", target)


def test_a_target_in_conflict_or_failing_ends_3_and_others_do_not(world: World) -> None:
    world.workos.call("POST", "/user_management/users", {"email": "u3@example.com", "external_id": "somebody"})
    write(world, *TEAM)
    result = apply(world, "--target", "u3-sub", "--target", "u4-sub", code=3)
    assert figures(result) == {"created": 1, "conflicts": 1, "pending": 7}
    assert [(one["source_id"], one["code"]) for one in result["failures"]] == [("u3-sub", "other_external_id")]
    assert figures(apply(world, "--target", "u3-sub", "--limit", "5", code=3))["conflicts"] == 1
    # To run it again is not to run it for everybody.
    said = world.cli("apply", "plan.yaml", "--target", "u3-sub", "--limit", "5", "--no-refresh").err
    assert "run `migrate apply plan.yaml --no-refresh --limit 5 --target u3-sub` again" in said.splitlines()[-1]
    # A conflict of somebody else is not this run's, and not noted by it.
    before = [row for row in state(world) if row[0] == "u3-sub"]
    result = apply(world, "--target", "u5-sub")
    assert (figures(result), result["failures"]) == ({"created": 1, "unchanged": 1, "pending": 7}, [])
    assert [row for row in state(world) if row[0] == "u3-sub"] == before
    assert figures(apply(world, "--limit", "2")) == {"created": 2, "unchanged": 2, "pending": 5}


def test_nobody_else_leaves_and_no_guard_forgets(world: World) -> None:
    """Leavers, removals and deletions in WorkOS are for the next run of all, as if the canary had not been."""
    everybody = [record(f"p{at:02}", f"team-{at % 2}") for at in range(30)]
    plan = {"left": "deactivate", "safety": "{max_left_source: 1}"}
    removing = SECTIONS["organizations"].replace("from: group", "from: group, remove_missing: true")
    write(world, *everybody, **plan)
    apply(world)
    world.workos.call("DELETE", f"/user_management/users/{world.users()['p29@example.com']['id']}")
    before, members = state(world), memberships(world)
    # One vanishes, one leaves their group, two change; p00 is the target.
    later = [*everybody[:27], record("p28"), everybody[29]]
    later[:2] = [record("p00", "team-0", plan="pro"), record("p01", "team-1", plan="pro")]
    write(world, *later, organizations=removing, **plan)
    result = apply(world, "--target", "p00-sub")
    assert figures(result) == {"updated": 1, "unchanged": 26, "pending": 2}
    assert memberships(world) == members and memberships(world, "inactive") == set()
    assert [row[:6] for row in state(world)] == [row[:6] for row in before]
    changed = {row[0] for row, old in zip(state(world), before, strict=True) if row != old}
    assert changed == {"p00-sub"}
    # Two have left since the last run of all, whatever canaries were in between.
    write(world, *later[:26], *later[27:], organizations=removing, **plan)
    refused = world.cli("apply", "plan.yaml", "--json")
    assert refused.code == 1 and "2 of 30 migrated users are no longer selected" in refused.said
    write(world, *later, organizations=removing, **plan)
    result = apply(world, code=3)
    assert figures(result) == {"updated": 1, "unchanged": 27, "conflicts": 1}
    assert result["failures"][0]["code"] == "gone"
    assert (result["memberships"]["deactivated"], result["memberships"]["removed"]) == (1, 1)


def test_a_canary_that_is_killed_goes_on_with_whom_it_began(world: World) -> None:
    write(world, *[record(f"u{at:03}", f"team-{at % 3}") for at in range(120)])
    kill_while_writing(world, "apply", "plan.yaml", "--limit", "60")
    held = set(world.users())
    assert held and held <= {f"u{at:03}@example.com" for at in range(60)}
    claimed = {row[0] for row in state(world) if row[3] == "claimed"}
    assert claimed
    # Somebody new, who comes first by name, does not push them aside.
    new = [record(f"a{at}", "team-0") for at in range(40)]
    write(world, *new, *[record(f"u{at:03}", f"team-{at % 3}") for at in range(120)])
    result = apply(world, "--limit", "60")
    assert result["users"]["created"] + result["users"]["adopted"] == 60
    subs = {one["external_id"] for one in world.workos.users()}
    assert claimed <= subs
    assert len(subs) == len(world.users())
    assert apply(world)["converged"] is True
    assert len(world.users()) == 160
    assert len(memberships(world)) == 160
    shutil.rmtree(world.migrate_dir)


def test_a_limit_of_nobody_is_no_limit(world: World) -> None:
    write(world, *TEAM)
    ended = world.cli("apply", "plan.yaml", "--limit", "0")
    assert ended.code == 1 and "--limit" in ended.err
