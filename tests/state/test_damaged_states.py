"""Damaged states of every kind, drawn at random: each is read as what it is, or refused and left as it is."""

from __future__ import annotations

import random
import resource
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from engine.model.errors import StateError
from engine.model.outcomes import ResourceRow
from engine.state import queries
from engine.state.file import StateFile
from engine.state.resets import ResetLedger
from tests.state.words import IDENTITY, KEY, claim, done, key, not_done
from tests.support.identity import IdentityWorld, record

RESULT = b'{"users": {"created": 3}, "duration_s": 1.5}'
FAULTS = ("state_damaged", "state_not_ours", "state_newer", "state_of_another")
TABLES = ("meta", "resources", "orphaned", "resets", "returned", "left_out", "runs")
JUNK: tuple[str, ...] = (
    "CAST(x'fffe' AS TEXT)", "x'00ff'", "NULL", "-1", "9e999", "1e300", "9223372036854775807", "'{'", "'[]'",
    "'{\"users\": 1}'",
    "'\u202e'", "''", "'nan'", "CAST(x'41ff42' AS TEXT)", "'{\"email\": [1]}'", "zeroblob(100000)",
)  # fmt: skip
Damage = Callable[[Path, random.Random], None]


@cache
def _whole(folder: Path) -> bytes:
    path = folder / "whole.db"
    with StateFile.open(path, IDENTITY, key=KEY) as state:
        state.advance([done(f"s{number:03}") for number in range(60)], [claim("c1", "create")], run_id="r1")
        state.advance([not_done("n1", "failed", "timeout"), not_done("n2", "conflict", "duplicate")], [], run_id="r1")
        state.begin_run("r1", "apply", 1_700_000_000.0)
        state.end_run("r1", 1_700_000_100.0, RESULT)
        state.put([ResourceRow("connection", key("Okta"), "conn_1", "00ff")])
        ResetLedger(state).intend(
            [("user_s001", key("s001"))], at=1_700_000_000.0, batch_at=1_700_000_000.0, run_id="r1"
        )
        with state.transaction() as connection:
            connection.execute("INSERT INTO left_out VALUES ('us-east-1_AbC/l1', 'status')")
            connection.execute("INSERT INTO orphaned VALUES ('user_o', 'us-east-1_AbC/s001', 'r1')")
            connection.execute("INSERT INTO returned VALUES ('user_s002', 'reset')")
    return path.read_bytes()


def _flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 3, 30))):
        content[draw.randrange(len(content))] = draw.randrange(256)
    path.write_bytes(content)


def _cut(path: Path, draw: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: draw.randrange(1, path.stat().st_size)])


def _overwrite(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    at, length = draw.randrange(len(content)), draw.choice((8, 100, 4096, 9000))
    content[at : at + length] = draw.choice((bytes(length), b"\xff" * length, draw.randbytes(length)))
    path.write_bytes(content)


def _replace_words(path: Path, draw: random.Random) -> None:
    word = draw.choice((b"email", b"user_s0", b"primary", b"created", b"apply", b"done", b"us-east-1", b"fields"))
    path.write_bytes(path.read_bytes().replace(word, draw.choice((b"\xff", b"{", b'"', b"\0")) * len(word)))


def _drop(path: Path, draw: random.Random) -> None:
    table = draw.choice(TABLES)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"DROP TABLE {table}")
        if draw.random() < 0.3:
            connection.execute(f"CREATE TABLE {table} (x)")


def _empty(path: Path, draw: random.Random) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        keys = [row[0] for row in connection.execute("SELECT key FROM meta")]
        connection.execute("DELETE FROM meta WHERE key = ?", (draw.choice(keys),))


def _put_junk(path: Path, draw: random.Random) -> None:
    table = draw.choice(TABLES)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        name = draw.choice([row[1] for row in connection.execute(f"PRAGMA table_info({table})")])
        where = draw.choice(("", f" WHERE {name} = (SELECT max({name}) FROM {table})"))
        connection.execute(f"UPDATE OR IGNORE {table} SET {name} = {draw.choice(JUNK)}{where}")


def _put_junk_past_the_schema(path: Path, draw: random.Random) -> None:
    """As in a file whose NOT NULL and types nobody enforced."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(replace(sql, ' NOT NULL', ''), ' TEXT', ' ANY')")
    _put_junk(path, draw)


DAMAGES: tuple[Damage, ...] = (
    _flip, _cut, _overwrite, _replace_words, _drop, _empty, _put_junk, _put_junk_past_the_schema,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(48))
async def test_some_damaged_states(tmp_path: Path, seed: int) -> None:
    await _try(tmp_path, seed)


@pytest.mark.long
async def test_two_thousand_damaged_states(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(1000, 3000):
        began = time.process_time()
        try:
            await _try(tmp_path, seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        assert time.process_time() - began < 10, f"seed {seed} takes long"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB


async def _try(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = folder / f"{seed}.state.db"
    path.write_bytes(_whole(folder))
    damage = DAMAGES[seed % len(DAMAGES)]
    damage(path, draw)
    before = path.read_bytes()
    try:
        _look(path)
        looked = True
    except StateError as refused:
        assert refused.code in FAULTS, (seed, damage.__name__, refused)
        assert refused.remedy and path.read_bytes() == before, (seed, damage.__name__)
        looked = False
    try:
        _work(path)
        assert looked, (seed, damage.__name__)
    except StateError as refused:
        assert refused.code in FAULTS and not looked, (seed, damage.__name__, refused)
        assert path.read_bytes() == before, (seed, damage.__name__)
    path.unlink()


def _look(path: Path) -> None:
    """All that `status`, `state list` and `state show` read."""
    state = StateFile.read(path, IDENTITY)
    assert state is not None
    with state:
        queries.count_users(state)
        for _, one in queries.users(state, queries.USER_LISTS):
            queries.user(state, one.key)
        queries.last_runs(state, 5)
        list(state.rows("connection"))
        state.some_workos_ids()


def _work(path: Path) -> None:
    """What a run does with it."""
    with StateFile.open(path, IDENTITY, key=KEY) as state:
        queries.last_runs(state, 5)
        state.advance([done("s001"), not_done("s002", "failed", "timeout")], [claim("s003", "update")], run_id="r2")
        queries.forget(state, ["s004"])


@pytest.mark.parametrize("value", JUNK)
@pytest.mark.parametrize(
    "column", ["fields", "status", "relation", "workos_id", "primary_key", "operation", "fingerprint", "attempts"]
)
async def test_a_plan_over_a_state_with_junk_in_it(tmp_path: Path, column: str, value: str) -> None:
    """Foreseen or refused; never a fault of ours."""
    world = IdentityWorld(tmp_path)
    await world.apply(record("s1", "ann@x.co"), record("s2", "bob@x.co"))
    with closing(sqlite3.connect(world.spec().state_path, isolation_level=None)) as connection:
        try:
            connection.execute(f"UPDATE resources SET {column} = {value} WHERE key LIKE '%/s1'")
        except sqlite3.IntegrityError:
            pytest.skip("SQLite refuses this value itself")
    try:
        await world.plan(record("s1", "ann@x.co"), record("s2", "bob@x.co"))
    except StateError as refused:
        assert refused.code == "state_damaged"
