"""A state that version 2 of its format left half-way, e-mails and connections too: it goes on, and nothing is twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.cognito import moto_server
from tests.support.pool_of_every_kind import pool_of
from tests.upgrades.world import (
    ALL,
    E_MAILS_AT_ONCE,
    IN_CONFLICT,
    TWO_PROVIDERS,
    read_records,
    restore_pool,
    skip_decision,
    sub_of_extra,
    write_plan,
)

KEPT = Path(__file__).parent / "version_2"
LISTS = "failed,conflicts,skipped,merged,pending,migrated,left_source,left_out"
# Who is there beside the pool of every kind, by the name under which they are held.
HELD = {"left": "Left", "twin": "Twin", "other.twin": "Other.Twin", "moved": "Moves", "fails": "Changed",
        "returns": "Returns"}  # fmt: skip


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    migrate = tmp_path / ".migrate"
    migrate.mkdir(mode=0o700)
    for kept, name in (("state.db", "acme.sandbox.state.db"), ("workos.db", "acme.sandbox.workos.db")):
        shutil.copy(KEPT / kept, migrate / name)
        (migrate / name).chmod(0o600)
    return Cli(tmp_path)


def workos(folder: Path, query: str) -> list[dict[str, Any]]:
    """What the stand-in holds."""
    with closing(sqlite3.connect(folder / ".migrate" / "acme.sandbox.workos.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def users(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["email"]: row for row in workos(folder, "SELECT * FROM users")}


def listed(status: dict[str, Any]) -> dict[str, tuple[str, str | None, str | None]]:
    """Status, code and WorkOS id by sub, of everybody that the state names."""
    return {row["source_id"]: (row["status"], row["code"], row["workos_id"]) for row in status["listed"]}


def test_a_state_of_version_2_goes_on(cli: Cli) -> None:
    records, groups = read_records(KEPT / "pool.json")
    with closing(sqlite3.connect(KEPT / "state.db")) as state:
        assert state.execute("PRAGMA user_version").fetchone() == (2,)
        statuses = Counter(dict(state.execute("SELECT status, count(*) FROM users GROUP BY status")))
        done = {row[0] for row in state.execute("SELECT workos_id FROM users WHERE status = 'done'")}
        mails = Counter(dict(state.execute("SELECT status, count(*) FROM resets GROUP BY status")))
        (okta,) = state.execute("SELECT value FROM meta WHERE key = 'connection:Okta'").fetchone()
        returned = state.execute("SELECT count(*) FROM returned").fetchone()[0]
    assert statuses["claimed"] > 2 and statuses["failed"] == statuses["gone"] == statuses["skipped"] == returned == 1
    assert mails["sent"] and mails["intended"]
    before, addressed = users(cli.folder), workos(cli.folder, "SELECT user_id FROM password_resets")

    with moto_server() as endpoint:
        restore_pool(endpoint, records, groups, ("Google", "Okta", "Adfs"))
        plan: dict[str, str] = {"oauth_providers": TWO_PROVIDERS, "password_reset": E_MAILS_AT_ONCE}
        write_plan(cli.folder / "plan.yaml", endpoint, **plan, decisions=skip_decision())
        run = ("plan.yaml", "--sandbox", "--json")
        status = cli("status", *run, "--users", LISTS).json("status.v1")
        planned = cli("plan", *run).json("plan-result.v1")
        applied = cli("apply", *run)
        after = users(cli.folder)
        again = cli("apply", *run).json("result.v1")
        settled = cli("status", *run, "--users", LISTS).json("status.v1")
        sent = cli("resets", "send", *run)

    # What was known is still known.
    assert {name: status["users"][name] for name in ("failed", "conflicts", "skipped", "left_source", "orphaned")} == {
        "failed": 1, "conflicts": 3, "skipped": 1, "left_source": 1, "orphaned": 1,
    }  # fmt: skip
    assert status["users"]["pending"] == statuses["claimed"] and status["users"]["left_out"] > 10
    known = listed(status)
    assert known[sub_of_extra("fails")][:2] == ("failed", "http_500")
    assert known[sub_of_extra("gone")][:2] == ("gone", "gone")
    assert [one["command"] for one in status["runs"]] == ["apply"] * 3
    assert [one["ended"] is None for one in status["runs"]] == [True, False, False]

    # The connection is known; the one that failed is made now.
    result = applied.json("result.v1")
    assert applied.code == 3
    assert Counter(one["code"] for one in result["failures"]) == {
        "other_external_id": 1,
        "unverified_link": 1,
        "gone": 1,
    }
    items = {one["provider"]: one for one in result["connections"]["items"]}
    assert {name: one["action"] for name, one in items.items()} == {"Okta": "unchanged", "Adfs": "created"}
    assert items["Okta"]["connection_id"] == okta.partition(" ")[0]
    assert planned["connections"] | {"items": 0} == {
        "create": 1, "update": 0, "unchanged": 1, "conflicts": 0, "items": 0,
    }  # fmt: skip
    assert result["redirect_uris"] == {"created": 0, "unchanged": 1, "failed": 0, "conflicts": 0, "pending": 0}
    assert len(workos(cli.folder, "SELECT id FROM connections")) == 2

    # Everybody is there once with the right fields, and who was done before was not written again.
    wanted = {address: one for address, one in pool_of(ALL).wanted.items() if address not in IN_CONFLICT}
    assert set(after) == {*wanted, *IN_CONFLICT, *(f"{name}@example.com" for name in HELD)}
    for address, one in wanted.items():
        user = after[address]
        assert (bool(user["email_verified"]), user["first_name"], user["last_name"], json.loads(user["metadata"])) == (
            one["email_verified"], one["first_name"], one["last_name"], one["metadata"],
        )  # fmt: skip
    assert {name: after[f"{name}@example.com"]["first_name"] for name in HELD} == HELD
    assert before["fails@example.com"]["first_name"] == "Fails"
    for address, user in before.items():
        assert after[address]["id"] == user["id"]
        if user["id"] in done or address in ("twin@example.com", *IN_CONFLICT):
            assert after[address]["updated_at"] == user["updated_at"]
    assert again["requests"]["writes"] == 0 and again["users"]["conflicts"] == 3

    # What a state has of its own: in no second way could it be told.
    now = listed(settled)
    assert (settled["users"]["failed"], settled["users"]["pending"]) == (0, 0)
    for name in ("skipped", "left", "twin", "gone"):
        assert now[sub_of_extra(name)] == known[sub_of_extra(name)]
    assert all(now[sub][2] == workos_id for sub, (_, _, workos_id) in known.items() if workos_id is not None)
    assert {name: settled["users"][name] for name in ("skipped", "left_source", "orphaned", "left_out")} == {
        "skipped": 1, "left_source": 1, "orphaned": 1, "left_out": sum(result["source"]["filtered"].values()),
    }  # fmt: skip

    # Nobody is mailed twice, however much later this test runs: WorkOS forgets its events, and then nobody can say
    # what became of an e-mail under way. Who came back is not mailed again.
    mailed = [row["user_id"] for row in workos(cli.folder, "SELECT user_id FROM password_resets")]
    campaign = sent.json("resets-send.v1")
    assert sent.code == (3 if campaign["users"]["unknown"] else 0), sent.said
    assert len(mailed) == len(set(mailed)) == len(addressed) + campaign["users"]["sent"]
    assert campaign["users"]["sent"] > 0 and campaign["users"]["left"] == campaign["users"]["failed"] == 0
    assert campaign["not_mailed"]["returned"] == 1
