"""`migrate resets` as a user types it, against the sandbox: the flag, the e-mails, the settings that are off."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import Cli, pool_source
from tests.support.cognito import StandIn, serving

FLAG = "password_reset: {strategy: on_next_sign_in}"


def record(name: str, *, status: str = "CONFIRMED", verified: bool = True, enabled: bool = True) -> dict[str, Any]:
    """One record; EXTERNAL_PROVIDER signs in by Google."""
    attributes = {"sub": f"sub-{name}", "email": f"{name}@example.com", "email_verified": str(verified).lower()}
    attributes |= {"given_name": "Zoë", "family_name": name.title()}
    if status == "EXTERNAL_PROVIDER":
        identity = {"userId": "1", "providerName": "Google", "providerType": "Google", "primary": "true"}
        attributes["identities"] = json.dumps([identity])
    return {
        "Username": name,
        "Attributes": [{"Name": key, "Value": value} for key, value in attributes.items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": enabled,
        "UserStatus": status,
    }


def prepare(world: World, section: str, *records: dict[str, Any], environment: str = "") -> None:
    """The pool and the plan, migrated."""
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    text = world.plan.read_text().replace("password_reset: {strategy: none}", section)
    if environment:
        text = text.replace("client_id: client_sandbox", f"client_id: client_sandbox\n    environment: {environment}")
    world.plan.write_text(text)
    assert world.cli("apply", "plan.yaml").code == 0


def mailed(world: World) -> list[str]:
    """Names by the events of WorkOS, in their order."""
    found = world.workos.call("GET", "/events?events=password_reset.created&limit=100&order=asc")["data"]
    return [one["data"]["email"].removesuffix("@example.com") for one in found]


def confirm(world: World, name: str, password: str = "correct horse battery") -> None:
    """The person resets their password by themselves."""
    reset = world.workos.call("POST", "/user_management/password_reset", {"email": f"{name}@example.com"})
    body = {"token": reset["password_reset_token"], "new_password": password}
    world.workos.call("POST", "/user_management/password_reset/confirm", body)


def sign_in(world: World, name: str, password: str = "correct horse battery") -> Any:
    """With the password."""
    body = {"client_id": "client_sandbox", "client_secret": "sk_test_sandbox", "grant_type": "password"}
    body |= {"email": f"{name}@example.com", "password": password}
    return world.workos.call("POST", "/user_management/authenticate", body)["user"]


def email(more: str = "", addresses: str = "['*']") -> str:
    return f"password_reset: {{strategy: email, email: {{allow_addresses: {addresses}{more}}}}}"


def test_the_flag_is_set_once_and_cleared_when_they_come_back(world: World) -> None:
    people = [record("ann"), record("bob"), record("cyd"), record("dan", status="EXTERNAL_PROVIDER")]
    prepare(world, FLAG, *people)
    held = world.users()
    flags = {address: user["metadata"].get("password_reset_pending") for address, user in held.items()}
    assert flags == {
        "ann@example.com": "true", "bob@example.com": "true", "cyd@example.com": "true", "dan@example.com": None,
    }  # fmt: skip

    status = world.cli("resets", "status", "plan.yaml", "--json").json("resets-status.v1")
    assert status["users"] == {"needed": 3, "signed_in": 0, "reset": 0, "waiting": 3, "gone": 0}
    assert status["flagged"] == 3
    confirm(world, "ann")
    sign_in(world, "ann")
    confirm(world, "bob")
    writes = world.writes()
    status = world.cli("resets", "status", "plan.yaml", "--json").json("resets-status.v1")
    assert status["users"] == {"needed": 3, "signed_in": 0, "reset": 2, "waiting": 1, "gone": 0}
    assert world.writes() == writes

    synced = world.cli("resets", "sync", "plan.yaml", "--json")
    assert synced.code == 0 and synced.json("resets-sync.v1")["users"] == {"cleared": 2, "kept": 1, "failed": 0}
    again = world.cli("resets", "sync", "plan.yaml", "--json").json("resets-sync.v1")
    assert again["users"] == {"cleared": 0, "kept": 1, "failed": 0}
    # Never again: not by the next apply, nor after a lost state.
    assert world.cli("apply", "plan.yaml").code == 0
    (world.migrate_dir / "acme.state.db").unlink()
    assert world.cli("apply", "plan.yaml").code == 0
    flagged = [name for name, user in world.users().items() if "password_reset_pending" in user["metadata"]]
    assert flagged == ["cyd@example.com"]


def test_a_campaign_mails_each_once(world: World) -> None:
    people = [
        record("ann"),
        record("bob", status="FORCE_CHANGE_PASSWORD"),
        record("cyd", verified=False),
        record("dan", status="EXTERNAL_PROVIDER"),
        record("eve"),
        record("fay"),
        record("gus", status="RESET_REQUIRED"),
    ]
    prepare(world, email(), *people)
    confirm(world, "eve")
    sign_in(world, "eve")
    before = len(mailed(world))

    dry = world.cli("resets", "send", "plan.yaml", "--dry-run", "--json")
    assert dry.code == 0
    foreseen = dry.json("resets-send.v1")
    assert foreseen["recipients"] == ["sub-ann", "sub-bob", "sub-fay", "sub-gus"]
    listed = world.cli("resets", "send", "plan.yaml", "--dry-run", "--names", "--limit", "1")
    assert listed.out == "sub-ann\tann@example.com\n"
    nobody = world.cli("resets", "send", "plan.yaml", "--only", "nosuch,sub-ann", "--json")
    assert nobody.code == 1 and nobody.error().startswith("--only names 1 whom the plan does not select: nosuch;")
    assert foreseen["users"]["left"] == foreseen["users"]["due"] == 4
    assert len(mailed(world)) == before

    one = world.cli("resets", "send", "plan.yaml", "--limit", "1", "--json").json("resets-send.v1")
    assert (one["users"]["sent"], one["users"]["left"]) == (1, 3)
    two = world.cli("resets", "send", "plan.yaml", "--only", "sub-fay,sub-eve", "--json").json("resets-send.v1")
    assert (two["users"]["due"], two["users"]["sent"]) == (1, 1)
    rest = world.cli("resets", "send", "plan.yaml")
    assert rest.code == 0 and rest.err.endswith(": nobody else is due\n"), rest.said
    assert "@example.com" not in rest.said and "token" not in rest.said
    again = world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
    assert again["users"] == dict.fromkeys(again["users"], 0)
    assert again["not_mailed"] == dict.fromkeys(again["not_mailed"], 0) | {
        "no_password": 1, "unverified": 1, "returned": 1, "mailed": 4,
    }  # fmt: skip
    assert sorted(mailed(world)[before:]) == ["ann", "bob", "fay", "gus"]
    later = world.cli("resets", "send", "plan.yaml", "--resend-after", "7d", "--json").json("resets-send.v1")
    assert later["users"]["sent"] == 0
    _clean(world)

    # The state is lost: WorkOS's events still know who was mailed.
    (world.migrate_dir / "acme.state.db").unlink()
    assert world.cli("apply", "plan.yaml").code == 0
    found = world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
    assert (found["users"]["sent"], found["not_mailed"]["mailed"], found["not_mailed"]["returned"]) == (0, 4, 1)


def test_batches_and_the_days_quota(world: World) -> None:
    prepare(world, email(", batch: 3, every: 1h"), *(record(f"p{at}") for at in range(8)))
    first = world.cli("resets", "send", "plan.yaml", "--json")
    result = first.json("resets-send.v1")
    assert first.code == 0 and (result["users"]["sent"], result["users"]["left"]) == (3, 5)
    assert result["next_at"] is not None
    again = world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
    assert again["users"]["sent"] == 0 and again["next_at"] == result["next_at"]
    _shift(world, 3601)
    world.workos.call("PUT", "/_sandbox/quotas", {"resets_per_day": 5})
    spent = world.cli("resets", "send", "plan.yaml")
    assert spent.code == 0, spent.said
    assert "the day's quota of WorkOS is used up: to go on tomorrow" in spent.err
    assert len(mailed(world)) == 5
    world.workos.call("PUT", "/_sandbox/quotas", {"resets_per_day": None})
    _shift(world, 3601)
    assert world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")["users"]["sent"] == 3
    assert sorted(mailed(world)) == [f"p{at}" for at in range(8)]


@pytest.mark.parametrize(
    ("setting", "code"),
    [("email_password_auth", "email_password_auth_disabled"), ("password_reset_allowed", "password_reset_not_allowed")],
)
def test_settings_that_are_off_stop_it_at_once(world: World, setting: str, code: str) -> None:
    prepare(world, email(), *(record(f"p{at}") for at in range(40)))
    world.workos.call("PUT", "/_sandbox/settings", {setting: False})
    before = world.writes()
    ended = world.cli("resets", "send", "plan.yaml", "--json")
    result = ended.json("resets-send.v1")
    assert ended.code == 3 and (result["stopped"], result["users"]["left"]) == (code, 40)
    assert world.writes() - before <= 16
    people = world.cli("resets", "send", "plan.yaml")
    assert f"({code})" in people.err and "in the WorkOS dashboard under Authentication" in people.err
    world.workos.call("PUT", "/_sandbox/settings", {setting: True})
    assert world.cli("resets", "send", "plan.yaml").code == 0
    assert len(mailed(world)) == 40


def test_in_staging_nobody_else_is_mailed(world: World) -> None:
    prepare(world, email(addresses="['a*@EXAMPLE.com']"), record("ann"), record("bob"), environment="staging")
    result = world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
    assert (result["users"]["sent"], result["not_mailed"]["not_allowed"]) == (1, 1)
    assert mailed(world) == ["ann"]


def test_links_for_ones_own_mailer(world: World) -> None:
    prepare(world, email(", deliver: file, batch: 2, every: 2h"), *(record(f"p{at}") for at in range(3)))
    ended = world.cli("resets", "send", "plan.yaml")
    assert ended.code == 0, ended.said
    assert "before the next batch is due: send it within" in ended.err
    folder = world.migrate_dir / "acme.resets"
    assert folder.stat().st_mode & 0o777 == 0o700
    (path,) = folder.iterdir()
    assert path.suffix == ".jsonl" and path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["email"], one["name"]) for one in lines] == [
        ("p0@example.com", "Zoë P0"), ("p1@example.com", "Zoë P1"),
    ]  # fmt: skip
    body = {"token": lines[0]["url"].partition("token=")[2], "new_password": "correct horse battery"}
    world.workos.call("POST", "/user_management/password_reset/confirm", body)
    assert sign_in(world, "p0")["email"] == lines[0]["email"]
    for one in lines:
        token = one["url"].partition("token=")[2]
        assert token not in ended.said
        assert token.encode() not in b"".join(
            other.read_bytes() for other in world.migrate_dir.rglob("*") if other.is_file() and other != path
        )


def test_after_apply(world: World) -> None:
    people = [record("ann"), record("bob")]
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people))
    text = world.plan.read_text()
    world.plan.write_text(text.replace("password_reset: {strategy: none}", email(", send: after_apply")))
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == 0, ended.said
    result = ended.json("result.v1")
    assert result["users"]["created"] == 2 and result["resets"]["users"]["sent"] == 2
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["resets"]["users"]["sent"] == 0 and sorted(mailed(world)) == ["ann", "bob"]
    assert world.cli("status", "plan.yaml", "--json").json("status.v1")["runs"][0]["result"]["resets"] is None


def test_a_canary_mails_nobody(world: World) -> None:
    people = [record("ann"), record("bob")]
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people))
    text = world.plan.read_text()
    world.plan.write_text(text.replace("password_reset: {strategy: none}", email(", send: after_apply")))
    ended = world.cli("apply", "plan.yaml", "--json", "--limit", "1")
    result = ended.json("result.v1")
    assert (ended.code, result["users"]["created"], result["resets"], mailed(world)) == (0, 1, None, [])
    assert result["warnings"] == [
        "no reset e-mails are sent after --limit or --target: `migrate resets send plan.yaml` sends them"
    ]  # fmt: skip
    assert world.cli("apply", "plan.yaml").code == 0
    assert sorted(mailed(world)) == ["ann", "bob"]


def test_refusals(world: World) -> None:
    prepare(world, FLAG, record("ann"))
    wrong = world.cli("resets", "send", "plan.yaml", "--json")
    assert (wrong.code, wrong.error()) == (
        1,
        "password_reset.strategy is on_next_sign_in, so no e-mails are sent; "
        "write strategy: email into the plan file to send them",
    )
    bad = world.cli("resets", "send", "plan.yaml", "--resend-after", "soon", "--json")
    assert (
        bad.error()
        == "--resend-after soon is no duration; write a whole number and a unit (s, m, h or d), for example 7d"
    )
    missing = world.cli("resets", "send", "plan.yaml", "--only-file", "nowhere.txt", "--json")
    assert missing.error().startswith("--only-file nowhere.txt cannot be read")
    endless = world.cli("resets", "send", "plan.yaml", "--only-file", "/dev/zero", "--json")
    assert (endless.code, endless.error().partition(";")[0]) == (1, "--only-file /dev/zero cannot be read (ValueError)")
    world.plan.write_text(world.plan.read_text().replace(FLAG, email()))
    (world.migrate_dir / "acme.state.db").unlink()
    none = world.cli("resets", "send", "plan.yaml", "--json")
    assert (none.code, none.error()) == (
        1, "there is no state .migrate/acme.state.db yet; run `migrate apply plan.yaml` first",
    )  # fmt: skip


def test_who_must_enrol_a_second_factor_again(world: World) -> None:
    people = [record(name) for name in ("ann", "bob", "cyd")] + [record("dan", status="EXTERNAL_PROVIDER")]
    factors = {"ann": ["SOFTWARE_TOKEN_MFA"], "bob": ["PASSWORD", "WEB_AUTHN"], "dan": ["SMS_MFA"]}
    factors |= {"cyd": ["EMAIL_OTP", "SMS_MFA"]}
    with serving(StandIn(people, factors=factors)) as pool:
        world.write_plan(pool_source(pool.url, "us-east-1_StandIn01"))
        ignored = world.cli("resets", "mfa", "plan.yaml", "--json")
        assert (ignored.code, ignored.error()) == (1, "mfa is ignore; write mfa: report into the plan file")
        world.write_plan(pool_source(pool.url, "us-east-1_StandIn01"), mfa="report")
        applied = world.cli("apply", "plan.yaml")
        assert "mfa: `migrate resets mfa plan.yaml` lists who must enrol again; at most 4 calls" in applied.err
        asked = world.cli("resets", "mfa", "plan.yaml")
        ids = {user["external_id"]: user["id"] for user in world.users().values()}
        assert asked.code == 0 and asked.out.splitlines() == [
            f"sub-ann\t{ids['sub-ann']}\tSOFTWARE_TOKEN_MFA",
            f"sub-bob\t{ids['sub-bob']}\tWEB_AUTHN",
            f"sub-cyd\t{ids['sub-cyd']}\tSMS_MFA",
        ]  # fmt: skip
        assert "1 of them had codes by SMS" in asked.err and "sandbox, an embedded" not in asked.err
        assert "3 calls of AdminGetUserAuthFactors, at 100 a second about 1 s" in asked.err
        told = world.cli("resets", "mfa", "plan.yaml", "--json").json("resets-mfa.v1")
        kinds = [one["factors"] for one in told["users"]]
        assert (told["calls"], kinds) == (3, [["SOFTWARE_TOKEN_MFA"], ["WEB_AUTHN"], ["SMS_MFA"]])
        assert len(pool.operations("AdminGetUserAuthFactors")) == 6 and not pool.operations("AdminGetUser")


ANY = ["PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"]
CONFIGURED = {"ann": ["PASSWORD", "EMAIL_OTP"], "bob": ["EMAIL_OTP"], "cyd": ["SMS_OTP"], "dan": ["WEB_AUTHN"]}


def _everyone() -> StandIn:
    # Of eve nothing is listed: nobody knows that she has no password.
    people = [record(name) for name in ("ann", "bob", "cyd", "dan", "eve")]
    return StandIn(people, configured=CONFIGURED, first_factors=ANY)


def test_who_has_no_password_is_not_flagged(world: World) -> None:
    with serving(_everyone()) as pool:
        world.write_plan(pool_source(pool.url, "us-east-1_StandIn01"), mfa="report")
        world.plan.write_text(world.plan.read_text().replace("password_reset: {strategy: none}", FLAG))
        planned = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")
        assert (planned["users"]["create"], planned["warnings"]) == (5, [])
        assert world.cli("apply", "plan.yaml").code == 0
        flagged = [name for name, user in world.users().items() if "password_reset_pending" in user["metadata"]]
        assert sorted(flagged) == ["ann@example.com", "eve@example.com"]
        asked = len(pool.operations("AdminGetUserAuthFactors"))
        assert world.cli("apply", "plan.yaml").code == 0
        # Who is known to have had a password is not asked for again.
        assert len(pool.operations("AdminGetUserAuthFactors")) - asked == 3
        status = world.cli("resets", "status", "plan.yaml", "--json").json("resets-status.v1")
        assert status["users"]["needed"] == 2


def test_who_has_no_password_is_not_mailed(world: World) -> None:
    with serving(_everyone()) as pool:
        world.write_plan(pool_source(pool.url, "us-east-1_StandIn01"), mfa="report")
        world.plan.write_text(world.plan.read_text().replace("password_reset: {strategy: none}", email()))
        assert world.cli("apply", "plan.yaml").code == 0
        foreseen = world.cli("resets", "send", "plan.yaml", "--dry-run", "--json").json("resets-send.v1")
        assert (foreseen["users"]["due"], foreseen["not_mailed"]["no_password"]) == (2, 3)
        sent = world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
        assert (sent["users"]["due"], sent["users"]["sent"], sent["not_mailed"]["no_password"]) == (2, 2, 3)
        assert sorted(mailed(world)) == ["ann", "eve"]


def test_who_cannot_be_asked_for_is_not_mailed(world: World) -> None:
    with serving(_everyone()) as pool:
        world.write_plan(pool_source(pool.url, "us-east-1_StandIn01"), mfa="report")
        world.plan.write_text(world.plan.read_text().replace("password_reset: {strategy: none}", email()))
        assert world.cli("apply", "plan.yaml").code == 0
        pool.faults.deny = frozenset({"AdminGetUserAuthFactors"})
        sent = world.cli("resets", "send", "plan.yaml", "--json")
        assert (sent.code, sent.json("resets-send.v1")["users"]["left"]) == (3, 5)
        assert "AdminGetUserAuthFactors" in sent.err and mailed(world) == []


def test_where_factors_are_not_read_it_says_how_many_may_have_no_password(world: World) -> None:
    with serving(_everyone()) as pool:
        world.write_plan(pool_source(pool.url, "us-east-1_StandIn01"))
        plain = world.plan.read_text()
        world.plan.write_text(plain.replace("password_reset: {strategy: none}", FLAG))
        doubt = "up to 5 users to be flagged may never have had one; with mfa: report they are asked for"
        assert doubt in world.cli("plan", "plan.yaml").err and doubt in world.cli("apply", "plan.yaml").err
        world.plan.write_text(plain.replace("password_reset: {strategy: none}", email()))
        assert "up to 5 users to be mailed" in world.cli("resets", "send", "plan.yaml", "--dry-run").err
        pool.first_factors = ["PASSWORD"]
        assert "without a password" not in world.cli("resets", "send", "plan.yaml", "--dry-run").err
        assert not pool.operations("AdminGetUserAuthFactors")


def test_a_killed_process_mails_nobody_twice(world: World) -> None:
    prepare(world, email(), *(record(f"p{at}") for at in range(60)))
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 200})
    process = world.cli.fork("resets", "send", "plan.yaml")
    until = time.monotonic() + 60
    while not mailed(world):
        assert process.poll() is None and time.monotonic() < until, process.communicate()
    process.kill()
    process.communicate()
    time.sleep(0.5)
    done = len(mailed(world))
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})
    assert 0 < done < 60
    _shift(world, 61)
    result = world.cli("resets", "send", "plan.yaml", "--json").json("resets-send.v1")
    assert (result["users"]["sent"], result["users"]["unknown"]) == (60 - done, 0)
    assert sorted(mailed(world)) == sorted(f"p{at}" for at in range(60))


@pytest.mark.parametrize("command", ["send", "status", "sync", "mfa"])
def test_help_has_an_example(cli: Cli, command: str) -> None:
    ended = cli("resets", command, "--help")
    assert ended.code == 0 and f"Example: migrate resets {command} " in ended.out


def _shift(world: World, seconds: float) -> None:
    """As if everything in the state had happened so much earlier."""
    with sqlite3.connect(world.migrate_dir / "acme.state.db") as connection:
        connection.execute("UPDATE resets SET batch_at = batch_at - ?, intent_at = intent_at - ?", (seconds, seconds))
    connection.close()


def _clean(world: World) -> None:
    for path in world.migrate_dir.rglob("*"):
        if isinstance(path, Path) and path.is_file():
            assert b"@example.com" not in path.read_bytes(), path
