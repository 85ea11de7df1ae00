"""Makes the state, half-way through a migration, that `test_version_1` upgrades; run once, with that version's code.

`python -m tests.upgrades.make_state FOLDER` writes pool.json, state.db and workos.db: 90 users of every kind, two of
them in conflict, merged ones, a connection, three e-mails sent, and a run that was killed with calls in flight.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import uuid
from contextlib import closing, suppress
from pathlib import Path

from engine.sandbox.options import Options
from engine.sandbox.process import SandboxProcess
from tests.support.cli import Cli
from tests.support.cognito import moto_server
from tests.support.pool_of_every_kind import pool_of
from tests.support.workos_reader import WorkOSReader
from tests.upgrades.world import POOL_ID, restore_pool, write_plan

FIRST, ALL = 60, 90
IN_CONFLICT = ("plain.1@example.com", "yes.1@example.com")


def make(out: Path) -> None:
    """Write the three files."""
    pool = pool_of(ALL)
    for at, record in enumerate(pool.records):
        sub = str(uuid.UUID(int=0xF1C0 * 2**80 + at * 7919 * 2**48 + at, version=4))
        record["Attributes"].insert(0, {"Name": "sub", "Value": sub})
    out.mkdir(parents=True, exist_ok=True)
    (out / "pool.json").write_text(json.dumps({"records": pool.records, "groups": pool.groups}, indent=0) + "\n")
    first = {one["Username"] for one in pool.records[:FIRST]}
    with tempfile.TemporaryDirectory() as name, moto_server() as endpoint:
        folder = Path(name)
        migrate, keep = folder / ".migrate", out.resolve()
        migrate.mkdir(mode=0o700)
        data, state = migrate / "acme.sandbox.workos.db", migrate / "acme.sandbox.state.db"
        with SandboxProcess(Options(data=data)) as sandbox:
            workos = WorkOSReader(sandbox.url, sandbox.api_key)
            for address, external_id in zip(IN_CONFLICT, ("somebody-elses", None), strict=True):
                user = {"email": address, "email_verified": False}
                workos.call(
                    "POST", "/user_management/users", user | ({"external_id": external_id} if external_id else {})
                )
        write_plan(folder / "plan.yaml", endpoint)
        cli = Cli(folder)
        groups = {group: [one for one in members if one in first] for group, members in pool.groups.items()}
        restore_pool(endpoint, pool.records[:FIRST], groups)
        ended = cli("apply", "plan.yaml", "--sandbox", "--json")
        assert ended.code == 3, ended.said
        sent = cli("resets", "send", "plan.yaml", "--sandbox", "--limit", "3", "--json")
        assert sent.code == 0, sent.said
        with closing(sqlite3.connect(state)) as held:
            before = held.execute("SELECT count(*) FROM users WHERE workos_id IS NOT NULL").fetchone()[0]
        _forget_pool()
        restore_pool(endpoint, pool.records, pool.groups)
        while True:
            process = cli.start("apply", "plan.yaml", "--sandbox", "--quiet")
            while process.poll() is None:
                with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as held:
                    claimed = held.execute("SELECT count(*) FROM users WHERE status = 'claimed'").fetchone()[0]
                    if claimed:
                        process.send_signal(signal.SIGKILL)
                        break
            process.communicate()
            with closing(sqlite3.connect(state)) as held:
                claimed = held.execute("SELECT count(*) FROM users WHERE status = 'claimed'").fetchone()[0]
                done = held.execute("SELECT count(*) FROM users WHERE workos_id IS NOT NULL").fetchone()[0]
            assert claimed and done >= before, (claimed, done, before)
            break
        time.sleep(1)  # the stand-in of the killed run folds its log away
        for path, kept in ((state, "state.db"), (data, "workos.db")):
            with closing(sqlite3.connect(path)) as held:
                held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                held.execute("PRAGMA journal_mode = DELETE")
            shutil.copy(path, keep / kept)


def _forget_pool() -> None:
    from moto.cognitoidp.models import cognitoidp_backends
    from moto.core import DEFAULT_ACCOUNT_ID

    from tests.support.cognito import REGION

    cognitoidp_backends[DEFAULT_ACCOUNT_ID][REGION].user_pools.pop(POOL_ID)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
