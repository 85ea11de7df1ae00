"""`migrate plan` shows what it would change: the first of each kind, lists, a file; values only where asked for."""

from __future__ import annotations

import json
import os
import pty
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.identity.test_verify import user
from tests.support.cli import check, export_source, tree

ANN, BOB, CAT, DAN = (f"{name}@example.com" for name in ("ann", "bob", "cat", "dan"))
ANNS = "0b77d1c4-0000-4000-8000-00000000000a"
ATTRIBUTES = "{metadata: {plan: 'custom:plan', tier: {from: 'custom:tier', optional: true}}}"
TERMINAL = "pro\x1b[31m"


def write(world: World, *users: dict[str, Any], file: str = "users.jsonl") -> None:
    (world.plan.parent / file).write_text("".join(json.dumps(one) + "\n" for one in users))


@pytest.fixture
def changed(world: World) -> World:
    """Ann was migrated and has changed; Bob is in WorkOS already, Cat unverified there; Dan is new, with a second."""
    world.write_plan(export_source("users.jsonl"), attributes=ATTRIBUTES)
    write(world, user(ANNS, ANN, given_name="Ann", **{"custom:plan": "free", "custom:tier": "1"}))
    assert world.cli("apply", "plan.yaml").code == 0
    for email, verified in ((BOB, True), (CAT, False)):
        world.workos.call("POST", "/user_management/users", {"email": email, "email_verified": verified})
    write(
        world,
        user(ANNS, ANN, given_name="Ann", **{"custom:plan": TERMINAL}),
        user("b", BOB, given_name="Bob"),
        user("c", CAT),
        user("d", DAN, given_name="Dan\u202e"),
        user("e", DAN.upper(), verified=False),
    )
    return world


def lines_of(text: str) -> list[str]:
    """The lines of changes, without their indentation."""
    return [
        line.strip() for line in text.splitlines() if line.strip()[:2] in ("+ ", "~ ", "> ", "= ", "! ", ". ", "- ")
    ]


def test_names_of_fields_are_shown_and_no_value(changed: World) -> None:
    users = changed.users()
    ended = changed.cli("plan", "plan.yaml")
    assert (ended.code, ended.out) == (0, "")
    assert lines_of(ended.err) == [
        "+ user d  email, email_verified, external_id, first_name",
        f"~ user {ANNS}  metadata.plan, metadata.tier",
        f"> user b  adopt {users[BOB]['id']}  external_id, first_name",
        "= user e  merge into d",
        f"! user c  conflict unverified_link ({users[CAT]['id']})",
    ]
    for value in ("free", "pro", "Ann", "Dan", ANN, "[31m"):
        assert value not in ended.err, value
    assert changed.writes() == 3


def test_values_are_those_of_workos_and_harmless(changed: World) -> None:
    """Not what the last run wrote: what stands there now."""
    users = changed.users()
    changed.workos.call("PUT", f"/user_management/users/{users[ANN]['id']}", {"metadata": {"plan": "theirs"}})
    writes = changed.writes()
    ended = changed.cli("plan", "plan.yaml", "--values")
    assert ended.code == 0 and "\x1b" not in ended.err and "\u202e" not in ended.err
    found = lines_of(ended.err)
    update = r'metadata.plan: "theirs" → "pro\u001b[31m", metadata.tier: "1" → none'
    assert found[1] == f"~ user {ANNS}  {update}"
    assert found[0] == f'+ user d  email: "{DAN}", email_verified: true, external_id: "d", first_name: "Dan\\u202e"'
    assert found[2] == f'> user b  adopt {users[BOB]["id"]}  external_id: none → "b", first_name: none → "Bob"'
    assert changed.writes() == writes


def test_old_values_are_read_for_those_shown_alone(world: World) -> None:
    world.write_plan(export_source("users.jsonl"), attributes=ATTRIBUTES)
    people = [f"{at:02}" for at in range(30)]
    write(world, *(user(one, f"p{one}@example.com", **{"custom:plan": "free"}) for one in people))
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, *(user(one, f"p{one}@example.com", **{"custom:plan": "pro"}) for one in people))

    def reads(*options: str) -> int:
        found = world.cli("plan", "plan.yaml", "--json", *options).json("plan-result.v1")
        assert found["diff"]["fields"] == {"metadata.plan": {"update": 30, "adopt": 0}}
        return int(found["requests"]["reads"])

    none = reads()
    assert reads("--show", "7", "--values") == none + 7
    assert reads("--show", "0", "--values") == none
    listed = world.cli("plan", "plan.yaml", "--values", "--users", "update", "--show", "0")
    assert listed.out.splitlines() == [f'~ user {one}  metadata.plan: "free" → "pro"' for one in people]


def test_totals_by_field_and_how_many_are_shown(world: World) -> None:
    people = [f"{at:02}" for at in range(8)]
    world.write_plan(export_source("users.jsonl"), attributes=ATTRIBUTES)
    write(world, *(user(one, f"p{one}@example.com", **{"custom:plan": "free"}) for one in people))
    assert world.cli("apply", "plan.yaml").code == 0
    world.workos.call("POST", "/user_management/users", {"email": ANN, "email_verified": True})
    write(
        world,
        *(user(one, f"p{one}@example.com", given_name="P", **{"custom:plan": "pro"}) for one in people[:6]),
        *(user(one, f"p{one}@example.com", **{"custom:plan": "pro"}) for one in people[6:]),
        user("a", ANN, **{"custom:plan": "pro"}),
    )
    ended = world.cli("plan", "plan.yaml")
    words = [line.split() for line in ended.err.splitlines()]
    assert ["metadata.plan", "8", "updates,", "1", "adoption"] in words and ["first_name", "6", "updates"] in words
    assert [line[:9] for line in lines_of(ended.err)] == [f"~ user {one}" for one in people[:5]] + ["> user a "]
    assert "all of them: --changes FILE writes them, --users create,update,… lists users'" in ended.err
    ended = world.cli("plan", "plan.yaml", "--show", "20")
    assert len(lines_of(ended.err)) == 9 and "all of them" not in ended.err
    assert lines_of(world.cli("plan", "plan.yaml", "--show", "0").err) == []
    for wrong in ("-1", "1001", "all"):
        assert world.cli("plan", "plan.yaml", "--show", wrong).code == 1


def test_what_the_json_says(changed: World) -> None:
    found = changed.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["diff"]
    assert [(one["action"], one["name"], one["rules"]) for one in found["shown"]] == [
        ("create", "d", [6]),
        ("update", ANNS, [9]),
        ("adopt", "b", [7]),
        ("merge", "e", [4]),
        ("conflict", "c", [7]),
    ]
    assert found["shown"][1]["fields"] == [{"field": "metadata.plan"}, {"field": "metadata.tier"}]
    shown = changed.cli("plan", "plan.yaml", "--json", "--values").json("plan-result.v1")["diff"]["shown"]
    assert shown[1]["fields"] == [
        {"field": "metadata.plan", "old": "free", "new": TERMINAL},
        {"field": "metadata.tier", "old": "1", "new": None},
    ]


def test_a_list_of_users_is_data(changed: World) -> None:
    ended = changed.cli("plan", "plan.yaml", "--users", "update,conflicts", "--quiet")
    users = changed.users()
    assert ended.out.splitlines() == [
        f"~ user {ANNS}  metadata.plan, metadata.tier",
        f"! user c  conflict unverified_link ({users[CAT]['id']})",
    ]
    assert changed.cli("plan", "plan.yaml", "--users", "merge", "-q").out == "= user e  merge into d\n"
    for wrong in ("nix", ""):
        ended = changed.cli("plan", "plan.yaml", "--users", wrong)
        assert ended.code == 1 and "create, update, adopt, merge, skip, conflicts" in ended.err
    refused = changed.cli("plan", "plan.yaml", "--users", "update", "--json")
    assert refused.code == 1 and "use --changes FILE beside --json" in refused.error()


def test_a_list_on_a_terminal_obeys_nothing(changed: World) -> None:
    leader, follower = pty.openpty()
    command = ("plan", "plan.yaml", "--users", "create,update", "--values", "-q")
    assert changed.cli.fork(*command, terminal=follower).wait(60) == 0
    os.close(follower)
    said = os.read(leader, 100_000).decode()
    os.close(leader)
    # The one colour that is ours.
    said = said.replace("\x1b[33mwarning:\x1b[0m", "warning:")
    assert "pro\\u001b[31m" in said and "Dan\\u202e" in said and "\u202e" not in said and "\x1b" not in said


class TestFile:
    def test_it_holds_every_change(self, changed: World) -> None:
        ended = changed.cli("plan", "plan.yaml", "--changes", "changes.jsonl", "--show", "0")
        path = changed.plan.parent / "changes.jsonl"
        assert ended.code == 0 and "changes written to changes.jsonl" in ended.err
        assert path.stat().st_mode & 0o777 == 0o600
        found = [json.loads(line) for line in path.read_text().splitlines()]
        for one in found:
            check(one, "change.v1")
        assert [(one["action"], one["name"]) for one in found] == [
            ("update", ANNS), ("adopt", "b"), ("conflict", "c"), ("create", "d"), ("merge", "e"),
        ]  # fmt: skip
        for value in ("free", "pro", "Dan", ANN, "@"):
            assert value not in path.read_text(), value

    def test_values_stand_in_it_where_asked_for_and_it_is_replaced(self, changed: World) -> None:
        path = changed.plan.parent / "changes.jsonl"
        path.write_text("")
        for options in ([], ["--values"]):
            assert changed.cli("plan", "plan.yaml", "--json", "--changes", "changes.jsonl", *options).code == 0
        first = json.loads(path.read_text().splitlines()[0])
        assert first["fields"][0] == {"field": "metadata.plan", "old": "free", "new": TERMINAL}
        assert "\x1b" not in path.read_text()
        assert not [one for one in path.parent.iterdir() if one.name.endswith(".part")]

    @pytest.mark.parametrize("kind", ["a file", "a link", "a folder", "a pipe", "a dangling link"])
    def test_it_replaces_nothing_else(self, changed: World, kind: str) -> None:
        folder = changed.plan.parent
        path = folder / "changes.jsonl"
        match kind:
            case "a file":
                path.write_text("somebody's notes\n")
            case "a link":
                (folder / "theirs").write_text('{"schema":"change.v1"}\n')
                path.symlink_to(folder / "theirs")
            case "a folder":
                path.mkdir()
            case "a pipe":
                os.mkfifo(path)
            case _:
                path.symlink_to(folder / "nowhere")
        before = tree(folder) if kind != "a pipe" else {}
        ended = changed.cli("plan", "plan.yaml", "--changes", "changes.jsonl", "--json")
        assert ended.code == 1
        assert [one["code"] for one in json.loads(ended.out)["errors"]] == ["file_exists"]
        assert kind == "a pipe" or tree(folder) == before

    def test_a_folder_that_is_not_there(self, changed: World) -> None:
        ended = changed.cli("plan", "plan.yaml", "--changes", "nowhere/changes.jsonl")
        assert ended.code == 1 and "the folder nowhere is not there" in ended.err

    def test_nothing_stays_of_a_plan_that_fails(self, changed: World) -> None:
        folder = changed.plan.parent
        (folder / "users.jsonl").write_text("{")
        before = tree(folder)
        assert changed.cli("plan", "plan.yaml", "--changes", "changes.jsonl").code == 1
        assert tree(folder) == before


def test_every_other_kind_is_shown(world: World) -> None:
    world.write_plan(
        export_source("users.jsonl"),
        organizations="{from: attribute, attribute: 'custom:tenant', trust_writable: true, create_roles: true, "
        "map: {acme: {organization: acme, organization_name: Acme, role: boss, domains: [acme.com]}}}",
    )
    plan = world.plan.read_text().replace("    writes_per_10s", "    redirect_uris: [https://app.acme.com/callback]\n"
                                          "    writes_per_10s")  # fmt: skip
    world.plan.write_text(plan)
    write(
        world, user("a", ANN, **{"custom:tenant": "acme"}), user("b", BOB, verified=False, **{"custom:tenant": "acme"})
    )
    ended = world.cli("plan", "plan.yaml", "--values")
    found = lines_of(ended.err)
    assert found[:3] == [
        '+ redirect uri https://app.acme.com/callback  uri: "https://app.acme.com/callback"',
        '+ organization acme  name: "Acme", domains: {"acme.com": "pending"}',
        '+ role boss  name: "boss"',
    ]
    assert found[-2:] == [
        '+ membership a in acme  roles: ["boss"]',
        "! membership b in acme  conflict unverified_member",
    ]
    assert world.cli("apply", "plan.yaml").code == 3

    world.write_plan(
        export_source("users.jsonl"),
        organizations="{from: attribute, attribute: 'custom:tenant', trust_writable: true, create_roles: true, "
        "map: {acme: {organization: acme, organization_name: Acme Inc, role: chief}}}",
    )
    write(world, user("a", ANN, **{"custom:tenant": "acme"}))
    found = lines_of(world.cli("plan", "plan.yaml", "--values").err)
    assert '~ organization acme  name: "Acme" → "Acme Inc"' in found
    assert '~ membership a in acme  roles: ["boss"] → ["chief"]' in found
    shown = world.cli("plan", "plan.yaml", "--changes", "changes.jsonl")
    kinds = [json.loads(line)["kind"] for line in (world.plan.parent / "changes.jsonl").read_text().splitlines()]
    assert shown.code == 0 and kinds == ["organization", "role", "membership"]


def test_the_pool_is_shown_where_there_are_several(world: World) -> None:
    each = "".join(
        f"  - {{name: {one}, export: {{files: [{one}.jsonl], user_pool_id: us-east-1_{one}}}}}\n"
        for one in ("eu", "us")
    )
    world.write_plan(each.removesuffix("\n"))
    write(world, user("a", ANN), file="eu.jsonl")
    write(world, user("a", ANN.upper(), verified=False), user("b", BOB), file="us.jsonl")
    assert lines_of(world.cli("plan", "plan.yaml", "--show", "9").err) == [
        "+ user eu/a  email, email_verified, external_id",
        "+ user us/b  email, email_verified, external_id",
        "= user us/a  merge into eu/a",
    ]
    shown = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["diff"]["shown"]
    assert [(one["pool"], one["name"], one["into"]) for one in shown][-1] == ("us", "a", "eu/a")


def test_what_is_merged_already_is_no_change(changed: World) -> None:
    assert changed.cli("apply", "plan.yaml").code == 3
    assert lines_of(changed.cli("plan", "plan.yaml").err) == [
        f"! user c  conflict unverified_link ({changed.users()[CAT]['id']})"
    ]


def test_guards_that_apply_refuses_by_stand_in_the_text(changed: World) -> None:
    with changed.plan.open("a") as file:
        file.write("safety: {max_changes: 2}\n")
    ended = changed.cli("plan", "plan.yaml")
    assert "`migrate apply plan.yaml` would refuse: the plan would change 3 users, and safety.max_changes" in ended.err
    assert "(max_changes)" in ended.err
    refused = changed.cli("apply", "plan.yaml")
    assert refused.code == 1 and "safety.max_changes allows 2" in refused.err


def test_many_changes_are_listed_and_written_in_order(world: World) -> None:
    subs = [f"{at:03}" for at in range(600)]
    write(world, *(user(sub, f"p{sub}@example.com") for sub in reversed(subs)))
    ended = world.cli("plan", "plan.yaml", "--users", "create", "--changes", "changes.jsonl", "-q")
    assert ended.code == 0 and [line.split()[2] for line in ended.out.splitlines()] == subs
    written = (world.plan.parent / "changes.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in written] == subs
