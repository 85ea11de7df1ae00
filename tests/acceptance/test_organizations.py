"""Groups become organizations, roles and memberships: by the command, held against an independent expectation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import export_source, pool_source
from tests.support.cognito import invent_users, make_moto_pool

MAP = {
    "acme-admins": {"organization": "acme", "organization_name": "Acme", "role": "admin", "domains": ["acme.com"]},
    "acme-users": {"organization": "acme", "organization_name": "Acme", "role": "member"},
    "tenant-*": {"organization": "t-{1}", "organization_name": "Tenant {1}"},
}
SECTION: dict[str, Any] = {"from": "group", "map": MAP, "default": {"organization": "community"}, "unmapped": "skip"}
PRECEDENCE = {"acme-admins": 1, "acme-users": 5}


def groups_of(users: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Overlapping groups by the number of the user."""
    names = [one["Username"] for one in users]
    return {
        "acme-admins": names[::10],
        "acme-users": names[::5],
        "tenant-a": names[1::7],
        "tenant-b": names[2::7] + names[1::14],
        "ignored": names[3::11],
    }


def expected(users: list[dict[str, Any]], groups: dict[str, list[str]]) -> set[tuple[str, str, str]]:
    """(address, organization, role) by the words of the contract, written without the engine."""
    found = set()
    for one in users:
        attributes = {each["Name"]: each["Value"] for each in one["Attributes"]}
        mine = {name for name, members in groups.items() if one["Username"] in members}
        if not one["Enabled"]:
            continue
        places = set()
        if mine & {"acme-admins", "acme-users"}:
            places.add(("acme", "admin" if "acme-admins" in mine else "member"))
        places |= {(f"t-{name[-1]}", "member") for name in mine if name.startswith("tenant-")}
        if not mine:
            places.add(("community", "member"))
        if attributes.get("email_verified") != "true":
            places = set()
        found |= {(attributes["email"], organization, role) for organization, role in places}
    return found


@pytest.fixture
def organized(world: World, moto: str) -> Callable[..., World]:
    """A world whose pool of so many users has those groups; `sections` are added to the plan."""

    def make(number: int, **sections: Any) -> World:
        users = [one for one in invent_users(number) if one["UserStatus"] == "CONFIRMED"]
        world.people, world.groups = users, groups_of(users)  # type: ignore[attr-defined]
        world.endpoint = moto
        world.pool_id = make_moto_pool(moto, users, world.groups, precedence=PRECEDENCE)  # type: ignore[attr-defined]
        world.workos.call("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
        rewrite(world, **sections)
        return world

    return make


def rewrite(world: World, **sections: Any) -> None:
    given = {"organizations": SECTION} | sections
    world.write_plan(
        pool_source(world.endpoint, world.pool_id), **{name: json.dumps(one) for name, one in given.items()}
    )


def memberships(world: World, status: str = "active") -> set[tuple[str, str, str]]:
    """(address, organization's external ID, role) of this status."""
    emails = {one["id"]: one["email"] for one in world.workos.users()}
    organizations = {one["id"]: one["external_id"] for one in every(world, "/organizations?limit=100")}
    found = set()
    for one_id, external_id in organizations.items():
        for one in every(world, f"/user_management/organization_memberships?limit=100&organization_id={one_id}"
                         "&statuses=active&statuses=inactive"):  # fmt: skip
            if one["status"] == status:
                found.add((emails[one["user_id"]], external_id, one["role"]["slug"]))
    return found


def every(world: World, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = world.workos.call("GET", path + after)
        found += page["data"]
        if not page["list_metadata"]["after"]:
            return found
        after = f"&after={page['list_metadata']['after']}"


def apply(world: World, code: int = 0) -> Any:
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == code, ended.said
    return ended.json("result.v1")


def test_groups_become_memberships(organized: Callable[..., World]) -> None:
    world = organized(60, disabled="deactivate", organizations=SECTION | {"unverified": False})
    users, groups = world.people, world.groups  # type: ignore[attr-defined]
    wanted = expected(users, groups)
    planned = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")
    result = apply(world, code=3 if _unverified(users) else 0)
    assert memberships(world) == wanted
    assert planned["memberships"]["create"] == result["memberships"]["created"] == len(wanted)
    assert memberships(world, "inactive") == set()
    names = {one["external_id"]: one["name"] for one in every(world, "/organizations?limit=100")}
    assert names == {"acme": "Acme", "t-a": "Tenant a", "t-b": "Tenant b", "community": "community"}
    known = world.cli("status", "plan.yaml", "--json").json("status.v1")["resources"]
    assert (known["membership"]["done"], known["organization"]) == (len(wanted), {"done": len(names)})
    assert "membership" in world.cli("status", "plan.yaml").out
    told = world.cli("ids", "plan.yaml", "--what", "memberships", "--json").json("ids-of-resources.v1")["ids"]
    subs = {one["external_id"]: one["email"] for one in world.workos.users()}
    assert {(subs[one["cognito_sub"]], one["organization_external_id"]) for one in told} == {one[:2] for one in wanted}
    lines = world.cli("ids", "plan.yaml", "--what", "organizations").out.splitlines()
    assert lines[0] == "organization_external_id,workos_organization_id" and len(lines) == 1 + len(names)
    sql = world.cli("ids", "plan.yaml", "--what", "memberships", "--format", "sql").out
    assert "CREATE TABLE IF NOT EXISTS cognito_workos_memberships" in sql and sql.endswith("COMMIT;\n")
    # The second run writes nothing.
    writes = world.writes()
    apply(world, code=3 if _unverified(users) else 0)
    assert world.writes() == writes


def test_a_changed_group_is_one_write(organized: Callable[..., World]) -> None:
    world = organized(40)
    users = world.people  # type: ignore[attr-defined]
    apply(world, code=3 if _unverified(users) else 0)
    before, writes = memberships(world), world.writes()
    admin = next(one for one in sorted(before) if one[1:] == ("acme", "admin"))
    username = _username(users, admin[0])
    world.cognito().admin_remove_user_from_group(UserPoolId=world.pool_id, Username=username, GroupName="acme-admins")
    result = apply(world, code=3 if _unverified(users) else 0)
    assert (result["memberships"]["updated"], world.writes()) == (1, writes + 1)
    assert memberships(world) == before - {admin} | {(admin[0], "acme", "member")}
    # Out of all groups: nothing, unless the plan says so; then one removal.
    for group in ("acme-users", "tenant-a", "tenant-b", "ignored"):
        world.cognito().admin_remove_user_from_group(UserPoolId=world.pool_id, Username=username, GroupName=group)
    mine = {one for one in memberships(world) if one[0] == admin[0]}
    nowhere = {name: one for name, one in SECTION.items() if name != "default"}
    rewrite(world, organizations=nowhere)
    apply(world, code=3 if _unverified(users) else 0)
    assert {one for one in memberships(world) if one[0] == admin[0]} == mine
    rewrite(world, organizations=nowhere | {"remove_missing": True})
    result = apply(world, code=3 if _unverified(users) else 0)
    assert {one for one in memberships(world) if one[0] == admin[0]} == set()
    assert result["memberships"]["removed"] >= len(mine)


def test_who_is_disabled_later_is_switched_off_and_on_again(organized: Callable[..., World]) -> None:
    world = organized(30, disabled="deactivate")
    users = world.people  # type: ignore[attr-defined]
    apply(world, code=3 if _unverified(users) else 0)
    before = memberships(world)
    email = sorted(before)[0][0]
    mine = {one for one in before if one[0] == email}
    world.cognito().admin_disable_user(UserPoolId=world.pool_id, Username=_username(users, email))
    result = apply(world, code=3 if _unverified(users) else 0)
    assert result["memberships"]["deactivated"] == len(mine)
    assert (memberships(world), memberships(world, "inactive")) == (before - mine, mine)
    world.cognito().admin_enable_user(UserPoolId=world.pool_id, Username=_username(users, email))
    result = apply(world, code=3 if _unverified(users) else 0)
    assert result["memberships"]["reactivated"] == len(mine)
    assert memberships(world) == before


def test_who_leaves_is_switched_off_where_the_plan_says_so(organized: Callable[..., World]) -> None:
    world = organized(30, left="deactivate", safety={"max_left_source": None})
    users = world.people  # type: ignore[attr-defined]
    apply(world, code=3 if _unverified(users) else 0)
    before = memberships(world)
    # Of several memberships: WorkOS ends no session by itself then that stands for none of them.
    email = max(Counter(one for one, *_ in sorted(before)).items(), key=lambda one: one[1])[0]
    mine = {one for one in before if one[0] == email}
    assert len(mine) > 1
    user = {one["email"]: one["id"] for one in world.workos.users()}[email]
    world.workos.call("POST", "/_sandbox/sessions", {"user_id": user})
    sessions = f"/user_management/users/{user}/sessions"
    assert [one["status"] for one in every(world, f"{sessions}?limit=100")] == ["active"]
    world.cognito().admin_delete_user(UserPoolId=world.pool_id, Username=_username(users, email))
    result = apply(world, code=3 if _unverified(users) else 0)
    assert result["memberships"]["deactivated"] == len(mine)
    assert memberships(world, "inactive") == mine
    assert every(world, f"{sessions}?limit=100") == []


def test_a_lost_state_finds_its_memberships(organized: Callable[..., World]) -> None:
    world = organized(60)
    users = world.people  # type: ignore[attr-defined]
    apply(world, code=3 if _unverified(users) else 0)
    before, writes = memberships(world), world.writes()
    for path in world.migrate_dir.glob("*.state.db*"):
        path.unlink()
    result = apply(world, code=3 if _unverified(users) else 0)
    assert (memberships(world), world.writes()) == (before, writes)
    assert result["memberships"]["created"] == 0


def test_verify_finds_what_is_not_as_the_plan_has_it(organized: Callable[..., World]) -> None:
    world = organized(40, disabled="deactivate", organizations=SECTION | {"unverified": True})
    apply(world)
    held = memberships(world)
    verified = world.cli("verify", "plan.yaml", "--json").json("verify.v1")
    number = len({external_id for _, external_id, _ in held})
    assert verified["organizations"] == {"equal": number, "different": 0, "missing": 0, "drift": 0}
    assert (verified["ok"], verified["memberships"]["missing"], verified["memberships"]["different"]) == (True, 0, 0)
    # One is removed, one gets another role, one is switched off: behind the tool's back.
    ids = {one["external_id"]: one["id"] for one in every(world, "/organizations?limit=100")}
    inside = "/user_management/organization_memberships?limit=100&organization_id="
    gone, other, off = sorted(every(world, inside + ids["acme"]), key=lambda one: one["role"]["slug"])[-3:]
    path = "/user_management/organization_memberships/"
    world.workos.call("DELETE", path + gone["id"])
    role = "admin" if other["role"]["slug"] == "member" else "member"
    world.workos.call("PUT", path + other["id"], {"role_slug": role})
    world.workos.call("PUT", f"{path}{off['id']}/deactivate")
    ended = world.cli("verify", "plan.yaml", "--json")
    found = ended.json("verify.v1")
    assert (ended.code, found["ok"]) == (3, False)
    listed = {(one["workos_id"], one["field"], one["verdict"]) for one in found["differences"]}
    assert listed == {
        (None, None, "missing"),
        (other["id"], "roles", "different"),
        (off["id"], "status", "different"),
    }
    assert {one["organization"] for one in found["differences"]} == {"acme"}
    assert (found["memberships"]["missing"], found["memberships"]["different"]) == (1, 2)
    said = world.cli("verify", "plan.yaml").said
    assert "memberships" in said and " in acme" in said
    # An organization lacks its domain.
    world.workos.call("PUT", f"/organizations/{ids['acme']}", {"domain_data": []})
    found = world.cli("verify", "plan.yaml", "--json").json("verify.v1")
    assert found["organizations"]["different"] == 1


def test_what_is_refused_before_anything_is_written(organized: Callable[..., World]) -> None:
    world = organized(12)
    for map_, code in (
        ({"acme-users": {"organization": "acme", "role": "nosuch"}}, "role_missing"),
        ({"nosuch": {"organization": "acme"}}, "group_not_found"),
    ):
        rewrite(world, organizations={"from": "group", "map": map_, "unmapped": "skip"})
        writes = world.writes()
        ended = world.cli("apply", "plan.yaml", "--json")
        assert ended.code == 1 and json.loads(ended.out)["errors"][0]["code"] == code, ended.said
        assert world.writes() == writes


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("acme\x07", "invalid_organization"),
        ("a" * 65, "invalid_organization"),
        ("a" * 64, None),
        ("Zürich", "invalid_organization"),
    ],
)
def test_a_value_that_no_organization_can_have_is_one_users_conflict(
    world: World, tmp_path: Path, value: str, code: str | None
) -> None:
    users = [_exported(1, value), _exported(2, "globex")]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    section = {"from": "attribute", "attribute": "custom:tenant", "unmapped": "create"}
    world.write_plan(export_source("users.jsonl"), organizations=json.dumps(section))
    ended = world.cli("apply", "plan.yaml", "--json")
    result = ended.json("result.v1")
    assert [one["code"] for one in result["failures"]] == ([code] if code else [])
    assert ended.code == (3 if code else 0)
    held = memberships(world)
    assert ("bad2@x.co", "globex", "member") in held and len(held) == (1 if code else 2)
    assert "\x07" not in world.cli("apply", "plan.yaml").said


def test_one_organization_of_two_names_and_two_pools_of_one(world: World, tmp_path: Path) -> None:
    (tmp_path / "users.jsonl").write_text(json.dumps(_exported(1, "acme")) + "\n")
    section = {
        "from": "attribute",
        "attribute": "custom:tenant",
        "map": {
            "acme": {"organization": "acme", "organization_name": "Acme"},
            "acme-2": {"organization": "acme", "organization_name": "Other"},
        },
    }
    world.write_plan(export_source("users.jsonl"), organizations=json.dumps(section))
    ended = world.cli("apply", "plan.yaml", "--json")
    (error,) = json.loads(ended.out)["errors"]
    assert (ended.code, error["code"], error["line"] is not None) == (1, "contradiction", True)
    twice = "\n".join(
        "  - {name: eu, export: {files: [users.jsonl], user_pool_id: us-east-1_A" + at + "}}" for at in "12"
    )
    world.write_plan(twice)
    ended = world.cli("apply", "plan.yaml", "--json")
    assert (ended.code, json.loads(ended.out)["errors"][0]["code"]) == (1, "duplicate_pool")
    assert world.writes() == 0


def test_each_pool_is_an_organization(world: World, tmp_path: Path) -> None:
    """One by `organization` of the pool, one by the map; who is in both pools is one user and a member of both."""
    for pool, numbers in {"eu": (1, 2), "us": (2, 3), "lab": (4,)}.items():
        lines = (json.dumps(_exported(at, "")) for at in numbers)
        (tmp_path / f"{pool}.jsonl").write_text("".join(f"{one}\n" for one in lines))
    source = "\n".join(
        f"  - {{name: {one}, export: {{files: [{one}.jsonl], user_pool_id: us-east-1_{one}}}{own}}}"
        for one, own in {"eu": ", organization: europe", "us": "", "lab": ""}.items()
    )
    america = {"us": {"organization": "america", "organization_name": "America", "role": "admin"}}
    world.workos.call("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    section = json.dumps({"from": "pool", "map": america, "unmapped": "skip"})
    ids = '{external_id: {template: "{pool}:{sub}"}}'
    world.write_plan(source, organizations=section, attributes=ids)
    result = apply(world)
    assert (result["users"]["created"], result["memberships"]["created"]) == (4, 4)
    assert memberships(world) == {
        ("bad1@x.co", "europe", "member"), ("bad2@x.co", "europe", "member"),
        ("bad2@x.co", "america", "admin"), ("bad3@x.co", "america", "admin"),
    }  # fmt: skip
    assert {one["name"] for one in every(world, "/organizations?limit=100")} == {"europe", "America"}
    writes = world.writes()
    apply(world)
    assert world.writes() == writes
    assert world.cli("verify", "plan.yaml").code == 0


def _exported(at: int, tenant: str) -> dict[str, Any]:
    attributes = {
        "sub": f"00000000-0000-4000-8000-{at:012d}",
        "email": f"bad{at}@x.co",
        "email_verified": "true",
        "custom:tenant": tenant,
    }
    return {
        "Username": f"user-{at}",
        "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }


def _unverified(users: list[dict[str, Any]]) -> bool:
    attributes = ({each["Name"]: each["Value"] for each in one["Attributes"]} for one in users)
    return any(one.get("email_verified") != "true" for one in attributes)


def _username(users: list[dict[str, Any]], email: str) -> str:
    for one in users:
        if {"Name": "email", "Value": email} in one["Attributes"]:
            return str(one["Username"])
    raise AssertionError(email)
