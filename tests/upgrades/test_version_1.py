"""A state that version 1 of its format left half-way: it goes on, and nothing is written twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.cognito import moto_server
from tests.support.pool_of_every_kind import pool_of
from tests.upgrades.world import ALL, IN_CONFLICT, read_records, restore_pool, write_plan

KEPT = Path(__file__).parent / "version_1"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    migrate = tmp_path / ".migrate"
    migrate.mkdir(mode=0o700)
    for kept, name in (("state.db", "acme.sandbox.state.db"), ("workos.db", "acme.sandbox.workos.db")):
        shutil.copy(KEPT / kept, migrate / name)
        (migrate / name).chmod(0o600)
    return Cli(tmp_path)


def held(folder: Path) -> dict[str, dict[str, Any]]:
    """What the stand-in holds, by address."""
    with closing(sqlite3.connect(folder / ".migrate" / "acme.sandbox.workos.db")) as connection:
        connection.row_factory = sqlite3.Row
        return {row["email"]: dict(row) for row in connection.execute("SELECT * FROM users")}


def test_a_state_of_version_1_goes_on(cli: Cli) -> None:
    records, groups = read_records(KEPT / "pool.json")
    wanted = {address: one for address, one in pool_of(ALL).wanted.items() if address not in IN_CONFLICT}
    with closing(sqlite3.connect(KEPT / "state.db")) as state:
        done = {row[0] for row in state.execute("SELECT workos_id FROM users WHERE status = 'done'")}
        claimed = state.execute("SELECT count(*) FROM users WHERE status = 'claimed'").fetchone()[0]
        mailed = {row[0] for row in state.execute("SELECT workos_id FROM resets")}
    assert done and claimed and len(mailed) == 3
    before = held(cli.folder)

    with moto_server() as endpoint:
        restore_pool(endpoint, records, groups)
        write_plan(cli.folder / "plan.yaml", endpoint)
        status = cli("status", "plan.yaml", "--sandbox", "--json").json("status.v1")
        assert status["users"]["conflicts"] == 2
        ended = cli("apply", "plan.yaml", "--sandbox", "--json")
        result = ended.json("result.v1")
        after = held(cli.folder)
        again = cli("apply", "plan.yaml", "--sandbox", "--json").json("result.v1")
        sent = cli("resets", "send", "plan.yaml", "--sandbox", "--limit", "100", "--json")

    assert ended.code == 3 and {one["code"] for one in result["failures"]} == {"other_external_id", "unverified_link"}
    assert result["connections"]["items"][0]["action"] == "unchanged"
    # Everybody is there once with the right fields, and who was done before was not written again.
    assert set(after) == {*wanted, *IN_CONFLICT}
    for address, one in wanted.items():
        user = after[address]
        assert (bool(user["email_verified"]), user["first_name"], user["last_name"], json.loads(user["metadata"])) == (
            one["email_verified"], one["first_name"], one["last_name"], one["metadata"],
        )  # fmt: skip
        if address in before:
            assert user["id"] == before[address]["id"]
        if user["id"] in done:
            assert user["updated_at"] == before[address]["updated_at"]
    assert again["requests"]["writes"] == 0 and again["users"]["conflicts"] == 2
    # Who was mailed before is not mailed again, however much later this test runs.
    assert sent.code == 0, sent.said
    with closing(sqlite3.connect(cli.folder / ".migrate" / "acme.sandbox.workos.db")) as connection:
        addressed = [row[0] for row in connection.execute("SELECT user_id FROM password_resets")]
    assert len(addressed) == len(set(addressed)) and mailed <= set(addressed)
