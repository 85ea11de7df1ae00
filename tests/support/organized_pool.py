"""An invented pool whose users belong to organizations, and what WorkOS has to hold of it, without the engine.

Some were in WorkOS before with memberships of somebody else's making, some are disabled, some never verified.
"""

from __future__ import annotations

import json
import random
from typing import Any

from tests.support.migration import Project, invent_pool
from tests.support.workos_reader import WorkOSReader

TENANTS = 30
SECTION: dict[str, Any] = {
    "from": "attribute",
    "attribute": "custom:tenant",
    "separator": ",",
    "map": {
        "acme-admins": {"organization": "acme", "organization_name": "Acme", "role": "admin"},
        "acme-users": {"organization": "acme", "organization_name": "Acme", "role": "member"},
        "tenant-*": {"organization": "t-{1}", "organization_name": "Tenant {1}"},
    },
    "default": {"organization": "community"},
    "unmapped": "skip",
    "remove_missing": True,
}
Membership = tuple[str, str, str, str]  # external ID of the user, of the organization, role, status


def organized_pool(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Users with tenants: several each, an ignored one, or none."""
    users = invent_pool(count, seed)
    for at, user in enumerate(users):
        names = [f"tenant-{at % TENANTS}", f"tenant-{(at * 7 + 1) % TENANTS}"]
        if at % 3 == 1:
            names += ["acme-admins" if at % 2 else "acme-users"]
        if at % 11 == 0:
            names = ["ignored"] if at % 2 else []
        user["Attributes"].append({"Name": "custom:tenant", "Value": ",".join(dict.fromkeys(names))})
        user["Enabled"] = at % 8 != 3
    return users


def change(users: list[dict[str, Any]], seed: int = 0) -> None:
    """What a later day brings: some are disabled or enabled, change their role, or leave their tenants."""
    rng = random.Random(seed)
    for user in users:
        tenant = next(one for one in user["Attributes"] if one["Name"] == "custom:tenant")
        fate = rng.randrange(6)
        if fate == 0:
            user["Enabled"] = not user["Enabled"]
        elif fate == 1:
            swapped = tenant["Value"].replace("acme-users", "acme-?").replace("acme-admins", "acme-users")
            tenant["Value"] = swapped.replace("acme-?", "acme-admins")
        elif fate == 2:
            tenant["Value"] = ",".join(one for one in tenant["Value"].split(",") if not one.startswith("tenant-"))


def organize(project: Project) -> None:
    """Let the plan make organizations and memberships."""
    plan = json.loads(project.plan.read_text()) | {"organizations": SECTION, "disabled": "deactivate"}
    project.plan.write_text(json.dumps(plan))


def seed_others(workos: WorkOSReader, users: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[str, str]]:
    """What somebody else has made before: organization `acme` with members; gives (role, status) of each."""
    workos.call("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    acme = workos.call("POST", "/organizations", {"name": "Acme", "external_id": "acme"})["id"]
    others = {}
    for at, user in enumerate(users):
        if at % 3 != 1 or at % 4 or not _verified(user):
            continue
        body = {"email": f"person{at}@example.com", "email_verified": True}
        user_id = workos.call("POST", "/user_management/users", body)["id"]
        body = {"user_id": user_id, "organization_id": acme, "role_slug": "member"}
        made = workos.call("POST", "/user_management/organization_memberships", body)["id"]
        inactive = at % 8 == 4
        if inactive:
            workos.call("PUT", f"/user_management/organization_memberships/{made}/deactivate")
        others[_sub(user), "acme"] = ("member", "inactive" if inactive else "active")
    return others


def expected_memberships(
    users: list[dict[str, Any]],
    others: dict[tuple[str, str], tuple[str, str]],
    before: set[Membership] = frozenset(),  # type: ignore[assignment]
) -> set[Membership]:
    """The exact set, by the words of the contract. `before` are those that were there when the pool changed."""
    ours = {one[:2]: one[2] for one in before if one[:2] not in others}
    found = {(*pair, *held) for pair, held in others.items()}
    for user in users:
        for organization, role in _places(user).items():
            pair = (_sub(user), organization)
            if pair in others:
                continue
            if user["Enabled"]:
                if _verified(user):
                    found.add((*pair, role, "active"))
            elif pair in ours:
                found.add((*pair, ours[pair], "inactive"))
    return found


def expected_failures(
    users: list[dict[str, Any]], others: dict[tuple[str, str], tuple[str, str]]
) -> set[tuple[str, str, str]]:
    """(user, organization, code) of what has to be said."""
    found = set()
    for user in users:
        for organization in _places(user):
            pair = (_sub(user), organization)
            if not user["Enabled"]:
                continue
            if pair in others:
                if others[pair][1] == "inactive":
                    found.add((*pair, "membership_inactive"))
            elif not _verified(user):
                found.add((*pair, "unverified_member"))
    return found


def held_memberships(workos: WorkOSReader) -> list[Membership]:
    """Every membership that WorkOS holds; a list, so that one that is there twice is seen."""
    subs = {one["id"]: one["external_id"] for one in workos.users()}
    found: list[Membership] = []
    for organization in _every(workos, "/organizations?limit=100"):
        path = f"/user_management/organization_memberships?limit=100&organization_id={organization['id']}"
        found += [
            (subs[one["user_id"]], organization["external_id"], one["role"]["slug"], one["status"])
            for one in _every(workos, path + "&statuses=active&statuses=inactive&statuses=pending")
        ]
    return found


def held_organizations(workos: WorkOSReader) -> list[tuple[str, str]]:
    """(external ID, name) of every organization."""
    return sorted((one["external_id"], one["name"]) for one in _every(workos, "/organizations?limit=100"))


def expected_organizations(users: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Those that anybody belongs to."""
    names = {"acme": "Acme", "community": "community"}
    found = {"acme"} | {organization for user in users for organization in _places(user)}
    return sorted((one, names.get(one) or f"Tenant {one.removeprefix('t-')}") for one in found)


def _places(user: dict[str, Any]) -> dict[str, str]:
    """Organizations with the role in each."""
    names = [one for one in _attribute(user, "custom:tenant").split(",") if one]
    found = {f"t-{one.removeprefix('tenant-')}": "member" for one in names if one.startswith("tenant-")}
    for one, role in (("acme-users", "member"), ("acme-admins", "admin")):
        if one in names:
            found["acme"] = role
    return found or ({} if names else {"community": "member"})


def _every(workos: WorkOSReader, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = workos.call("GET", path + after)
        found += page["data"]
        if not page["list_metadata"]["after"]:
            return found
        after = f"&after={page['list_metadata']['after']}"


def _verified(user: dict[str, Any]) -> bool:
    return _attribute(user, "email_verified") == "true"


def _sub(user: dict[str, Any]) -> str:
    return _attribute(user, "sub")


def _attribute(user: dict[str, Any], name: str) -> str:
    return str(next(one["Value"] for one in user["Attributes"] if one["Name"] == name))
