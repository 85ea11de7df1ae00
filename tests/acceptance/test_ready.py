"""`migrate ready` as a user types it: each line with each verdict that it can have, and exit 0 or 3."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import export_source, pool_source, tree
from tests.support.cognito import StandIn, serving
from tests.support.instant_waits import BEFORE

APP = "https://app.acme.com/callback"
FLAG = "password_reset: {strategy: on_next_sign_in}"
TENANTS = "{from: attribute, attribute: 'custom:tenant', trust_writable: true, unmapped: create}"
Lines = dict[str, dict[str, Any]]


def record(name: str, *, status: str = "CONFIRMED", verified: bool = True, **attributes: str) -> dict[str, Any]:
    """One record; EXTERNAL_PROVIDER signs in by Google."""
    values = {"sub": f"sub-{name}", "email": f"{name}@example.com", "email_verified": str(verified).lower()}
    if status == "EXTERNAL_PROVIDER":
        identity = {"userId": name, "providerName": "Google", "providerType": "Google", "primary": "true"}
        values["identities"] = json.dumps([identity])
    return {
        "Username": name,
        "Attributes": [{"Name": key, "Value": value} for key, value in (values | attributes).items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": True,
        "UserStatus": status,
    }


def write(world: World, *records: dict[str, Any], uris: str = f"[{APP}]", reset: str = FLAG, **sections: str) -> None:
    """Export files with these people, and a plan that nothing stands against, but for what `sections` say."""
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    plan(world, export_source("users.jsonl"), uris=uris, reset=reset, **sections)


def plan(world: World, source: str, *, uris: str = f"[{APP}]", reset: str = FLAG, **sections: str) -> None:
    """The plan anew."""
    world.write_plan(source, **sections)
    text = world.plan.read_text().replace(
        "requests_per_60s: null\n", f"requests_per_60s: null\n    redirect_uris: {uris}\n"
    )
    for name, pace in (("writes_per_10s", 450), ("reads_per_10s", 900), ("requests_per_60s", 5700)):
        text = text.replace(f"{name}: null", f"{name}: {pace}")
    world.plan.write_text(text.replace("password_reset: {strategy: none}", reset))


def ready(world: World, code: int | None = None) -> Lines:
    """The lines by name, of providers by subject. What `ready` says for machines it says to people; nothing changes."""
    before, writes = tree(world.plan.parent), world.writes()
    ended = world.cli("ready", "plan.yaml", "--json")
    found = ended.json("ready.v1")
    told = world.cli("ready", "plan.yaml")
    assert told.code == ended.code == (3 if any(one["verdict"] == "no-go" for one in found["lines"]) else 0)
    assert found["verdict"] == {0: "go", 3: "no-go"}[ended.code] and code in (None, ended.code), told.out
    assert all(f"{one['message']}\n" in told.out and one["remedy"] in told.out for one in found["lines"])
    # Whatever is to be settled says how, by whom and when.
    for one in found["lines"]:
        assert one["verdict"] == "ok" or (one["remedy"] and one["who"] and one["by_when"]), one
    assert told.out.splitlines()[-1].startswith(f"{found['verdict']}: {found['counts']['ok']} ok")
    assert (tree(world.plan.parent), world.writes()) == (before, writes)
    return {one["subject"] or one["name"]: one for one in found["lines"]}


def verdict(lines: Lines, name: str) -> tuple[str, int | None]:
    return lines[name]["verdict"], lines[name]["count"]


def hook(world: World, *events: str) -> str:
    body = {"endpoint_url": f"https://acme.example/{len(events)}-token", "events": list(events)}
    return str(world.workos.call("POST", "/webhook_endpoints", body)["id"])


def test_from_not_yet_to_go(world: World) -> None:
    write(world, record("ann"), record("bob"), record("cyd", status="UNCONFIRMED"))
    lines = ready(world, 3)
    assert verdict(lines, "users") == ("no-go", 2)
    assert lines["users"]["message"] == "not yet: 2 of 2 to go"
    assert lines["users"]["remedy"] == "run `migrate apply plan.yaml`"
    assert verdict(lines, "quota") == ("ok", 3)  # two users and a redirect URI
    assert verdict(lines, "redirect_uris") == ("no-go", 1) and APP in lines["redirect_uris"]["message"]
    assert verdict(lines, "resources") == ("no-go", 1)
    assert "failures" not in lines  # no run, nobody can have failed
    # Every command that it names works as printed.
    for command in re.findall(r"`migrate ([^`]+)`", " ".join(one["remedy"] for one in lines.values())):
        assert world.cli(*shlex.split(command)).code in (0, 3), command
    lines = ready(world, 0)
    assert lines["users"]["message"] == "2 users are in WorkOS, as Cognito has them"
    assert {verdict(lines, one) for one in ("users", "quota", "resources", "conflicts", "failures", "leavers")} == {
        ("ok", 0)
    }
    assert verdict(lines, "redirect_uris") == ("ok", 1)
    assert verdict(lines, "passwords") == ("ok", 2) and "on_next_sign_in" in lines["passwords"]["message"]
    # What a machine cannot tell stops nobody and is said.
    assert verdict(lines, "email") == ("look", 2) and verdict(lines, "second_factors") == ("look", None)


def test_who_changed_or_signed_up_since(world: World) -> None:
    write(world, record("ann", given_name="Ann"))
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, record("ann", given_name="Anna"), record("bob"))
    lines = ready(world, 3)
    assert verdict(lines, "users") == ("no-go", 2)
    assert lines["users"]["message"] == "1 user is not in WorkOS yet, 1 changed in Cognito since"


def test_a_run_that_did_not_end_is_no_converged_one(world: World) -> None:
    """Everybody may be there, and still nobody has said so."""
    write(world, record("ann"))
    assert world.cli("apply", "plan.yaml").code == 0
    with closing(sqlite3.connect(world.migrate_dir / "acme.state.db")) as state, state:
        state.execute("UPDATE runs SET ended = NULL, result = NULL")
    lines = ready(world, 3)
    assert lines["users"]["message"] == "not yet: 0 of 1 to go, and no run has ended with everybody in place"
    assert world.cli("apply", "plan.yaml").code == 0
    ready(world, 0)


def test_how_long_it_takes_and_a_pace_beyond_the_quota(world: World) -> None:
    write(world, *(record(f"u{at}") for at in range(1000)))
    lines = ready(world, 3)
    assert verdict(lines, "quota") == ("ok", 1001)
    assert lines["quota"]["message"] == "1,001 writes are left: at least 20 s under the plan's quota"
    world.plan.write_text(world.plan.read_text().replace("writes_per_10s: 450", "writes_per_10s: 501"))
    lines = ready(world, 3)
    assert verdict(lines, "quota") == ("look", 1001) and "live sign-ins" in lines["quota"]["remedy"]


def test_conflicts_duplicates_and_coverage(world: World) -> None:
    people = [record("ann"), record("ann2", email="ann@example.com"), record("bo", **{"custom:city": "Zürich"})]
    write(world, *people, attributes="{metadata: {city: 'custom:city'}}")
    lines = ready(world, 3)
    assert verdict(lines, "duplicates") == ("ok", 1) and verdict(lines, "conflicts") == ("no-go", 1)
    assert verdict(lines, "coverage") == ("no-go", 1) and "city: 1 not ASCII" in lines["coverage"]["message"]
    assert world.cli("apply", "plan.yaml").code == 3
    write(world, *people, attributes="{metadata: {city: {from: 'custom:city', when_invalid: escape}}}")
    assert world.cli("apply", "plan.yaml").code == 0
    lines = ready(world, 0)
    assert verdict(lines, "conflicts") == verdict(lines, "coverage") == ("ok", 0)
    write(world, *people, attributes="{metadata: {city: {from: 'custom:city', when_invalid: escape}}}",
          duplicates="{strategy: error}")  # fmt: skip
    # Each record of the group is one.
    assert verdict(ready(world, 3), "conflicts") == ("no-go", 2)


def test_who_failed_in_the_last_run(world: World) -> None:
    write(world, record("ann"), record("bob"))
    next_ = [{"method": "POST", "path": "/user_management/users$", "fault": "error_before", "times": 50}]
    world.workos.call("PUT", "/_sandbox/faults", {"next": next_})
    trying = world.cli.fork("apply", "plan.yaml", before=BEFORE)
    trying.communicate(60)
    assert trying.returncode == 3
    world.workos.call("PUT", "/_sandbox/faults", {"next": []})
    lines = ready(world, 3)
    failed = lines["failures"]["count"]
    assert verdict(lines, "failures") == ("no-go", failed) and failed
    assert world.cli("apply", "plan.yaml").code == 0
    assert verdict(ready(world, 0), "failures") == ("ok", 0)


def test_a_guard_that_would_refuse(world: World) -> None:
    write(world, record("ann"), record("bob"), safety="{max_changes: 1}")
    lines = ready(world, 3)
    assert verdict(lines, "guard") == ("no-go", 2) and "safety.max_changes" in lines["guard"]["message"]


def test_redirect_uris(world: World) -> None:
    write(world, record("ann"), uris="[]")
    assert world.cli("apply", "plan.yaml").code == 0
    lines = ready(world, 3)
    assert verdict(lines, "redirect_uris") == ("no-go", 0) and "nobody can begin" in lines["redirect_uris"]["message"]
    world.workos.call("POST", "/user_management/redirect_uris", {"uri": APP})
    lines = ready(world, 0)
    assert verdict(lines, "redirect_uris") == ("look", 1) and APP in lines["redirect_uris"]["message"]


def test_leavers(world: World) -> None:
    people = [record(name) for name in ("ann", "bob", "cyd")]
    write(world, *people)
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, people[0])
    # Foreseen, before any run has recorded it, and afterwards.
    assert verdict(ready(world, 3), "leavers") == ("no-go", 2)
    assert world.cli("apply", "plan.yaml").code == 0
    lines = ready(world, 3)
    assert verdict(lines, "leavers") == ("no-go", 2)
    assert "`migrate status plan.yaml --users left_source`" in lines["leavers"]["remedy"]
    # Who was deleted in WorkOS has no access any more.
    world.workos.call("DELETE", f"/user_management/users/{world.users()['bob@example.com']['id']}")
    assert verdict(ready(world, 3), "leavers") == ("no-go", 1)
    write(world, record("ann", **{"custom:tenant": "acme"}), left="deactivate", organizations=TENANTS)
    assert verdict(ready(world), "leavers") == ("look", 1)
    world.workos.call("DELETE", f"/user_management/users/{world.users()['cyd@example.com']['id']}")
    assert verdict(ready(world), "leavers") == ("ok", 0)
    write(world, *people[:1])
    ready(world, 0)


def test_who_came_back_is_no_leaver(world: World) -> None:
    write(world, record("ann"), record("bob"))
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, record("ann"))
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, record("ann"), record("bob"))
    assert verdict(ready(world), "leavers") == ("ok", 0)


def test_who_was_deleted_in_workos(world: World) -> None:
    write(world, record("ann"), record("bob"))
    assert world.cli("apply", "plan.yaml").code == 0
    assert verdict(ready(world, 0), "deleted_in_workos") == ("ok", None)
    world.workos.call("DELETE", f"/user_management/users/{world.users()['bob@example.com']['id']}")
    assert verdict(ready(world, 3), "conflicts") == ("no-go", 1)


def test_webhooks(world: World) -> None:
    write(world, *(record(name) for name in ("ann", "bob", "cyd")))
    assert verdict(ready(world), "webhooks") == ("ok", 0)
    created, both = hook(world, "user.created"), hook(world, "user.created", "user.updated")
    other = hook(world, "dsync.user.created", "session.created", "role.created")
    lines = ready(world)
    assert verdict(lines, "webhooks") == ("look", 6)
    told = lines["webhooks"]["message"]
    assert created in told and both in told and other not in told
    # Neither an endpoint's address, which may hold a token, nor its secret.
    said = world.cli("ready", "plan.yaml").said
    assert "acme.example" not in said and "whsec" not in said
    world.workos.call("PATCH", f"/webhook_endpoints/{both}", {"status": "disabled"})
    assert verdict(ready(world), "webhooks") == ("look", 3)
    assert world.cli("apply", "plan.yaml").code == 0
    assert verdict(ready(world, 0), "webhooks") == ("ok", 0)
    write(world, record("ann", given_name="Ann"), *(record(name) for name in ("bob", "cyd")))
    world.workos.call("PATCH", f"/webhook_endpoints/{both}", {"status": "enabled"})
    assert verdict(ready(world), "webhooks") == ("look", 1)


@pytest.mark.parametrize(
    ("reset", "verdict_", "told"),
    [
        ("password_reset: {strategy: none}", "no-go", "the plan does not ask them"),
        ("password_reset: {strategy: on_next_sign_in}", "ok", "the application acts on the flag"),
        ("password_reset: {strategy: email, email: {allow_addresses: ['*@example.com']}}", "ok", "0 have been mailed"),
    ],
)
def test_passwords(world: World, reset: str, verdict_: str, told: str) -> None:
    write(world, record("ann"), record("gus", status="EXTERNAL_PROVIDER"), reset=reset)
    assert world.cli("apply", "plan.yaml").code == 0
    lines = ready(world)
    assert verdict(lines, "passwords") == (verdict_, 1) and told in lines["passwords"]["message"]
    if "email" in reset:
        assert world.cli("resets", "send", "plan.yaml").code == 0
        assert "1 have been mailed" in ready(world)["passwords"]["message"]


def test_nobody_has_a_password(world: World) -> None:
    people = [record("gus", status="EXTERNAL_PROVIDER")]
    write(world, *people, reset="password_reset: {strategy: none}")
    lines = ready(world, 3)
    assert verdict(lines, "passwords") == ("ok", 0) and verdict(lines, "email") == ("ok", 0)
    # A plan that says nothing of the provider has proven nothing.
    assert verdict(lines, "provider") == ("no-go", 1)


def test_email(world: World) -> None:
    write(world, record("ann"), record("bob", verified=False))
    lines = ready(world)
    assert verdict(lines, "email") == ("look", 2)
    assert "2 to reset a password, 1 to verify an address" in lines["email"]["message"]
    assert "default e-mails are on" in lines["email"]["remedy"]
    write(world, record("ann"), reset="password_reset: {strategy: email, email: {deliver: file}}")
    assert "switch WorkOS's password-reset e-mails off" in ready(world)["email"]["remedy"]


def test_usernames(world: World) -> None:
    write(world, record("ann"))
    assert verdict(ready(world), "usernames") == ("ok", 1)


def test_second_factors_are_counted_where_the_plan_asks_for_them(world: World) -> None:
    people = [record(name) for name in ("ann", "bob", "cyd")] + [record("dan", status="EXTERNAL_PROVIDER")]
    factors = {"ann": ["SOFTWARE_TOKEN_MFA"], "bob": ["PASSWORD", "WEB_AUTHN"], "cyd": ["SMS_MFA"]}
    with serving(StandIn(people, factors=factors, mfa="OPTIONAL")) as pool:
        source = pool_source(pool.url, "us-east-1_StandIn01")
        plan(world, source)
        lines = ready(world)
        assert verdict(lines, "second_factors") == ("look", None)
        assert "the pool asks for them, or lets users add them" in lines["second_factors"]["message"]
        assert "mfa: report" in lines["second_factors"]["remedy"]
        assert not pool.operations("AdminGetUserAuthFactors")
        plan(world, source, mfa="report")
        lines = ready(world)
        assert verdict(lines, "second_factors") == ("look", 2)
        assert "1 had codes by SMS, and need an authenticator" in lines["second_factors"]["message"]
        # The report says the same of the same people.
        told = world.cli("report", "plan.yaml", "--format", "markdown", "--out", "-").out
        assert re.search(r"enrol a second factor again \| 50 \| 2 \|", told), told
    with serving(StandIn(people, mfa="OPTIONAL")) as pool:
        plan(world, pool_source(pool.url, "us-east-1_StandIn01"), mfa="report")
        assert verdict(ready(world), "second_factors") == ("ok", 0)
    with serving(StandIn(people, mfa="OFF")) as pool:
        plan(world, pool_source(pool.url, "us-east-1_StandIn01"))
        assert verdict(ready(world), "second_factors") == ("ok", 0)
        assert not pool.operations("AdminGetUserAuthFactors")


def test_too_many_to_ask_for(world: World) -> None:
    people = [record(f"u{at}") for at in range(2001)]
    with serving(StandIn(people, mfa="ON")) as pool:
        plan(
            world, pool_source(pool.url, "us-east-1_StandIn01"), mfa="report", reset="password_reset: {strategy: none}"
        )
        lines = ready(world)
        assert verdict(lines, "second_factors") == ("look", None)
        assert "`migrate resets mfa plan.yaml` lists them; it takes 2,001 calls" in lines["second_factors"]["remedy"]
        assert not pool.operations("AdminGetUserAuthFactors")


def test_organizations_that_lack_and_conflict(world: World) -> None:
    people = [record(name, **{"custom:tenant": "acme"}) for name in ("ann", "bob")]
    write(world, *people, organizations=TENANTS)
    lines = ready(world, 3)
    assert lines["resources"]["message"] == "to be made or changed: 1 organizations, 1 redirect URIs, 2 memberships"
    assert world.cli("apply", "plan.yaml").code == 0
    assert verdict(ready(world, 0), "resources") == ("ok", 0)
    # Whose address nobody has verified becomes no member.
    write(world, *people, record("cyd", verified=False, **{"custom:tenant": "acme"}), organizations=TENANTS)
    assert world.cli("apply", "plan.yaml").code == 3
    lines = ready(world, 3)
    assert lines["resources"]["message"] == "in conflict: 1 memberships" and verdict(lines, "resources") == ("no-go", 1)


def test_on_the_sandbox_nothing_of_the_environment_is_said(world: World) -> None:
    write(world, record("ann"), record("gus", status="EXTERNAL_PROVIDER"), oauth_providers="{Google: {client_id: g}}")
    assert world.cli("apply", "plan.yaml", "--sandbox").code == 0
    ended = world.cli("ready", "plan.yaml", "--sandbox", "--json")
    found = ended.json("ready.v1")
    lines = {one["subject"] or one["name"]: one for one in found["lines"]}
    assert (ended.code, found["sandbox"], found["verdict"]) == (0, True, "go")
    assert verdict(lines, "users") == ("ok", 0) and verdict(lines, "webhooks") == ("look", None)
    assert verdict(lines, "Google") == ("look", 1)
    assert "`migrate oauth check plan.yaml`" in lines["Google"]["remedy"]
    assert world.cli("ready", "plan.yaml", "--sandbox").out.splitlines()[-1].startswith("go on the sandbox: ")


def test_nobody_is_named(world: World) -> None:
    write(world, record("ann"), record("bo", **{"custom:city": "Zürich"}), attributes="{metadata: {c: 'custom:city'}}")
    said = world.cli("ready", "plan.yaml").said + world.cli("ready", "plan.yaml", "--json").said
    assert "example.com" not in said and "sub-" not in said and "rich" not in said


def test_a_plan_that_is_none(world: World) -> None:
    world.plan.write_text("version: 1\n")
    assert world.cli("ready", "plan.yaml", "--json").code == 1


def test_what_workos_does_not_tell_a_key_with_fewer_rights(world: World) -> None:
    write(world, record("ann"))
    assert world.cli("apply", "plan.yaml").code == 0

    def forbid(*paths: str) -> None:
        faults = [{"method": "GET", "path": path, "fault": "forbidden", "times": 1000} for path in paths]
        world.workos.call("PUT", "/_sandbox/faults", {"next": faults})

    write(world, record("ann"), uris="[]")
    forbid("/webhook_endpoints", "/redirect_uris")
    lines = ready(world, 0)
    # Nobody can tell: that is not a go, and not a no-go either.
    assert verdict(lines, "webhooks") == verdict(lines, "redirect_uris") == ("look", None)
    assert "dashboard" in lines["webhooks"]["remedy"] and "dashboard" in lines["redirect_uris"]["remedy"]
    with closing(sqlite3.connect(world.migrate_dir / "acme.state.db")) as state, state:
        state.execute("DELETE FROM meta WHERE key = 'looked_at'")
    # Who was deleted, `apply` has to know as well: without that it calls nothing converged.
    forbid("/events", "/user_management/users$")
    ended = world.cli("ready", "plan.yaml", "--json")
    assert ended.code == 3, ended.said
    lines = {one["name"]: one for one in ended.json("ready.v1")["lines"]}
    assert verdict(lines, "deleted_in_workos") == ("no-go", None)
