"""Into the vendor's own emulator, below and past its limit of 1,000 requests a minute: none lost, none doubled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, export_source, plan_text
from tests.support.emulator import KEY, emulator, read_users


@pytest.mark.parametrize("count", [250, pytest.param(1200, marks=pytest.mark.long)])
def test_nobody_is_lost_or_doubled(count: int, tmp_path: Path) -> None:
    users = [_user(at) for at in range(count)]
    (tmp_path / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    cli = Cli(tmp_path, {"WORKOS_API_KEY": KEY})
    with emulator(tmp_path) as url:
        metadata = '{metadata: {plan: {from: "custom:plan", default: free}}}'
        (tmp_path / "plan.yaml").write_text(plan_text(export_source("users.jsonl"), url, attributes=metadata))

        ended = cli("apply", "plan.yaml", "--json")
        assert ended.code == 0, ended.said
        result = ended.json("result.v1")
        assert result["users"] == dict.fromkeys(result["users"], 0) | {"created": count}
        assert bool(result["requests"]["throttled"]) == (count > 1000)  # the limit is met where it must be

        again = cli("apply", "plan.yaml", "--json").json("result.v1")
        assert again["users"] == dict.fromkeys(again["users"], 0) | {"unchanged": count}
        assert again["requests"]["writes"] == 0

        held = read_users(url)
    assert len(held) == count
    assert {one["external_id"]: _shown(one) for one in held} == {_sub(at): _wanted(at) for at in range(count)}


def _sub(at: int) -> str:
    return f"00000000-0000-4000-8000-{at:012d}"


def _user(at: int) -> dict[str, Any]:
    attributes = {
        "sub": _sub(at),
        "email": f"emulated{at}@example.org",
        "email_verified": "true" if at % 2 else "false",
        "given_name": "Zoë",
        "family_name": f"No. {at}",
        "custom:plan": "team" if at % 3 else "",
    }
    return {
        "Username": _sub(at),
        "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "UserCreateDate": 1_700_000_000 + at,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }


def _wanted(at: int) -> dict[str, Any]:
    return {
        "email": f"emulated{at}@example.org",
        "email_verified": bool(at % 2),
        "first_name": "Zoë",
        "last_name": f"No. {at}",
        "metadata": {"plan": "team" if at % 3 else "free"},
    }


def _shown(user: dict[str, Any]) -> dict[str, Any]:
    return {name: user[name] for name in _wanted(0)}
