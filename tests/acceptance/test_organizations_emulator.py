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
from tests.support.relay import relay

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


def test_a_409_is_settled_by_a_look_and_is_that_users_conflict_where_it_must_be(tmp_path: Path) -> None:
    """Somebody else makes memberships between the command's look and its write; and switches one of them off again."""
    users = [_user(at) for at in (1, 2, 3)]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    cli = Cli(tmp_path, {"WORKOS_API_KEY": KEY})
    members, made = "/user_management/organization_memberships", dict[bytes, str]()
    with emulator(tmp_path) as url:
        post(url, "/authorization/roles", {"slug": "admin", "name": "Admin"})

        def sub_of(body: bytes) -> str:
            return {one["id"]: one["external_id"] for one in read_users(url)}[json.loads(body)["user_id"]]

        def before(method: str, path: str, body: bytes) -> None:
            if (method, path) == ("POST", members) and sub_of(body) in (_sub(1), _sub(2)) and body not in made:
                made[body] = post(url, members, json.loads(body))["id"]

        def after(method: str, path: str, body: bytes) -> None:
            if (method, path) == ("POST", members) and sub_of(body) == _sub(2):
                post(url, f"{members}/{made[body]}/deactivate", {}, "PUT")

        with relay(url, before=before, after=after) as between:
            text = plan_text(export_source("users.jsonl"), between.url, organizations=json.dumps(SECTION))
            (tmp_path / "plan.yaml").write_text(text)
            ended = cli("apply", "plan.yaml", "--json")
        refused = [(status, json.loads(text)) for _, path, status, text in between.answers if path == members
                   if status >= 400]  # fmt: skip
        assert refused == [(409, {"message": "Membership already exists", "code": "conflict"})] * 2
        assert ended.code == 3, ended.said
        result = ended.json("result.v1")
        assert [(one["source_id"], one["code"]) for one in result["failures"]] == [(_sub(2), "membership_inactive")]
        counts = {name: number for name, number in result["memberships"].items() if isinstance(number, int) and number}
        assert (counts["created"], counts["conflicts"], counts.get("failed", 0)) == (1, 1, 0)
        assert held(url) == [(_sub(1), "t-1", "member", "active"), (_sub(2), "t-2", "member", "inactive"),
                             (_sub(3), "t-3", "member", "active")]  # fmt: skip


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
