"""The way back, as a user of the command has it: shown first, then done; who is in use stays, and why is said."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_interruption import wait_for
from tests.acceptance.test_take_over import enroll, link, verify
from tests.support.cli import Ended, check, export_source, tree

ORGANIZATIONS = "{from: attribute, attribute: 'custom:tenant', unmapped: create, trust_writable: true}"
PASSWORD = "correct horse battery"


def people(world: World, *names: str, **attributes: dict[str, str]) -> None:
    """Users of the pool by name; `attributes` are more of one."""
    lines = []
    for name in names:
        values = {"sub": f"sub-{name}", "email": f"{name}@example.com", "email_verified": "true", "given_name": "Given",
                  "custom:tenant": "acme", "custom:plan": "gold"}  # fmt: skip
        values |= attributes.get(name, {})
        lines.append({
            "Username": name, "Attributes": [{"Name": one, "Value": value} for one, value in values.items() if value],
            "UserCreateDate": 1_700_000_000.0, "UserLastModifiedDate": 1_700_000_000.0, "Enabled": True,
            "UserStatus": "CONFIRMED",
        })  # fmt: skip
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))


def plan(world: World, **sections: str) -> None:
    attributes = "{first_name: given_name, external_id: sub, metadata: {plan: 'custom:plan'}}"
    world.write_plan(
        export_source("users.jsonl"), **{"attributes": attributes, "organizations": ORGANIZATIONS} | sections
    )
    text = world.plan.read_text().replace("{strategy: none}", "{strategy: on_next_sign_in}")
    world.plan.write_text(text)


def migrated(world: World, *names: str, **sections: str) -> None:
    people(world, *names)
    plan(world, **sections)
    ended = world.cli("apply", "plan.yaml")
    assert ended.code == 0, ended.said


def rollback(world: World, *options: str, code: int = 0) -> Any:
    """Its JSON, held against its schema."""
    ended = world.cli("rollback", "plan.yaml", "--json", *options)
    assert ended.code == code, ended.said
    return ended.json("rollback.v1")


def held(world: World) -> list[str]:
    return sorted(one["email"].partition("@")[0] for one in world.workos.users())


def user_id(world: World, name: str) -> str:
    return str(world.users()[f"{name}@example.com"]["id"])


def sign_in(world: World, workos_id: str) -> None:
    world.workos.call("PUT", f"/user_management/users/{workos_id}", {"password": PASSWORD})
    email = world.workos.call("GET", f"/user_management/users/{workos_id}")["email"]
    given = {"client_id": "client_sandbox", "client_secret": "sk_test_sandbox", "grant_type": "password"}
    world.workos.call("POST", "/user_management/authenticate", given | {"email": email, "password": PASSWORD})


def reset(world: World, workos_id: str) -> None:
    email = world.workos.call("GET", f"/user_management/users/{workos_id}")["email"]
    made = world.workos.call("POST", "/user_management/password_reset", {"email": email})
    given = {"token": made["password_reset_token"], "new_password": PASSWORD}
    world.workos.call("POST", "/user_management/password_reset/confirm", given)


def rename(world: World, workos_id: str) -> None:
    world.workos.call("PUT", f"/user_management/users/{workos_id}", {"first_name": "Theirs"})


USES: dict[str, tuple[Callable[[World, str], None], str]] = {
    "signed in": (sign_in, "signed_in"),
    "verified": (verify, "verified_since"),
    "password reset": (reset, "password_reset"),
    "identity": (link, "identities"),
    "second factor": (enroll, "factors"),
    "changed": (rename, "changed_since"),
}


def test_without_yes_it_only_says_what_it_would_do(world: World) -> None:
    migrated(world, "ann", "bob")
    before, writes = tree(world.migrate_dir), world.writes()
    found = rollback(world)
    assert not found["applied"] and not found["complete"] and found["run_id"] is None
    removed = {name: found[name]["removed"] for name in ("users", "memberships", "organizations")}
    assert removed == {"users": 2, "memberships": 2, "organizations": 1}
    said = world.cli("rollback", "plan.yaml")
    assert said.code == 0 and "nothing was changed: `migrate rollback plan.yaml --yes` does it" in said.err
    assert tree(world.migrate_dir) == before and world.writes() == writes and held(world) == ["ann", "bob"]


def test_what_it_tells_to_run_is_no_more_than_was_asked_for(world: World) -> None:
    migrated(world, "ann", "bob", "cid")
    said = world.cli("rollback", "plan.yaml", "--target", "ann@example.com", "--include-active").err
    told = "migrate rollback plan.yaml --include-active --target ann@example.com --yes"
    assert f"nothing was changed: `{told}` does it" in said
    done = world.cli(*shlex.split(told)[1:])
    assert done.code == 0 and held(world) == ["bob", "cid"]
    last = done.err.splitlines()[-1]
    assert last.startswith("done so far: ") and "not asked for; `migrate rollback plan.yaml` shows what is left" in last
    said = world.cli("rollback", "plan.yaml", "--limit", "1").err
    assert "`migrate rollback plan.yaml --limit 1 --yes` does it" in said
    rollback(world, "--yes")
    assert world.cli("rollback", "plan.yaml").err.splitlines()[-1] == "nothing to do"
    assert world.cli("rollback", "plan.yaml", "--yes").err.splitlines()[-1].startswith("nothing to do (0 writes, ")


def test_with_yes_it_does_that_and_apply_begins_again(world: World) -> None:
    migrated(world, "ann", "bob")
    done = rollback(world, "--yes")
    assert done["complete"] and done["users"]["removed"] == 2 and done["organizations"]["removed"] == 1
    assert held(world) == [] and world.workos.call("GET", "/organizations")["data"] == []
    status = world.cli("status", "plan.yaml", "--json").json("status.v1")
    assert status["users"]["migrated"] == 0 and status["resources"] == {}
    assert [one["command"] for one in status["runs"]] == ["rollback", "apply"]
    again = world.cli("apply", "plan.yaml", "--json")
    assert again.code == 0 and again.json("result.v1")["users"]["created"] == 2
    assert held(world) == ["ann", "bob"]


@pytest.mark.parametrize("use", USES)
def test_who_is_in_use_stays(world: World, use: str) -> None:
    people(world, "ann", "bob", "cyd", bob={"email_verified": "false"}, ann={"email_verified": "false"})
    plan(world, organizations="{from: none}")
    assert world.cli("apply", "plan.yaml").code == 0
    world.workos.call("PUT", "/_sandbox/settings", {"email_verification_required": False})
    act, code = USES[use]
    act(world, user_id(world, "bob"))
    kept = world.users()["bob@example.com"]
    assert rollback(world)["users"] == rollback(world)["users"]
    done = rollback(world, "--yes")
    assert done["complete"] and done["users"]["removed"] == 2 and done["users"]["kept"] == 1
    assert done["kept_because"] == {"users": {code: 1}}
    assert world.users() == {"bob@example.com": kept}
    # It is still ours: nothing is left to do, and an apply goes on with it.
    assert rollback(world, "--yes")["users"]["kept"] == 1
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["users"]["created"] == 2 and again["users"]["unchanged"] == 1
    everybody = rollback(world, "--yes", "--include-active")
    assert everybody["users"]["removed"] == 3 and everybody["kept_because"] == {} and held(world) == []


def test_what_they_use_stays_as_well(world: World) -> None:
    migrated(world, "ann", "bob")
    world.workos.call("PUT", "/_sandbox/settings", {"email_verification_required": False})
    sign_in(world, user_id(world, "bob"))
    done = rollback(world, "--yes")
    assert done["kept_because"] == {
        "users": {"signed_in": 1}, "memberships": {"user_kept": 1}, "organizations": {"not_empty": 1},
    }  # fmt: skip
    (organization,) = world.workos.call("GET", "/organizations")["data"]
    path = f"/user_management/organization_memberships?organization_id={organization['id']}"
    assert [one["user_id"] for one in world.workos.call("GET", path)["data"]] == [user_id(world, "bob")]


def test_who_was_there_before_loses_what_the_plan_wrote(world: World) -> None:
    call = world.workos.call
    ann = {"email": "ann@example.com", "email_verified": True, "metadata": {"theirs": "1"}}
    bob = {"email": "bob@example.com", "email_verified": True, "metadata": {"plan": "own"}, "first_name": "Bobby"}
    before = {name: call("POST", "/user_management/users", body) for name, body in (("ann", ann), ("bob", bob))}
    migrated(world, "ann", "bob", "cyd")
    assert world.users()["ann@example.com"]["external_id"] == "sub-ann"
    done = rollback(world, "--yes")
    assert done["users"]["restored"] == 2 and done["users"]["removed"] == 1
    assert done["cannot_be_taken_back"]["users"] == {"first_name": 1}
    for name, old in before.items():
        new = world.users()[f"{name}@example.com"]
        same = ("id", "email_verified", "external_id", "metadata")
        assert {one: new[one] for one in same} == {one: old[one] for one in same}
    assert world.users()["bob@example.com"]["first_name"] == "Bobby"


def test_what_somebody_has_written_there_since_stays(world: World) -> None:
    made = world.workos.call("POST", "/user_management/users", {"email": "ann@example.com", "email_verified": True})
    migrated(world, "ann")
    world.workos.call("PUT", f"/user_management/users/{made['id']}", {"metadata": {"plan": "silver"}})
    assert rollback(world, "--yes")["users"]["restored"] == 1
    user = world.users()["ann@example.com"]
    assert (user["external_id"], user["metadata"]) == (None, {"plan": "silver"})


def test_a_refusal_of_workos_is_a_conflict_with_its_remedy(world: World) -> None:
    migrated(world, "ann", "bob")
    world.workos.call("PUT", "/_sandbox/settings", {"user_deletion_allowed": False})
    done = rollback(world, "--yes", code=3)
    assert done["users"]["conflicts"] == 2 and not done["complete"] and held(world) == ["ann", "bob"]
    (one, _) = done["failures"]
    assert one["code"] == "user_deletion_not_allowed" and one["name"] == "sub-ann"
    assert "`migrate rollback plan.yaml --yes`" in one["remedy"]
    # The plan goes on with them as before, but for what they belonged to.
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["users"]["unchanged"] == 2 and again["memberships"]["created"] == 2
    world.workos.call("PUT", "/_sandbox/settings", {"user_deletion_allowed": True})
    assert rollback(world, "--yes")["complete"] and held(world) == []


def test_the_default_redirect_uri_stays(world: World) -> None:
    people(world, "ann")
    plan(world)
    uris = "redirect_uris: ['https://one.example/cb', 'https://two.example/cb']"
    text = world.plan.read_text().replace("requests_per_60s: null\n", f"requests_per_60s: null\n    {uris}\n")
    world.plan.write_text(text)
    assert world.cli("apply", "plan.yaml").code == 0
    done = rollback(world, "--yes", code=3)
    assert done["redirect_uris"]["removed"] == 1
    assert [(one["kind"], one["name"], one["code"]) for one in done["failures"]] == [
        ("redirect_uri", "https://one.example/cb", "default_redirect_uri")
    ]


@pytest.mark.parametrize("who", ["sub-bob", "bob@example.com", "the id"])
def test_one_user_alone(world: World, who: str) -> None:
    migrated(world, "ann", "bob")
    done = rollback(world, "--yes", "--target", user_id(world, "bob") if who == "the id" else who)
    assert done["complete"] and done["users"]["removed"] == done["memberships"]["removed"] == 1
    assert done["users"]["pending"] == done["organizations"]["pending"] == 1 and held(world) == ["ann"]


def test_nobody_is_meant(world: World) -> None:
    migrated(world, "ann")
    for who in ("sub-nobody", "nobody@example.com", "user_nobody"):
        ended = world.cli("rollback", "plan.yaml", "--yes", "--target", who, "--json")
        assert ended.code == 1 and "the state knows no user" in ended.errors()[0]
    assert held(world) == ["ann"]


def test_some_users_at_a_time(world: World) -> None:
    migrated(world, "ann", "bob", "cyd")
    first = rollback(world, "--yes", "--limit", "2")
    assert first["complete"] and first["users"]["removed"] == 2 and first["organizations"]["pending"] == 1
    assert held(world) == ["cyd"]
    assert rollback(world, "--yes")["organizations"]["removed"] == 1 and held(world) == []


def test_merged_records_go_with_the_one_that_spoke_for_them(world: World) -> None:
    people(world, "ann", "ann2", ann2={"email": "ann@example.com"})
    plan(world)
    assert world.cli("apply", "plan.yaml").code == 0
    assert rollback(world, "--yes", "--target", "sub-ann")["users"]["removed"] == 1 and held(world) == []
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")["users"]
    assert (again["created"], again["merged"], again["conflicts"]) == (1, 1, 0)


def test_whoever_was_orphaned_by_a_merge_goes_too(world: World) -> None:
    migrated(world, "ann", "bob")
    people(world, "ann", "bob", bob={"email": "ann@example.com"})
    assert world.cli("apply", "plan.yaml", "--json").json("result.v1")["reported"]["orphaned"] == 1
    done = rollback(world, "--yes")
    assert (done["users"]["removed"], done["orphaned"]["removed"]) == (1, 1) and held(world) == []
    assert world.cli("status", "plan.yaml", "--json").json("status.v1")["users"]["orphaned"] == 0


def test_who_was_deleted_in_workos_is_not_made_again(world: World) -> None:
    """It may have been an erasure request (rule 10); `state forget` is the way."""
    migrated(world, "ann", "bob")
    world.workos.call("DELETE", f"/user_management/users/{user_id(world, 'bob')}")
    done = rollback(world, "--yes")
    assert (done["users"]["removed"], done["users"]["gone"]) == (1, 1)
    again = world.cli("apply", "plan.yaml", "--json")
    assert again.code == 3 and again.json("result.v1")["users"]["created"] == 1
    assert again.json("result.v1")["failures"][0]["code"] == "gone"


def test_an_interrupted_one_saves_its_state(world: World) -> None:
    migrated(world, *(f"user{at}" for at in range(200)), organizations="{from: none}")
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 100})
    process = world.cli.start("rollback", "plan.yaml", "--yes", "--json")
    wait_for(lambda: world.workos.stats()["data"]["users"] < 200, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    cut = json.loads(out)
    check(cut, "rollback.v1")
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})
    assert cut["stopped"] == "interrupted" and cut["users"]["removed"] + cut["users"]["pending"] == 200
    # A deletion whose answer came too late to look whether it is true is begun, and not yet done.
    assert len(held(world)) <= cut["users"]["pending"] > 0
    last = rollback(world, "--yes")
    assert last["users"]["removed"] == cut["users"]["pending"] and held(world) == []


def test_apply_after_a_killed_one_makes_anew_who_was_removed(world: World) -> None:
    migrated(world, *(f"user{at}" for at in range(150)))
    world.workos.call("PUT", "/_sandbox/faults", {"rates": {"hang_after": 0.02}, "only": "writes", "latency_ms": 150})
    process = world.cli.start("rollback", "plan.yaml", "--yes", WORKOS_REQUEST_TIMEOUT="2")
    wait_for(lambda: world.workos.stats()["data"]["users"] < 150, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    world.workos.call("PUT", "/_sandbox/faults", {"rates": {}, "latency_ms": 0})
    assert 0 < len(held(world)) < 150
    # No guard stands against it: whoever was about to be removed is looked at again, and nobody is changed.
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == 0, ended.said
    assert len(held(world)) == 150 and ended.json("result.v1")["memberships"]["conflicts"] == 0
    assert rollback(world, "--yes")["complete"] and held(world) == []


def test_another_run_holds_the_state(world: World) -> None:
    migrated(world, "ann")
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 500})
    process = world.cli.start("apply", "plan.yaml")
    wait_for(lambda: b"pid" in (world.migrate_dir / "acme.state.db.lock").read_bytes(), process)
    ended = world.cli("rollback", "plan.yaml", "--yes", "--json")
    process.communicate(timeout=60)
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})
    assert ended.code == 4 and held(world) == ["ann"]


def test_without_a_state_there_is_nothing_to_take_back(world: World, nothing_happens: Callable[..., None]) -> None:
    people(world, "ann")
    wrong = "there is no state .migrate/acme.state.db yet; run `migrate apply plan.yaml` first"
    ended: Ended = world.cli("rollback", "plan.yaml", "--yes", "--json")
    assert ended.code == 1 and ended.errors()[0].endswith(wrong.partition(" .migrate")[2].partition("db ")[2])
    assert not world.migrate_dir.exists()


def test_in_the_sandbox(world: World) -> None:
    people(world, "ann", "bob")
    plan(world)
    assert world.cli("apply", "plan.yaml", "--sandbox").code == 0
    assert rollback(world, "--sandbox")["users"]["removed"] == 2
    done = rollback(world, "--sandbox", "--yes")
    assert done["sandbox"] and done["complete"] and done["users"]["removed"] == 2
    assert rollback(world, "--sandbox")["users"]["removed"] == 0
