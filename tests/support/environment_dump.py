"""All that a WorkOS environment holds, object by object, over plain HTTP: to compare before and after."""

from __future__ import annotations

from typing import Any

from tests.support.workos_reader import WorkOSReader

Dump = dict[str, dict[str, Any]]
_TIMES = {"created_at", "updated_at"}
_NAMES = ("first_name", "last_name", "name")


def dump(workos: WorkOSReader) -> Dump:
    """Every object by kind and id, without timestamps of changes."""
    found: Dump = {"user": {one["id"]: one for one in workos.users()}}
    found["organization"] = _every(workos, "/organizations?")
    found["membership"] = {}
    for organization in found["organization"]:
        statuses = "&statuses=active&statuses=inactive&statuses=pending"
        path = f"/user_management/organization_memberships?organization_id={organization}{statuses}&"
        found["membership"] |= _every(workos, path)
    # Users are objects of their own, and stand in memberships once more.
    found["membership"] = {key: {**one, "user": None} for key, one in found["membership"].items()}
    found["connection"] = {
        key: workos.call("GET", f"/_sandbox/connections/{key}") for key in _every(workos, "/connections?")
    }
    found["redirect_uri"] = _every(workos, "/user_management/redirect_uris?")
    found["role"] = {one["id"]: one for one in workos.call("GET", "/authorization/roles")["data"]}
    return {kind: {key: _plain(one) for key, one in held.items()} for kind, held in found.items()}


def as_before(after: Dump, before: Dump) -> list[str]:
    """What differs, in words: nothing may but roles that were added, and names of users that were empty before."""
    found = []
    for kind in before:
        for key in sorted(before[kind].keys() | after[kind].keys()):
            old, new = before[kind].get(key), after[kind].get(key)
            if kind == "role" and old is None:
                continue
            if kind == "user" and old is not None and new is not None:
                new = {**new, **{name: None for name in _NAMES if old[name] is None}}
                new["name"] = old["name"]
            if old != new:
                found.append(f"{kind} {key}: {old} became {new}")
    return found


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in one.items() if name not in _TIMES}
    if "domains" in plain:
        plain["domains"] = [_plain(domain) if isinstance(domain, dict) else domain for domain in plain["domains"]]
    return plain


def _every(workos: WorkOSReader, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    after = ""
    while True:
        page = workos.call("GET", f"{path}limit=100{after}")
        found |= {one["id"]: one for one in page["data"]}
        if not page["list_metadata"]["after"]:
            return found
        after = f"&after={page['list_metadata']['after']}"
