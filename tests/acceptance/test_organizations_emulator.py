"""The plan with organizations into the vendor's own emulator: the exact set, and its own words for what it refuses."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, export_source, plan_text
from tests.support.emulator import KEY, emulator, read_json, read_users

COUNT = 60
SECTION = {
    "from": "attribute",
    "attribute": "custom:tenant",
    "separator": ",",
    "map": {
        "acme-admins": {"organization": "acme", "organization_name": "Acme", "role": "admin"},
        "tenant-*": {"organization": "t-{1}", "organization_name": "Tenant {1}"},
    },
}


def test_the_exact_set_and_nothing_the_second_time(tmp_path: Path) -> None:
    users = [_user(at) for at in range(COUNT)]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    cli = Cli(tmp_path, {"WORKOS_API_KEY": KEY})
    with emulator(tmp_path) as url:
        post(url, "/authorization/roles", {"slug": "admin", "name": "Admin"})
        text = plan_text(export_source("users.jsonl"), url, organizations=json.dumps(SECTION), disabled="deactivate")
        (tmp_path / "plan.yaml").write_text(text)

        ended = cli("apply", "plan.yaml", "--json")
        assert ended.code == 0, ended.said
        result = ended.json("result.v1")
        assert result["memberships"]["created"] == len(wanted()) and result["memberships"]["failed"] == 0
        assert held(url) == sorted(wanted())
        again = cli("apply", "plan.yaml", "--json").json("result.v1")
        assert again["requests"]["writes"] == 0

        # Of our making and switched off: a disabled user's alone.
        users[1]["Enabled"] = False
        (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
        assert cli("apply", "plan.yaml", "--json").code == 0
        assert [one for one in held(url) if one[3] == "inactive"] == [(_sub(1), "t-1", "member", "inactive")]


def test_what_somebody_else_made_is_left_as_it_is(tmp_path: Path) -> None:
    users = [_user(at) for at in (1, 2, 3)]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    cli = Cli(tmp_path, {"WORKOS_API_KEY": KEY})
    with emulator(tmp_path) as url:
        post(url, "/authorization/roles", {"slug": "admin", "name": "Admin"})
        member = post(url, "/user_management/users", {"email": "emulated1@example.org", "email_verified": True})["id"]
        there = post(url, "/organizations", {"name": "Tenant 1", "external_id": "t-1"})["id"]
        body = {"user_id": member, "organization_id": there}
        made = post(url, "/user_management/organization_memberships", body)["id"]
        # Its own words for what the engine therefore never sends.
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(url, "/user_management/organization_memberships", body)
        with refused.value as error:
            assert (error.code, json.loads(error.read())["code"]) == (409, "conflict")
        post(url, f"/user_management/organization_memberships/{made}/deactivate", {}, "PUT")

        text = plan_text(export_source("users.jsonl"), url, organizations=json.dumps(SECTION))
        (tmp_path / "plan.yaml").write_text(text)
        for _ in range(2):
            ended = cli("apply", "plan.yaml", "--json")
            assert ended.code == 3, ended.said
            result = ended.json("result.v1")
            assert [(one["source_id"], one["code"]) for one in result["failures"]] == [(_sub(1), "membership_inactive")]
        assert result["requests"]["writes"] == 0
        others = [(_sub(at), f"t-{at}", "member", "active") for at in (2, 3)]
        assert held(url) == [(_sub(1), "t-1", "member", "inactive"), *others]


def post(url: str, path: str, body: dict[str, Any], method: str = "POST") -> Any:
    """One write of somebody else's."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, data=json.dumps(body).encode(), headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def held(url: str) -> list[tuple[str, str, str, str]]:
    """(user, organization, role, status) of every membership."""
    subs = {one["id"]: one["external_id"] for one in read_users(url)}
    found = []
    for organization in read_json(f"{url}/organizations?limit=100")["data"]:
        path = f"/user_management/organization_memberships?limit=100&organization_id={organization['id']}"
        for status in ("active", "inactive"):
            found += [
                (subs[one["user_id"]], organization["external_id"], one["role"]["slug"], one["status"])
                for one in read_json(f"{url}{path}&statuses={status}")["data"]
                if one["status"] == status
            ]
    return sorted(found)


def wanted() -> set[tuple[str, str, str, str]]:
    """By the words of the contract."""
    found = set()
    for at in range(COUNT):
        if at % 10 != 9:
            found.add((_sub(at), f"t-{at % 4}", "member", "active"))
            if at % 5 == 0:
                found.add((_sub(at), "acme", "admin", "active"))
    return found


def _sub(at: int) -> str:
    return f"00000000-0000-4000-8000-{at:012d}"


def _user(at: int) -> dict[str, Any]:
    tenants = [f"tenant-{at % 4}", *(["acme-admins"] if at % 5 == 0 else [])]
    attributes = {
        "sub": _sub(at),
        "email": f"emulated{at}@example.org",
        "email_verified": "true",
        "custom:tenant": ",".join(tenants),
    }
    return {
        "Username": _sub(at),
        "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "UserCreateDate": 1_700_000_000 + at,
        "Enabled": at % 10 != 9,
        "UserStatus": "CONFIRMED",
    }
