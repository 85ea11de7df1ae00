"""Three pools in moto into one WorkOS, by the installed command: what reads pools, and what tells users apart."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cognito import make_moto_pool
from tests.support.postgresql import postgresql

NAMES = ("eu", "us", "phones")


def user(name: str, email: str | None, *, verified: bool = True, enabled: bool = True, **more: str) -> dict[str, Any]:
    """A record as `make_moto_pool` takes it."""
    attributes = dict(more)
    if email is not None:
        attributes |= {"email": email, "email_verified": "true" if verified else "false"}
    return {
        "Username": name,
        "Attributes": [{"Name": key, "Value": value} for key, value in attributes.items()],
        "Enabled": enabled,
        "UserStatus": "CONFIRMED",
    }


EU = [
    user("ann", "ann@x.co", given_name="Ann"),
    user("bob", "bob@x.co"),
    user("off", "off@x.co", enabled=False),
    *(user(f"eu-{at}", f"eu-{at}@x.co") for at in range(130)),
]
US = [
    user("ann", "ann@x.co", verified=False, family_name="Mallory"),
    user("bob", "bob@x.co", family_name="Bee"),
    *(user(f"us-{at}", f"us-{at}@x.co") for at in range(130)),
]
PHONES = [user("tel", None, phone_number="+15550001")]


@pytest.fixture
def pools(world: World, moto: str) -> World:
    """A world of three pools, and the plan for them."""
    ids = [make_moto_pool(moto, users) for users in (EU, US, PHONES)]
    world.endpoint, world.pool_id = moto, ids[0]
    world.write_plan(_source(moto, ids), no_email="placeholder", placeholder='"{sub}@no-email.x.co"')
    return world


def _source(endpoint: str, ids: list[str]) -> str:
    return "\n".join(
        f"  - {{name: {name}, cognito: {{user_pool_id: {pool}, endpoint_url: '{endpoint}', requests_per_second: 500}}}}"
        for name, pool in zip(NAMES, ids, strict=False)
    )


def test_three_pools_from_plan_to_verify(pools: World) -> None:
    planned = pools.cli("plan", "plan.yaml", "--json").json("plan-result.v1")
    assert (planned["users"]["create"], planned["users"]["merge"]) == (263, 2)
    ended = pools.cli("apply", "plan.yaml", "--json")
    assert ended.code == 0, ended.said
    result = ended.json("result.v1")
    assert result["source"]["seen"] == 266
    assert {name: one["selected"] for name, one in result["source"]["pools"].items()} == {
        "eu": 132, "us": 132, "phones": 1,
    }  # fmt: skip
    assert result["source"]["pools"]["eu"]["filtered"] == {"disabled": 1}
    assert result["users"] == dict.fromkeys(result["users"], 0) | {"created": 263, "merged": 2}
    assert result["reported"]["placeholder"] == 1

    held = pools.users()
    assert {f"eu-{at}@x.co" for at in range(130)} | {f"us-{at}@x.co" for at in range(130)} < held.keys()
    # The one pool's unverified record gave nothing; the other's verified one filled what was missing.
    assert (held["ann@x.co"]["first_name"], held["ann@x.co"]["last_name"]) == ("Ann", None)
    assert held["bob@x.co"]["last_name"] == "Bee"
    (made_up,) = (one for email, one in held.items() if email.endswith("@no-email.x.co"))
    assert made_up["email_verified"] is False

    again = pools.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["users"] == dict.fromkeys(again["users"], 0) | {"unchanged": 263, "merged": 2}
    assert again["requests"]["writes"] == 0
    verified = pools.cli("verify", "plan.yaml", "--json")
    assert (verified.code, verified.json("verify.v1")["users"]["equal"]) == (0, 263)

    rows = pools.cli("ids", "plan.yaml", "--json").json("ids.v1")["ids"]
    assert {one["cognito_pool"] for one in rows} == set(NAMES)
    anns = {one["cognito_pool"]: one for one in rows if one["cognito_username"] == "ann"}
    assert anns["eu"]["workos_user_id"] == anns["us"]["workos_user_id"] == held["ann@x.co"]["id"]
    assert (anns["eu"]["relation"], anns["us"]["relation"]) == ("primary", "unverified")
    table = list(csv.DictReader(io.StringIO(pools.cli("ids", "plan.yaml").out)))
    assert [one["cognito_pool"] for one in table] == [one["cognito_pool"] for one in rows]

    us_ann = anns["us"]["cognito_sub"]
    shown = pools.cli("state", "show", "plan.yaml", f"us/{us_ann}", "--json").json("state-user.v1")["user"]
    assert (shown["pool"], shown["source_id"], shown["relation"]) == ("us", us_ann, "unverified")
    assert "other/" in pools.cli("state", "show", "plan.yaml", f"other/{us_ann}").err
    listed = pools.cli("status", "plan.yaml", "--users", "merged", "--names", "--json").json("status.v1")["listed"]
    assert {(one["pool"], one["username"]) for one in listed} >= {("us", "ann")}


def test_a_change_in_one_pool_is_one_update_and_a_failure_names_its_pool(pools: World) -> None:
    assert pools.cli("apply", "plan.yaml").code == 0
    pools.cognito().admin_update_user_attributes(
        UserPoolId=pools.pool_id, Username="eu-7", UserAttributes=[{"Name": "given_name", "Value": "Eva"}]
    )
    result = pools.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert (result["users"]["updated"], result["requests"]["writes"]) == (1, 1)
    held = pools.users()["eu-9@x.co"]
    pools.workos.call("DELETE", f"/user_management/users/{held['id']}")
    ended = pools.cli("apply", "plan.yaml", "--json")
    (failure,) = ended.json("result.v1")["failures"]
    assert (failure["pool"], failure["source_id"], failure["code"]) == ("eu", held["external_id"], "gone")
    (missing,) = pools.cli("verify", "plan.yaml", "--json").json("verify.v1")["differences"]
    assert (missing["pool"], missing["source_id"], missing["verdict"]) == ("eu", held["external_id"], "missing")


def test_resets_go_over_all_pools_and_never_to_a_placeholder(pools: World) -> None:
    text = pools.plan.read_text(encoding="utf-8")
    strategy = "password_reset: {strategy: email, email: {send: manual, unverified: true, allow_addresses: ['*.co']}}"
    pools.plan.write_text(text.replace("password_reset: {strategy: none}", strategy), encoding="utf-8")
    assert pools.cli("apply", "plan.yaml").code == 0
    found = pools.cli("resets", "send", "plan.yaml", "--dry-run", "--json").json("resets-send.v1")
    assert found["not_mailed"]["placeholder"] == 1
    due = found["recipients"]
    assert len(due) == 262 and {one.partition("/")[0] for one in due} == {"eu", "us"}
    one = pools.cli("resets", "send", "plan.yaml", "--dry-run", "--json", "--only", due[0]).json("resets-send.v1")
    assert one["recipients"] == [due[0]]


def test_an_export_is_one_pools(pools: World) -> None:
    assert "use --pool with one of eu, us, phones" in pools.cli("export", "plan.yaml", "--out", "us.jsonl").err
    ended = pools.cli("export", "plan.yaml", "--out", "us.jsonl", "--pool", "us", "--json")
    assert ended.json("export.v1")["users"] == len(US)
    names = {json.loads(line)["Username"] for line in (pools.plan.parent / "us.jsonl").read_text().splitlines()}
    assert names == {one["Username"] for one in US}


def test_providers_are_each_pools_own(pools: World) -> None:
    text = pools.plan.read_text(encoding="utf-8")
    pools.plan.write_text(text + "oauth_providers: {Google: {reuse_credentials: true}}\n", encoding="utf-8")
    ids = [line.split("user_pool_id: ")[1].split(",")[0] for line in text.splitlines() if "user_pool_id" in line]
    for pool in ids[:2]:
        pools.cognito().create_identity_provider(
            UserPoolId=pool,
            ProviderName="Google",
            ProviderType="Google",
            ProviderDetails={"client_id": f"client-of-{pool}", "client_secret": "secret", "authorize_scopes": "email"},
        )
    providers = pools.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["oauth"]["providers"]
    assert [(one["name"], one["handling"]) for one in providers] == [
        ("eu/Google", "provider"), ("us/Google", "provider"),
    ]  # fmt: skip
    rows = pools.cli("oauth", "check", "plan.yaml", "--json").json("oauth-check.v1")["checks"]
    assert {one["provider"] for one in rows} == {"eu/Google", "us/Google"}


def test_an_error_and_a_refused_state_name_the_pool(pools: World, moto: str) -> None:
    assert pools.cli("apply", "plan.yaml").code == 0
    text = pools.plan.read_text(encoding="utf-8")
    lost = "\n".join(line for line in text.splitlines() if "name: phones" not in line) + "\n"
    pools.plan.write_text(lost, encoding="utf-8")
    ended = pools.cli("plan", "plan.yaml", "--json")
    assert ended.code == 1
    assert "knows users of the user pool" in ended.error()
    missing = f"  - {{name: gone, cognito: {{user_pool_id: us-east-1_Gone00000, endpoint_url: '{moto}'}}}}\n"
    pools.plan.write_text(text.replace("destination:", missing + "destination:"), encoding="utf-8")
    assert pools.cli("plan", "plan.yaml", "--json").error().startswith("pool gone: ")


def test_ids_as_sql_hold_one_sub_of_two_pools(world: World) -> None:
    """By PostgreSQL itself, where it is installed."""
    record = {"UserStatus": "CONFIRMED", "Enabled": True, "UserCreateDate": 1, "UserLastModifiedDate": 1}
    for name in ("eu", "us"):
        attributes = {"sub": "same", "email": f"{name}@x.co", "email_verified": "true"}
        one = record | {"Username": name, "Attributes": [{"Name": k, "Value": v} for k, v in attributes.items()]}
        (world.plan.parent / f"{name}.jsonl").write_text(json.dumps(one) + "\n", encoding="utf-8")
    source = "\n".join(
        f"  - {{name: {name}, export: {{files: [{name}.jsonl], user_pool_id: us-east-1_{name}}}}}"
        for name in ("eu", "us")
    )
    world.write_plan(source, attributes='{external_id: {template: "{pool}:{sub}"}}')
    assert world.cli("apply", "plan.yaml").code == 0
    held = world.users()
    assert {one["external_id"] for one in held.values()} == {"us-east-1_eu:same", "us-east-1_us:same"}
    sql = world.cli("ids", "plan.yaml", "--format", "sql").out
    assert f"('eu', 'same', 'eu', '{held['eu@x.co']['id']}', 'primary')" in sql
    assert "PRIMARY KEY (cognito_pool, cognito_sub)" in sql
    twice = world.cli("state", "forget", "plan.yaml", "same")
    assert (twice.code, "in several pools" in twice.err) == (1, True)
    assert world.cli("state", "forget", "plan.yaml", "us/same", "--json").json("state-forget.v1")["forgotten"] == [
        "us/same"
    ]
    with postgresql() as database:
        for _ in range(2):
            database.load(sql)
        rows = database.rows("cognito_workos_users", "cognito_pool")
    assert rows == [[name, "same", name, held[f"{name}@x.co"]["id"], "primary"] for name in ("eu", "us")]


def test_an_export_that_cannot_be_read_is_named_with_its_file_and_line(world: World) -> None:
    files = {"eu": "eu-west-1_Aaaaaaaaa", "us": "us-east-1_Bbbbbbbbb"}
    world.write_plan(
        "\n".join(
            f"  - {{name: {one}, export: {{files: [{one}.jsonl], user_pool_id: {ids}}}}}" for one, ids in files.items()
        )
    )
    (world.plan.parent / "eu.jsonl").write_text(json.dumps(user("ann", "ann@x.co")) + "\n")
    told = world.cli("plan", "plan.yaml").err.splitlines()[-1]
    assert told.startswith("error: us.jsonl: pool us: no file matches this pattern; ")
    (world.plan.parent / "us.jsonl").write_text("\n{]\n")
    (world.plan.parent / "eu.jsonl").write_text("\n{]\n")
    error = json.loads(world.cli("plan", "plan.yaml", "--json").out)["errors"][0]
    assert (error["file"], error["line"]) == ("eu.jsonl", 2) and error["message"].startswith("pool eu: ")
