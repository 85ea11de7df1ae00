"""`migrate explain`: one person by whatever name, from record to WorkOS, and what the next `apply` would do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_diff import write
from tests.identity.test_verify import user
from tests.support.cli import export_source, tree

ANN, BOB, CAT = (f"{name}@example.com" for name in ("ann", "bob", "cat"))
FILTERS = (
    "{enabled: any, created: {before: 2030-01-01}, attributes: [{name: 'custom:tenant', not_in: [evil]}, "
    "{name: 'custom:plan', not_matches: '^x'}]}"
)
ATTRIBUTES = "{metadata: {plan: {from: 'custom:plan', default: free}}}"
# Filtered out, and the only one who has each attribute that the plan names.
EVIL = user("x", ANN, **{"custom:tenant": "evil", "custom:plan": "xxl"})


@pytest.fixture
def migrated(world: World) -> World:
    """Ann of two records, and Bob; a third of Ann's address is filtered out. Ann's plan has changed since."""
    world.write_plan(export_source("users.jsonl"), attributes=ATTRIBUTES, filters=FILTERS)
    ann, second = user("a", ANN, given_name="Ann"), user("m", ANN.upper(), verified=False, given_name="Mallory")
    third = EVIL
    named = {**user("b", BOB), "Username": "bobby"}
    write(world, ann, second, third, named)
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, user("a", ANN, given_name="Ann", **{"custom:plan": "pro\x1b[31m"}), second, third, named)
    return world


def explain(world: World, who: str, *options: str) -> Any:
    ended = world.cli("explain", "plan.yaml", who, "--json", *options)
    assert ended.code == 0, ended.said
    return ended.json("explain.v1")


def test_by_whatever_name(migrated: World) -> None:
    ids = {email: one["id"] for email, one in migrated.users().items()}
    anns = explain(migrated, "a")
    assert [one["source_id"] for one in anns["records"]] == ["a", "m", "x"]
    for who in (ANN, " Ann@Example.com", "m", "x", ids[ANN]):
        found = explain(migrated, who)
        assert found["records"] == anns["records"] and found["next"] == anns["next"], who
    for who in ("bobby", BOB, ids[BOB], "b"):
        assert [one["source_id"] for one in explain(migrated, who)["records"]] == ["b"]


def test_all_of_a_person(migrated: World) -> None:
    ann = migrated.users()[ANN]["id"]
    before, writes = tree(migrated.plan.parent), migrated.writes()
    found = explain(migrated, "a", "--values")
    assert (tree(migrated.plan.parent), migrated.writes()) == (before, writes)

    first, second, third = found["records"]
    assert {one["field"]: one["value"] for one in first["fields"]} == {
        "username": "a", "email": ANN, "external_id": "a", "first_name": "Ann", "metadata.plan": "pro\x1b[31m",
    }  # fmt: skip
    assert (first["verified"], first["into"], first["relation"], first["excluded"]) == (True, None, "primary", None)
    assert (second["verified"], second["into"], second["relation"]) == (False, "a", "unverified")
    assert third["excluded"]["reason"] == "filtered"
    assert third["excluded"]["filters"] == ["attributes[0] custom:tenant", "attributes[1] custom:plan"]

    assert [(one["source_id"], one["workos_id"], one["status"]) for one in found["state"]] == [
        ("a", ann, "done"),
        ("m", ann, "done"),
    ]
    (held,) = found["workos"]
    assert (held["workos_id"], held["found_by"]) == (ann, ["state", "external_id", "address"])
    assert held["differs"] == ["metadata.plan"] and not held["signed_in"]
    assert {"field": "metadata.plan", "length": 4, "value": "free"} in held["fields"]

    steps = {one["source_id"]: one for one in found["next"]}
    assert [(name, one["action"], [why["rule"] for why in one["because"]]) for name, one in steps.items()] == [
        ("a", "update", [4, 9]),
        ("m", "merge", [4]),
        ("x", "exclude", [None]),
    ]
    assert steps["a"]["changes"] == [{"field": "metadata.plan", "old": "free", "new": "pro\x1b[31m"}]
    assert [why["title"] for why in steps["a"]["because"]] == ["One address, several records", "Over time"]
    # And so it comes.
    assert migrated.cli("apply", "plan.yaml", "--json").json("result.v1")["users"]["updated"] == 1


def test_values_only_where_they_are_asked_for(migrated: World) -> None:
    for options in ([], ["--json"]):
        ended = migrated.cli("explain", "plan.yaml", "a", *options)
        for value in (ANN, "Ann", "Mallory", "pro", "free", "example.com"):
            assert value not in ended.said.replace("prov", ""), (value, ended.said)
    ended = migrated.cli("explain", "plan.yaml", "a")
    assert "email (15)" in ended.out and "first_name (3)" in ended.out
    shown = migrated.cli("explain", "plan.yaml", "a", "--values")
    assert r'metadata.plan: "free" → "pro\u001b[31m"' in shown.out and "\x1b" not in shown.said


def test_what_people_read(migrated: World) -> None:
    ann = migrated.users()[ANN]["id"]
    ended = migrated.cli("explain", "plan.yaml", "a", "-q")
    lines = [line.strip() for line in ended.out.splitlines()]
    assert ended.err == "" or ended.err.startswith("warning: ")
    for line in (
        "passes all filters",
        "merged, as unverified, into a",
        "excluded, filtered: the user does not pass the plan's filters (filters.attributes[0] custom:tenant, "
        "filters.attributes[1] custom:plan); change filters to migrate such users",
        f"a: {ann}, done, made by this plan, since {_since(ended.out)}",
        "the next `migrate apply plan.yaml` would",
        f"a: update {ann}",
        "because what has changed in Cognito since the last run is sent, and nothing else (rule 9, Over time)",
        "m: merge into a",
        "x: not migrate",
    ):
        assert line in lines, (line, ended.out)


def _since(text: str) -> str:
    return text.partition("since ")[2].splitlines()[0]


@pytest.mark.parametrize("who", ["nobody", "nobody@example.com", "user_01NOBODY", "", "\x1b[31m", "eu/a"])
def test_who_is_not_there_is_an_error_of_its_own(migrated: World, who: str) -> None:
    migrated.workos.call("POST", "/user_management/users", {"email": "stranger@example.com"})
    ended = migrated.cli("explain", "plan.yaml", who, "--json")
    (error,) = json.loads(ended.out)["errors"]
    assert (ended.code, error["code"]) == (1, "user_not_found")
    assert "give an address or username as it stands in Cognito" in error["message"]
    assert who in ("", "eu/a") or who not in ended.said
    stranger = migrated.users()["stranger@example.com"]["id"]
    assert migrated.cli("explain", "plan.yaml", stranger).code == 1


def test_by_the_id_of_somebody_in_workos_whom_the_state_does_not_know(world: World) -> None:
    body = {"email": ANN, "email_verified": False}
    world.workos.call("POST", "/user_management/users", body)
    write(world, user("a", ANN))
    found = explain(world, world.users()[ANN]["id"])
    (step,) = found["next"]
    assert (step["action"], step["code"], step["because"][-1]["rule"]) == ("conflict", "unverified_link", 7)
    assert "{sub: a, action: adopt, user_id: user_…}" in step["remedy"]
    assert found["workos"][0]["found_by"] == ["address"] and found["state"] == []


def test_a_decision_is_named(migrated: World) -> None:
    with migrated.plan.open("a") as file:
        file.write("decisions: [{sub: b, action: skip, because: test account}]\n")
    (step,) = explain(migrated, BOB)["next"]
    assert (step["action"], step["code"], step["because"][0]["rule"]) == ("skip", "decision", None)


def test_who_left_the_pool(migrated: World) -> None:
    write(migrated, user("a", ANN, given_name="Ann"), user("c", CAT), EVIL)
    bob = migrated.users()[BOB]["id"]
    for who in ("b", bob):
        found = explain(migrated, who)
        assert found["records"] == [] and found["workos"][0]["workos_id"] == bob
        assert [(one["action"], one["workos_id"], one["because"][0]["rule"]) for one in found["next"]] == [
            ("keep", bob, 10)
        ]
    assert "no record any more" in migrated.cli("explain", "plan.yaml", "b").out


def test_what_apply_finds_out_only_before_the_write(migrated: World) -> None:
    """Bob's new address is a stranger's in WorkOS: `plan` does not ask about it, `explain` and `apply` do."""
    migrated.workos.call("POST", "/user_management/users", {"email": CAT})
    write(migrated, user("a", ANN, given_name="Ann"), {**user("b", CAT), "Username": "bobby"}, EVIL)
    assert migrated.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["users"]["update"] == 1
    (step,) = explain(migrated, "b")["next"]
    assert (step["action"], step["code"]) == ("conflict", "email_not_available")
    failures = migrated.cli("apply", "plan.yaml", "--json").json("result.v1")["failures"]
    assert [(one["source_id"], one["code"]) for one in failures] == [("b", "email_not_available")]


def test_organizations_and_memberships(world: World) -> None:
    section = (
        "{from: attribute, attribute: 'custom:tenant', trust_writable: true, create_roles: true, "
        "map: {acme: {organization: acme, organization_name: Acme, role: boss}, old: {organization: old}}}"
    )
    world.write_plan(export_source("users.jsonl"), organizations=section)
    write(world, user("a", ANN, **{"custom:tenant": "old"}), user("b", BOB, verified=False, **{"custom:tenant": "old"}))
    assert world.cli("apply", "plan.yaml").code == 3
    write(
        world, user("a", ANN, **{"custom:tenant": "acme"}), user("b", BOB, verified=False, **{"custom:tenant": "old"})
    )

    found = explain(world, ANN)
    (place,) = found["workos"][0]["memberships"]
    assert (place["status"], place["organization"]) == ("active", "old")
    assert [
        (one["organization"], one["roles"], one["known"], one["action"], one["code"], one["because"][0]["rule"])
        for one in found["memberships"]
    ] == [
        ("acme", ["boss"], None, "create", None, 18),
        ("old", None, "done", "unchanged", "not_asked_for", 19),
    ]
    (refused,) = explain(world, BOB)["memberships"]
    assert (refused["action"], refused["code"], refused["because"][0]["rule"]) == ("conflict", "unverified_member", 18)
    text = world.cli("explain", "plan.yaml", ANN).out
    assert "membership of a in acme: create; roles boss" in text
    assert "because the user is ours, and the address is verified or lies in a verified domain (rule 18," in text


def test_of_several_pools(world: World) -> None:
    each = "".join(
        f"  - {{name: {one}, export: {{files: [{one}.jsonl], user_pool_id: us-east-1_{one}}}}}\n"
        for one in ("eu", "us")
    )
    world.write_plan(each.removesuffix("\n"))
    write(world, user("a", ANN), file="eu.jsonl")
    write(world, user("a", BOB), user("m", ANN, verified=False), file="us.jsonl")
    assert [one["pool"] for one in explain(world, "us/a")["records"]] == ["us"]
    assert len(explain(world, "a")["next"]) == 3
    found = explain(world, "us/m")
    assert [(one["pool"], one["source_id"], one["into"]) for one in found["records"]] == [
        ("eu", "a", None),
        ("us", "m", "eu/a"),
    ]
    ended = world.cli("explain", "plan.yaml", "us/nobody")
    assert ended.code == 1 and "or POOL/SUB" in ended.err


def test_guards_are_told(migrated: World) -> None:
    with migrated.plan.open("a") as file:
        file.write("safety: {max_changes: 0}\n")
    assert explain(migrated, "a")["guards"][0]["code"] == "max_changes"
    assert "`migrate apply plan.yaml` would refuse as a whole" in migrated.cli("explain", "plan.yaml", "a").out


def test_in_the_sandbox(migrated: World) -> None:
    found = explain(migrated, BOB, "--sandbox")
    assert found["sandbox"] and found["next"][0]["action"] == "create"
    assert (
        "the next `migrate apply plan.yaml --sandbox` would"
        in migrated.cli("explain", "plan.yaml", BOB, "--sandbox").out
    )
