"""An account that somebody uses in WorkOS does not follow an address that Cognito never verified (rule 2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import export_source

VICTIM, EVIL = "victim@corp.example", "evil@evil.example"


def write(world: World, email: str, verified: str) -> None:
    attributes = {"sub": "sub-1", "email": email, "email_verified": verified, "given_name": "Vic"}
    user = {
        "Username": "vic",
        "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "UserCreateDate": 1_700_000_000.0,
        "UserLastModifiedDate": 1_700_000_000.0,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }
    (world.plan.parent / "users.jsonl").write_text(json.dumps(user) + "\n", encoding="utf-8")


def link(world: World, user_id: str) -> None:
    given = {"user_id": user_id, "provider": "GoogleOAuth", "idp_id": "1"}
    world.workos.call("POST", "/_sandbox/identities", given)


def enroll(world: World, user_id: str) -> None:
    world.workos.call("POST", f"/user_management/users/{user_id}/auth_factors", {"type": "totp"})


def verify(world: World, user_id: str) -> None:
    world.workos.call("PUT", f"/user_management/users/{user_id}", {"email_verified": True})


def reset(world: World, user_id: str) -> None:
    made = world.workos.call("POST", "/user_management/password_reset", {"email": VICTIM})
    given = {"token": made["password_reset_token"], "new_password": "correct horse battery"}
    world.workos.call("POST", "/user_management/password_reset/confirm", given)


def sign_in(world: World, user_id: str) -> None:
    reset(world, user_id)
    world.workos.call("PUT", "/_sandbox/settings", {"email_verification_required": False})
    given = {"client_id": "client_sandbox", "client_secret": "sk_test_sandbox", "grant_type": "password"}
    more = {"email": VICTIM, "password": "correct horse battery"}
    world.workos.call("POST", "/user_management/authenticate", given | more)


USES: dict[str, Callable[[World, str], None]] = {
    "identity": link,
    "second factor": enroll,
    "verified": verify,
    "password reset": reset,
    "signed in": sign_in,
}


def settle(world: World, decision: str) -> None:
    world.write_plan(export_source("users.jsonl"), decisions=f"[{{sub: sub-1, {decision}, because: we asked them}}]")


def apply(world: World, code: int) -> Any:
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == code, ended.said
    return ended.json("result.v1")


def code_of_conflict(world: World) -> str:
    listed = world.cli("status", "plan.yaml", "--users", "conflicts", "--json").json("status.v1")["listed"]
    return str(listed[0]["code"]) if listed else ""


@pytest.mark.parametrize("use", USES)
def test_an_account_in_use_stays_where_it_is(world: World, use: str) -> None:
    write(world, VICTIM, "false")
    apply(world, 0)
    user_id = world.users()[VICTIM]["id"]
    USES[use](world, user_id)
    before, writes = world.users(), world.writes()

    write(world, EVIL, "true")

    assert apply(world, 3)["users"]["conflicts"] == 1
    assert code_of_conflict(world) == "address_in_use"
    assert (world.users(), world.writes()) == (before, writes)
    # Nor on a second try.
    apply(world, 3)
    assert (world.users(), world.writes()) == (before, writes)


@pytest.mark.parametrize("way", ["skip", "adopt"])
def test_a_decision_is_the_way_out(world: World, way: str) -> None:
    write(world, VICTIM, "false")
    apply(world, 0)
    user_id = world.users()[VICTIM]["id"]
    enroll(world, user_id)
    write(world, EVIL, "true")
    apply(world, 3)

    settle(world, "action: skip" if way == "skip" else f"action: adopt, user_id: {user_id}")

    apply(world, 0)
    assert list(world.users()) == ([VICTIM] if way == "skip" else [EVIL])
    assert world.users()[VICTIM if way == "skip" else EVIL]["id"] == user_id


def test_an_account_that_nobody_uses_follows(world: World) -> None:
    write(world, VICTIM, "false")
    apply(world, 0)
    write(world, EVIL, "true")
    assert apply(world, 0)["users"]["updated"] == 1
    assert list(world.users()) == [EVIL]
