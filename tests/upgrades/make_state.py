"""Makes the state, half-way through a migration, that `test_version_2` upgrades; run once, with that version's code.

`python -m tests.upgrades.make_state FOLDER` writes pool.json, state.db and workos.db: users of every kind, conflicts,
merged, orphaned, gone, skipped and departed ones, one whose update fails, two connections of which one could not be
made, e-mails that are sent, an e-mail under way when its run was killed, and an apply killed with calls in flight.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.sandbox.options import UNPACED
from tests.support.cli import Cli
from tests.support.cognito import moto_server
from tests.support.pool_of_every_kind import pool_of
from tests.support.sandbox_extras import Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader
from tests.upgrades.world import (
    ALL,
    E_MAILS_AT_ONCE,
    IN_CONFLICT,
    PROVIDERS,
    TWO_PROVIDERS,
    extra_records,
    give_subs,
    restore_pool,
    skip_decision,
    write_plan,
)

FIRST = 55


def make(out: Path) -> None:
    """Write the three files."""
    pool = pool_of(ALL)
    records = pool.records + extra_records()
    give_subs(records)
    first = {one["Username"] for one in pool.records[:FIRST] + records[ALL:]}
    with tempfile.TemporaryDirectory() as name, moto_server() as endpoint:
        folder = Path(name)
        migrate = folder / ".migrate"
        migrate.mkdir(mode=0o700)
        state, data = migrate / "acme.state.db", folder / "workos.db"
        with SandboxProcess(Options(data=data, quotas=UNPACED)) as sandbox:
            workos = WorkOSReader(sandbox.url, sandbox.api_key)
            for address, external_id in zip(IN_CONFLICT, ("somebody-elses", None), strict=True):
                user = {"email": address, "email_verified": False}
                workos.call(
                    "POST", "/user_management/users", user | ({"external_id": external_id} if external_id else {})
                )
            cli = Cli(folder)

            def plan(providers: str) -> None:
                write_plan(
                    folder / "plan.yaml", endpoint, base_url=sandbox.url, oauth_providers=providers,
                    password_reset=E_MAILS_AT_ONCE, decisions=skip_decision(),
                )  # fmt: skip

            def apply(code: int) -> None:
                ended = cli("apply", "plan.yaml", "--json")
                assert ended.code == code, ended.said

            plan(PROVIDERS)
            groups = {group: [one for one in members if one in first] for group, members in pool.groups.items()}
            restore_pool(endpoint, [one for one in records if one["Username"] in first], groups)
            apply(3)
            _send(cli, workos, state)

            # Both sides change: what a first run cannot show.
            _change(records)
            held = {user["email"]: user["id"] for user in workos.users()}
            workos.call("DELETE", f"/user_management/users/{held['gone@example.com']}")
            fails = {"method": "PUT", "path": f"^/user_management/users/{held['fails@example.com']}$"}
            no_adfs = {"method": "POST", "path": "^/connections$"}
            workos.call(
                "PUT", "/_sandbox/faults",
                {"next": [one | {"fault": "error_before", "times": 1000} for one in (fails, no_adfs)]},
            )  # fmt: skip
            plan(TWO_PROVIDERS)
            records = [one for one in records if one["Username"] != "left"]
            known = {one["Username"] for one in records} & first
            restore_pool(endpoint, [one for one in records if one["Username"] in known], groups, TWO)
            apply(3)

            # The rest of the pool: killed with some made, and some calls in flight.
            # Whose update fails is not in it: the run would take them up again.
            restore_pool(endpoint, [one for one in records if one["Username"] != "fails"], pool.groups, TWO)
            before = _count(state, "users")["done"]
            workos.call("PUT", "/_sandbox/faults", {"latency_ms": 600, "jitter_ms": 550})

            def half_way() -> bool:
                users = _count(state, "users")
                return users["done"] > before and users["claimed"] > 2 and users["failed"] == 1

            _kill_when(cli, ("apply", "plan.yaml", "--quiet"), half_way)
            assert half_way(), _count(state, "users")
        with closing(sqlite3.connect(state)) as held_state:
            # Made against a stand-in that can be told to fail; kept as the state of --sandbox, which needs no address.
            held_state.execute("UPDATE meta SET value = 'sandbox' WHERE key = 'destination'")
            held_state.commit()
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"records": records, "groups": pool.groups}, indent=0)
        (out / "pool.json").write_text(text + "\n", encoding="utf-8")
        for path, kept in ((state, "state.db"), (data, "workos.db")):
            with closing(sqlite3.connect(path)) as held_file:
                held_file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                held_file.execute("PRAGMA journal_mode = DELETE")
            shutil.copy(path, out / kept)


TWO = ("Google", "Okta", "Adfs")


def _send(cli: Cli, workos: WorkOSReader, state: Path) -> None:
    """Three e-mails; one person comes back; then a run that is killed while it sends."""
    sent = cli("resets", "send", "plan.yaml", "--limit", "3", "--json")
    assert sent.code == 0, sent.said
    back = {"email": "returns@example.com"}
    token = workos.call("POST", "/user_management/password_reset", back)["password_reset_token"]
    given = {"token": token, "new_password": "correct horse battery"}
    workos.call("POST", "/user_management/password_reset/confirm", given)
    with closing(sqlite3.connect(state)) as held:  # the batch before is over
        held.execute("UPDATE resets SET batch_at = batch_at - 61, intent_at = intent_at - 61")
        held.commit()
    workos.call("PUT", "/_sandbox/faults", {"latency_ms": 400})

    def half_way() -> bool:
        mails = _count(state, "resets")
        return mails["sent"] > 4 and mails["intended"] > 0

    _kill_when(cli, ("resets", "send", "plan.yaml", "--limit", "20", "--quiet"), half_way)
    workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})
    assert half_way(), _count(state, "resets")


def _change(records: list[dict[str, Any]]) -> None:
    """In Cognito: two people turn out to be one, one moves, one changes a name, who left goes later."""
    changes = {
        "twin": {"email": "other.twin@example.com"},
        "moves": {"email": "moved@example.com"},
        "fails": {"given_name": "Changed"},
    }
    for record in records:
        values = {one["Name"]: one["Value"] for one in record["Attributes"]} | changes.get(record["Username"], {})
        record["Attributes"] = [{"Name": name, "Value": value} for name, value in values.items()]


def _kill_when(cli: Cli, command: tuple[str, ...], ready: Callable[[], bool]) -> None:
    process = cli.start(*command)
    until = time.monotonic() + 120
    while not ready():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(1)  # what was in flight arrives


def _count(state: Path, table: str) -> Counter[str]:
    """Rows by status, at one moment; for reading alone, which disturbs no run."""
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as held:
        return Counter(dict(held.execute(f"SELECT status, count(*) FROM {table} GROUP BY status").fetchall()))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
