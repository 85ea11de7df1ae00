"""No statement of ours reads a whole table inside a loop: what a run takes grows with its users, not their square."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.sandbox.options import Options, Quotas
from engine.sandbox.process import SandboxProcess
from engine.state.queries import USER_LISTS
from tests.support.cli import ROOT, export_source, plan_text
from tests.support.migration import invent_pool, with_duplicates
from tests.support.query_plans import QueryPlans, collapsed, recorded, scans_in_loops
from tests.upgrades.world import POOL_ID, read_records

# One row by its key, whatever else the statement says.
_BY_KEY = re.compile(r"INSERT .*VALUES \(|.* WHERE (kind = \? AND )?(key|workos_id) = \?")
_SQL = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|WITH)\s")
# Run where WorkOS has far more users than the pool, by a decision to adopt, and over a live pool (a groups filter, the
# domains of a connection, sign-in factors); each reads by key, or all of one table once.
ELSEWHERE = (
    # Of `migrate rollback --target user_…`, by an index.
    "SELECT key FROM resources WHERE kind = 'user' AND workos_id = ? AND relation = 'primary'",
    # Of `migrate init`, over a snapshot of its own.
    "SELECT reason, count(*) FROM record WHERE reason IS NOT NULL GROUP BY 1",
    "SELECT count(*), coalesce(sum(number), 0) FROM ( SELECT count(*) AS number FROM record",
    "SELECT count(*), count(*) FILTER (WHERE reason IS NULL)",
    "SELECT key, username FROM record WHERE reason IS NULL AND native ORDER BY key",
    "SELECT status, count(*) FROM record GROUP BY 1",
    # Of a plan with several pools.
    "SELECT key, traits, reason IS NOT NULL FROM record",
    "SELECT key, workos_id FROM change WHERE kind = 'user' AND action = 'conflict' AND code = ?",
    "SELECT user_id FROM asked_membership WHERE organization = ?",
    # Of `migrate explain`, once a WorkOS id or an address that somebody else has.
    "SELECT key FROM record WHERE external_id = ? AND reason IS NULL",
    "SELECT c.key, r.email FROM change c JOIN record r ON r.key = c.key WHERE c.kind = 'user' AND c.workos_id = ?",
    # Of a kind and an action, put in.
    "SELECT key FROM (SELECT key FROM change WHERE kind = '{kind}' AND action = '{action}' ORDER BY key LIMIT ?1)",
    "SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL",
    "SELECT external_id, email FROM unplaced",
    "SELECT r.primary_key, r.external_id, r.email, k.workos_id, t.user",
    "SELECT DISTINCT m.username, g.name FROM group_member{n} m JOIN pool_group{n} g ON g.id = m.group_id",
    "SELECT coalesce(r.primary_key, r.key) AS person, r.key, r.email, r.identities, max(p.password, p.passwordless)",
    "SELECT key FROM person",
    "SELECT 1 FROM resources WHERE kind = 'user' AND workos_id = ? AND password = 1 AND relation = 'primary' LIMIT 1",
    "SELECT count(*) FROM record WHERE reason IS NULL AND native AND relation != 'unverified'",
    # Of leavers and conflicts, where a report or `ready` has some.
    "SELECT p.key FROM record r JOIN record p ON p.key = coalesce(r.primary_key, r.key)",
    "SELECT r.key, r.username, coalesce(r.primary_key, r.key) AS person FROM record r WHERE r.native",
    "SELECT r.key, r.username FROM record r WHERE r.native",
    "SELECT r.key, r.username, k.workos_id FROM record r LEFT JOIN known_user k ON k.key = r.key WHERE r.reason",
    "SELECT key, username FROM record WHERE (key = ?1 OR primary_key = ?1)",
    "SELECT joins FROM record WHERE key = ?",
    "UPDATE record SET password = 0, passwordless = 1 WHERE primary_key IS NULL",
    "SELECT count(*) FROM change c JOIN record r ON r.key = c.key WHERE c.kind = 'user' AND c.action = 'create'",
    "SELECT workos_id FROM ( SELECT workos_id FROM known_user WHERE workos_id IS NOT NULL AND status != 'gone'",
)
FOLDERS = ("snapshot", "state", "resets")


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("SELECT * FROM a", []),
        ("SELECT * FROM a JOIN b ON b.id = a.x", []),
        ("SELECT * FROM a JOIN b ON b.x > a.x", ["SCAN b"]),
        ("SELECT * FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.x > a.x)", ["SCAN b"]),
        ("SELECT * FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.x)", []),
        ("SELECT * FROM a WHERE x IN (SELECT x FROM b)", []),
    ],
)
def test_a_scan_inside_a_loop_is_seen(query: str, faults: list[str]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript("CREATE TABLE a (id INTEGER PRIMARY KEY, x); CREATE TABLE b (id INTEGER PRIMARY KEY, x)")
    assert scans_in_loops(connection.execute("EXPLAIN QUERY PLAN " + query)) == faults
    connection.close()


def test_no_statement_scans_inside_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKOS_API_KEY", "sk_test_sandbox")
    monkeypatch.chdir(tmp_path)
    plans = QueryPlans()
    unlimited = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)
    # One for all commands: each would start its own.
    with SandboxProcess(Options(quotas=unlimited)) as workos, recorded(plans):
        for arguments in _commands(tmp_path, workos.url):
            ended = CliRunner().invoke(app, [*arguments, "--json"])
            assert ended.exception is None or isinstance(ended.exception, SystemExit), (arguments, ended.exception)
            assert '"error.v1"' not in ended.output, (arguments, ended.output)
    assert plans.faults == set()
    ran = "\n".join(plans.statements)
    unseen = {text for text in _written() if text not in ran and not text.startswith(ELSEWHERE)}
    assert unseen == set(), "statements that the commands above never run"


def _commands(folder: Path, url: str) -> Iterator[list[str]]:
    """Every command that has a database, over people of every kind; what lies between them is done here."""
    people = with_duplicates(invent_pool(60))
    decided: dict[str, list[Any]] = {"decisions": [{"sub": _sub(one), "action": "skip"} for one in people[:4]]}
    _write(folder, url, people, **decided)
    yield ["apply", "plan.yaml"]
    made_up = {"no_email": "placeholder", "placeholder": "{sub}@no-email.acme.com"}
    _write(folder, url, people, duplicates={"strategy": "error"}, **made_up)
    yield ["plan", "plan.yaml"]
    _write(folder, url, people[1:])
    for command in ("plan", "apply", "apply", "verify", "ids", "status"):
        yield [command, "plan.yaml"]
    yield ["verify", "plan.yaml", "--sample", "20"]
    for name in (*USER_LISTS,):
        yield ["status", "plan.yaml", "--users", name]
    yield ["state", "list", "plan.yaml"]
    yield ["state", "show", "plan.yaml", _sub(people[5])]
    yield ["state", "forget", "plan.yaml", _sub(people[5])]
    _write(folder, url, people[1:], attributes={"metadata": {"plan": "custom:plan"}})
    yield ["plan", "plan.yaml", "--values", "--changes", str(folder / "changes.jsonl")]
    _write(folder, url, people[1:], password_reset={"strategy": "email"})
    yield ["resets", "send", "plan.yaml"]
    yield ["resets", "status", "plan.yaml"]
    yield ["resets", "sync", "plan.yaml"]
    _write(folder, url, people[1:], password_reset={"strategy": "email", "email": {"deliver": "file"}})
    yield ["resets", "send", "plan.yaml"]
    placed = {"from": "attribute", "attribute": "custom:plan", "unmapped": "create", "remove_missing": True}
    for changed in (placed, placed | {"unmapped": "skip", "map": {"gold": {"organization": "gold"}}}):
        _write(folder, url, people, organizations=changed, attributes={"external_id": "sub"})
        yield ["plan", "plan.yaml", "--changes", str(folder / "changes.jsonl")]
        yield ["apply", "plan.yaml", "--limit", "3"]
        yield ["apply", "plan.yaml", "--target", _sub(people[7]), "--target", "person11@example.com"]
        yield ["apply", "plan.yaml"]
    yield ["verify", "plan.yaml"]
    first = {"name": "first", "from": "2026-01-01", "attributes": [{"name": "custom:plan", "in": ["gold"]}]}
    waves = {"sample": {"percent": 40}, "cohorts": [first, {"name": "rest", "from": "2026-02-01"}]}
    _write(folder, url, people, organizations=placed, attributes={"external_id": "sub"}, filters=waves)
    for command in ("plan", "apply", "verify", "status"):
        yield [command, "plan.yaml", "--as-of", "2026-01-15"]
    yield ["apply", "plan.yaml", "--as-of", "2026-02-01", "--target", "person8@example.com"]
    for who in (_sub(people[7]), "person11@example.com"):
        yield ["explain", "plan.yaml", who]
    for what in ("organizations", "memberships"):
        yield ["ids", "plan.yaml", "--what", what]
    review = str(folder / "reviewed")
    # More than a guard allows have left, and then somebody signs up.
    for more in ([], invent_pool(1, 5, first=100)):
        _write(folder, url, people[:30] + more, organizations=placed, attributes={"external_id": "sub"})
        if not more:
            yield ["plan", "plan.yaml", "--out", review]
        yield ["apply", "plan.yaml", "--expect", review, "--allow-growth"]
    _write(folder, url, people, organizations=placed, attributes={"external_id": "sub"})
    yield ["report", "plan.yaml", "--values", "--out", str(folder / "report.html")]
    for options in ([], ["--target", _sub(people[20])]):
        yield ["purge", "plan.yaml", *options]
    for options in ([], ["--limit", "3"], ["--yes", "--target", _sub(people[8])], ["--yes"]):
        yield ["rollback", "plan.yaml", *options]
    yield ["plan", _older(folder / "older"), "--sandbox"]


def _older(folder: Path) -> str:
    """A plan whose state is of an older version."""
    (folder / ".migrate").mkdir(parents=True)
    kept = ROOT / "tests" / "upgrades" / "version_1"
    for name in ("state", "workos"):
        shutil.copy(kept / f"{name}.db", folder / ".migrate" / f"acme.sandbox.{name}.db")
    records, _ = read_records(kept / "pool.json")
    dated = [{**one, "UserCreateDate": 1_700_000_000, "UserLastModifiedDate": 1_700_000_000} for one in records]
    _write(folder, "", dated)
    plan = folder / "plan.yaml"
    plan.write_text(plan.read_text().replace("us-east-1_Export001", POOL_ID))
    return str(plan)


def _sub(user: dict[str, Any]) -> str:
    return str(next(one["Value"] for one in user["Attributes"] if one["Name"] == "sub"))


def _write(folder: Path, url: str, people: list[dict[str, Any]], **sections: Any) -> None:
    (folder / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people))
    text = plan_text(export_source("users.jsonl"), url).replace("password_reset: {strategy: none}\n", "")
    rest = {name: json.dumps(section) for name, section in sections.items()}
    (folder / "plan.yaml").write_text(text + "".join(f"{name}: {value}\n" for name, value in rest.items()))


def _written() -> Iterator[str]:
    """Every statement that stands in the source."""
    for folder in FOLDERS:
        for path in sorted((ROOT / "engine" / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for part in node.value.split(";"):
                        text = collapsed(part)
                        if _SQL.match(text) and not _BY_KEY.match(text):
                            yield text
