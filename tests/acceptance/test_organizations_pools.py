"""Three pools, twelve groups, 3,000 users become organizations and memberships: the exact set, by the command."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_organizations import apply, every, memberships
from tests.support.cognito import make_moto_pool

POOLS = ("eu", "us", "asia")
GROUPS = {
    "eu": ("acme-admins", "acme-users", "tenant-1", "tenant-2"),
    "us": ("acme-admins", "acme-users", "tenant-2", "staff"),
    "asia": ("tenant-3", "tenant-4", "staff", "unheard-of"),
}
MAP = {
    "acme-admins": {"organization": "acme", "organization_name": "Acme", "role": "admin"},
    "acme-users": {"organization": "acme", "role": "member"},
    "tenant-*": {"organization": "t-{1}"},
    "staff": {"organization": "house", "organization_name": "The house"},
}
PRECEDENCE = {"acme-admins": 1, "acme-users": 5}
Place = tuple[str, str, str]


def _invent() -> dict[str, list[dict[str, Any]]]:
    """A thousand records a pool; every fiftieth address stands in the next pool as well."""
    chance = random.Random(12)
    pools: dict[str, list[dict[str, Any]]] = {}
    for number, pool in enumerate(POOLS):
        pools[pool] = []
        for at in range(1000):
            email = f"{POOLS[number - 1]}{at}@x.co" if at % 50 == 7 else f"{pool}{at}@x.co"
            verified = "false" if chance.random() < 0.08 else "true"
            groups = [one for one in GROUPS[pool] if chance.random() < 0.3]
            pools[pool].append(
                {
                    "Username": f"{pool}-{at}",
                    "Attributes": [
                        {"Name": "email", "Value": email},
                        {"Name": "email_verified", "Value": verified},
                    ],
                    "Enabled": chance.random() > 0.1,
                    "UserStatus": "CONFIRMED",
                    "groups": groups,
                }
            )
    return pools


def _expected(pools: dict[str, list[dict[str, Any]]]) -> set[Place]:
    """By the words of the contract: of every address, what the groups of its enabled and verified records ask for."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in (record for records in pools.values() for record in records):
        email, verified = (attribute["Value"] for attribute in one["Attributes"])
        for group in one["groups"] if one["Enabled"] and verified == "true" else ():
            organization, role = _place(group)
            if organization is not None:
                found.setdefault((email, organization), set()).add(role)
    return {(*key, "admin" if "admin" in roles else "member") for key, roles in found.items()}


def _place(group: str) -> tuple[str | None, str]:
    if group.startswith("acme-"):
        return "acme", "admin" if group == "acme-admins" else "member"
    if group.startswith("tenant-"):
        return f"t-{group[-1]}", "member"
    return ("house" if group == "staff" else None), "member"


@pytest.fixture
def three(world: World, moto: str) -> Iterator[tuple[World, dict[str, list[dict[str, Any]]], dict[str, str]]]:
    pools = _invent()
    ids = {}
    for pool, records in pools.items():
        members = {group: [one["Username"] for one in records if group in one["groups"]] for group in GROUPS[pool]}
        ids[pool] = make_moto_pool(moto, records, members, precedence=PRECEDENCE)
    world.endpoint = moto
    world.workos.call("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    _write(world, ids)
    yield world, pools, ids


def _write(world: World, ids: dict[str, str], **more: Any) -> None:
    source = "\n".join(
        f"  - {{name: {name}, cognito: {{user_pool_id: {pool}, endpoint_url: '{world.endpoint}', "
        "requests_per_second: null}}"
        for name, pool in ids.items()
    )
    section = {"from": "group", "map": MAP, "unmapped": "skip"} | more
    world.write_plan(source, organizations=json.dumps(section), disabled="deactivate")


@pytest.mark.long
def test_the_exact_set_of_three_pools(three: tuple[World, Any, dict[str, str]]) -> None:
    world, pools, ids = three
    wanted = _expected(pools)
    result = apply(world, code=3)  # conflicts: verified by nobody, and members of something
    assert memberships(world) == wanted
    assert memberships(world, "inactive") == set()
    assert result["memberships"]["created"] == len(wanted)
    assert {one["code"] for one in result["failures"]} == {"unverified_member"}
    held = {one["external_id"]: one["name"] for one in every(world, "/organizations?limit=100")}
    assert held == {"acme": "Acme", "house": "The house"} | {f"t-{at}": f"t-{at}" for at in (1, 2, 3, 4)}
    writes = world.writes()
    apply(world, code=3)
    assert world.writes() == writes

    # One who is an administrator, and in one pool alone, becomes a member: one write.
    times = Counter(one["Attributes"][0]["Value"] for records in pools.values() for one in records)
    changed = next(
        one
        for one in pools["eu"]
        if {"acme-admins", "acme-users"} <= set(one["groups"])
        and one["Enabled"]
        and one["Attributes"][1]["Value"] == "true"
        and times[one["Attributes"][0]["Value"]] == 1
    )
    _leave(world, ids["eu"], changed, "acme-admins")
    result = apply(world, code=3)
    assert (result["memberships"]["updated"], world.writes()) == (1, writes + 1)
    assert memberships(world) == _expected(pools)

    # Out of all groups: nothing, and with `remove_missing` each membership of theirs is removed, and no other.
    before = memberships(world)
    for group in tuple(changed["groups"]):
        _leave(world, ids["eu"], changed, group)
    apply(world, code=3)
    assert memberships(world) == before
    _write(world, ids, remove_missing=True)
    result = apply(world, code=3)
    assert memberships(world) == _expected(pools)
    assert result["memberships"]["removed"] == len(before) - len(_expected(pools))


def _leave(world: World, pool_id: str, user: dict[str, Any], group: str) -> None:
    world.cognito().admin_remove_user_from_group(UserPoolId=pool_id, Username=user["Username"], GroupName=group)
    user["groups"].remove(group)
