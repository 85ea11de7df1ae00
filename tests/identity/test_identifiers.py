"""`ids` and every other view with names that mean harm: stored as they are, shown so that nothing obeys them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from engine.snapshot.identifiers import Identifiers
from engine.views.identifiers import as_csv, as_jsonl, as_sql, csv_line
from tests.acceptance.conftest import World
from tests.support.cli import check, export_source
from tests.support.postgresql import postgresql

HOSTILE = {
    "escape": "\x1b[31mred\x1b]0;title\x07\x7f",
    "c1": "\x9b31mred",
    "rtl": "evil\u202egnp.exe\u2066\u200f",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+cmd()",
    "at": "@SUM(A1)",
    "minus": "-2+3+cmd()",
    "wide": "＝cmd()",
    "tab": "\t=cmd()",
    "quotes": "\"';DROP TABLE cognito_workos_users;--\\",
    "backslash": "\\'; \\! id \\",
    "newlines": "a\nb\r\nc\u2028d\u0085",
    "dollars": "$$ $1 :var {{x}} %s",
    "unicode": "Zoë 名前 \U0001f600\U000e0041",
    "long": "x'" * 1024,
}
NAMES = list(HOSTILE)


def subs(name: str) -> str:
    return f"00000000-0000-4000-8000-{NAMES.index(name):012}"


def record(name: str, text: str, **more: str) -> dict[str, Any]:
    identities = json.dumps([{"userId": text[:200], "providerName": text[:32], "providerType": "Google"}])
    ascii_text = text if text.isascii() else ""
    attributes = {
        "sub": subs(name),
        "email": f"{name}@example.com",
        "email_verified": "true",
        "given_name": text,
        "family_name": text[::-1],
        "custom:note": ascii_text[:600],
        "identities": identities,
        **more,
    }
    return {
        "Username": text,
        "Attributes": [{"Name": key, "Value": value} for key, value in attributes.items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }


def rows() -> list[Identifiers]:
    made = [
        Identifiers(subs(name), text, ((text[:32], text[:200]),), f"user_{name}", "primary")
        for name, text in HOSTILE.items()
    ]
    return [
        *made,
        Identifiers("m", "mallory", (("Google", "1"), ("Google", "1")), "user_long", "unverified"),
        Identifiers("n", "nobody's", (), None, "primary"),
        Identifiers("o", None, (), "user_quotes", "merged"),
    ]


def obeyed(text: str) -> list[str]:
    """Characters that a terminal would act upon; what is left are lines of plain text."""
    return [char for char in text if not (char.isprintable() or char == "\n")]


def test_csv_runs_in_no_spreadsheet_and_moves_no_cursor() -> None:
    text = "".join(line + "\n" for line in as_csv(rows()))
    assert obeyed(text) == []
    read = list(csv.reader(io.StringIO(text)))
    assert read[0] == ["cognito_sub", "cognito_username", "identities", "workos_user_id", "relation"]
    assert [len(row) for row in read] == [5] * (len(rows()) + 1)
    assert not [cell for row in read for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]
    assert [row[1] for row in read[1:] if row[0] == subs("formula")] == ["'" + HOSTILE["formula"]]
    assert [row[1] for row in read[1:] if row[0] == subs("long")] == [HOSTILE["long"]]
    assert [row[1:] for row in read[1:] if row[0] == "o"] == [["", "", "user_quotes", "merged"]]


def test_json_lines_are_faithful_and_move_no_cursor() -> None:
    lines = list(as_jsonl(rows()))
    assert [obeyed(line) for line in lines] == [[]] * len(lines)
    read = [json.loads(line) for line in lines]
    assert [one["cognito_username"] for one in read] == [row.username for row in rows()]
    assert [one["identities"] for one in read[: len(HOSTILE)]] == [
        [{"provider": text[:32], "user_id": text[:200]}] for text in HOSTILE.values()
    ]
    check({"schema": "ids.v1", "plan": "p", "command": "ids", "ids": read}, "ids.v1")


def test_sql_is_plain_text_without_unverified_relations_unless_asked() -> None:
    plain, asked = ("\n".join(as_sql(rows(), include_unverified=one)) for one in (False, True))
    assert obeyed(plain) == obeyed(asked) == []
    assert "mallory" not in plain and "'unverified'" not in plain and "'mallory', 'user_long', 'unverified'" in asked
    assert "nobody" not in plain + asked


def test_sql_loads_into_postgresql_and_comes_back_as_it_was() -> None:
    with postgresql() as server:
        for _ in range(2):
            server.load("\n".join(as_sql(rows(), include_unverified=False)))
            made = [
                [row.sub, row.username, row.workos_id, row.relation]
                for row in rows()
                if row.workos_id and row.relation != "unverified"
            ]
            assert server.rows("cognito_workos_users", 'cognito_sub COLLATE "C"') == made
            assert server.rows("cognito_workos_identities", 'cognito_sub COLLATE "C"') == [
                [text[:32], text[:200], subs(name), f"user_{name}", "primary"] for name, text in HOSTILE.items()
            ]
        server.load("\n".join(as_sql(rows(), include_unverified=True)))
        found = {row[0]: row[1:] for row in server.rows("cognito_workos_users", "cognito_sub")}
        assert found["m"] == ["mallory", "user_long", "unverified"]

        # Once more without them: what was there from before is taken out, and what moved has moved.
        moved = [*rows()[:-1], Identifiers("o", None, (), "user_at", "primary")]
        server.load("\n".join(as_sql(moved, include_unverified=False)))
        found = {row[0]: row[1:] for row in server.rows("cognito_workos_users", "cognito_sub")}
        assert "m" not in found and found["o"] == [None, "user_at", "primary"]
        assert "m" not in [row[2] for row in server.rows("cognito_workos_identities", "cognito_sub")]


def test_sql_of_many_batches_loads() -> None:
    many = [
        Identifiers(
            f"{at:05}", f"user'{at}", (("Google", str(at)),), f"user_{at}", ("primary", "unverified")[at % 7 == 0]
        )
        for at in range(2600)
    ]
    with postgresql() as server:
        server.load("\n".join(as_sql(many, include_unverified=False)))
        assert [row[0] for row in server.rows("cognito_workos_users", "cognito_sub")] == [
            row.sub for row in many if row.relation == "primary"
        ]


def test_an_empty_list_loads() -> None:
    with postgresql() as server:
        server.load("\n".join(as_sql([], include_unverified=False)))
        assert server.rows("cognito_workos_users", "cognito_sub") == []


@pytest.fixture
def hostile(world: World) -> World:
    """Hostile names, some of them in conflict, all in the export; nothing migrated yet."""
    conflict = record("rtl", "\u202eevil\x1b[2J", **{"sub": "=1+1\x1b[2J", "email": "c@example.com"})
    conflict["Attributes"].append({"Name": "custom:tier", "Value": "nicht ASCII: \xfc\x1b[31m"})
    twin = record("at", "\x1b[5mtwin", **{"sub": "ffffffff-0000-4000-8000-000000000000", "email_verified": "false"})
    users = [record(name, text) for name, text in HOSTILE.items()] + [conflict, twin]
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    attributes = "{metadata: {note: 'custom:note', tier: 'custom:tier'}}"
    world.write_plan(export_source("users.jsonl"), attributes=attributes, keep_snapshot="true")
    return world


def test_hostile_names_are_stored_faithfully_and_shown_harmlessly(hostile: World) -> None:
    run = hostile.cli
    said = {"plan": run("plan", "plan.yaml"), "apply": run("apply", "plan.yaml")}
    assert (said["plan"].code, said["apply"].code) == (0, 3)

    held = hostile.users()
    assert len(held) == len(HOSTILE)
    for name, text in HOSTILE.items():
        user = held[f"{name}@example.com"]
        assert (user["first_name"], user["last_name"]) == (text, text[::-1])
        assert user["metadata"] == ({"note": text[:600]} if text.isascii() else {})

    commands = [
        ["plan", "--json"],
        ["apply", "--json"],
        ["status"],
        ["status", "--json"],
        *(["status", "--users", "conflicts,merged,migrated", "--names", "--format", one] for one in ("text", "csv")),
        *(["ids", "--format", one] for one in ("csv", "jsonl", "sql")),
        ["verify"],
        ["verify", "--json"],
    ]
    for one, *options in commands:
        said[" ".join([one, *options])] = run(one, "plan.yaml", *options)
    assert {
        name: obeyed(ended.said.replace("\t", ""))
        for name, ended in said.items()
        if obeyed(ended.said.replace("\t", ""))
    } == {}

    listed = run("ids", "plan.yaml", "--json").json("ids.v1")["ids"]
    usernames = {one["cognito_sub"]: one["cognito_username"] for one in listed}
    assert {subs(name): text for name, text in HOSTILE.items()}.items() <= usernames.items()
    assert [json.loads(line) for line in said["ids --format jsonl"].out.splitlines()] == listed
    relations = {one["cognito_sub"]: (one["workos_user_id"], one["relation"]) for one in listed}
    assert relations["=1+1\x1b[2J"] == (None, "primary")
    assert relations["ffffffff-0000-4000-8000-000000000000"] == (held["at@example.com"]["id"], "unverified")
    assert "twin" not in said["ids --format sql"].out
    with postgresql() as server:
        server.load(said["ids --format sql"].out)
        loaded = {row[0]: (row[1], row[2]) for row in server.rows("cognito_workos_users", "cognito_sub")}
    assert loaded == {subs(name): (text, held[f"{name}@example.com"]["id"]) for name, text in HOSTILE.items()}


@pytest.mark.parametrize(
    "arguments",
    [
        ["ids", "plan.yaml", "--json"],
        ["status", "plan.yaml", "--users", "migrated", "--names", "--json"],
        ["status", "plan.yaml", "--users", "migrated", "--names", "--format", "jsonl"],
    ],
)
def test_json_moves_no_cursor(hostile: World, arguments: list[str]) -> None:
    hostile.cli("apply", "plan.yaml")
    assert obeyed(hostile.cli(*arguments).out) == []


def test_ids_reads_the_pool_where_no_snapshot_was_kept(hostile: World) -> None:
    hostile.cli("apply", "plan.yaml")
    with_snapshot = hostile.cli("ids", "plan.yaml").out
    for path in hostile.migrate_dir.glob("*.snapshot.db"):
        path.unlink()
    assert hostile.cli("ids", "plan.yaml", WORKOS_API_KEY="").out == with_snapshot
    assert not list(hostile.migrate_dir.glob("*.snapshot.db"))


def test_ids_before_any_apply_says_so(hostile: World) -> None:
    ended = hostile.cli("ids", "plan.yaml", "--json")
    assert ended.code == 1 and "run `migrate apply plan.yaml` first" in ended.error()


def test_csv_after_a_semicolon_and_telephone_numbers() -> None:
    def cell(text: str) -> str:
        return next(csv.reader(io.StringIO(csv_line([text]))))[0]

    assert cell("a;=cmd();b") == "a;'=cmd();b" and cell("; @SUM(A1)") == ";' @SUM(A1)" and cell("\t=1") == "'\\x09=1"
    assert cell("\r+x") == "'\\x0d+x" and cell("a=b;c-d") == "a=b;c-d"
    assert cell("+4912345;-1") == "+4912345;-1" and cell("+1+2") == "'+1+2" and cell("-1;+cmd") == "-1;'+cmd"


@pytest.mark.parametrize("name", ["x://b:", "sk_live_abcdef", "sk_test_0123456789abcdef", "AKIAABCDEFGHIJKLMNOP"])
def test_a_name_that_looks_like_a_secret_is_data(world: World, name: str) -> None:
    people = [record("escape", "plain"), record("c1", "plain") | {"Username": name}]
    people[1]["Attributes"][1]["Value"] = "x@y.example.com"
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people))
    assert world.cli("apply", "plan.yaml").code == 0
    ended = world.cli("ids", "plan.yaml", "--json")
    assert name in [one["cognito_username"] for one in json.loads(ended.out)["ids"]]
    read = list(csv.reader(io.StringIO(world.cli("ids", "plan.yaml").out)))
    assert [len(row) for row in read] == [5] * 3 and name in [row[1] for row in read]
    assert f"'{name}'" in world.cli("ids", "plan.yaml", "--format", "sql").out
