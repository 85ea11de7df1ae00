"""Users from an export into the sandbox's null mode: memory does not grow with the pool."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.cli import KEY, MIGRATE, Cli, export_source, plan_text
from tests.support.own_memory import measured

SMALL, LARGE = 20_000, 60_000
LIMIT_MB = 200
# 40,000 more users as Python objects would be 60 MB and more; the caches of SQLite and of the allocator may still fill.
GROWTH_MB = 30


def test_memory_does_not_grow_with_the_pool(tmp_path: Path) -> None:
    small, large = (_resident_after(tmp_path / str(users), users) for users in (SMALL, LARGE))
    assert large < LIMIT_MB, f"{large:.0f} MB"
    assert large - small < GROWTH_MB, f"{small:.0f} MB, then {large:.0f} MB"


@pytest.mark.long
def test_nor_does_that_of_a_plan_that_writes_every_change(tmp_path: Path) -> None:
    options = ("plan", "plan.yaml", "--json", "--show", "1000", "--changes", "changes.jsonl", "--values")
    small, large = (_resident_after(tmp_path / str(users), users, *options) for users in (SMALL, LARGE))
    assert large < LIMIT_MB, f"{large:.0f} MB"
    assert large - small < GROWTH_MB, f"{small:.0f} MB, then {large:.0f} MB"
    with (tmp_path / str(LARGE) / "changes.jsonl").open() as file:
        assert sum(1 for _ in file) == LARGE


def _resident_after(folder: Path, users: int, *command_line: str) -> float:
    """The most memory, in MB, that the migration of so many users took, or this command."""
    folder.mkdir()
    _write_export(folder / "users.jsonl", users)
    command = [sys.executable, "-m", "engine.sandbox", "--null", "--no-quotas", "--parent-pipe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdin is not None
        assert sandbox.stdout is not None
        try:
            url = json.loads(sandbox.stdout.readline())["url"]
            metadata = '{metadata: {plan: {from: "custom:plan", default: free}}}'
            (folder / "plan.yaml").write_text(plan_text(export_source("users.jsonl"), url, attributes=metadata))
            result, megabytes = _measured(folder, command_line or ("apply", "plan.yaml", "--json"))
        finally:
            sandbox.stdin.close()
            sandbox.wait(20)

    # The merged ones share the address of the user before them.
    merged = users // 100
    done = ("create", "merge") if command_line else ("created", "merged")
    expected = dict(zip(done, (users - merged, merged), strict=True))
    assert result["users"] == dict.fromkeys(result["users"], 0) | expected
    return megabytes


def _measured(folder: Path, command_line: Sequence[str]) -> tuple[dict[str, dict[str, int]], float]:
    """One command: its result, and the most memory that it had resident."""
    # Measured without coverage, whose own memory is none of the tool's.
    environment = {name: value for name, value in Cli(folder).environ().items() if not name.startswith("COVERAGE")}
    with (folder / "out.json").open("wb") as out, (folder / "err.txt").open("wb") as err:
        process = subprocess.run(
            measured([str(MIGRATE), *command_line], "peak.txt"),
            cwd=folder,
            env={**environment, "WORKOS_API_KEY": KEY},
            stdout=out,
            stderr=err,
            check=False,
        )
    if process.returncode != 0:
        pytest.fail((folder / "err.txt").read_text() + (folder / "out.json").read_text())
    in_mb = 1024 * 1024 if sys.platform == "darwin" else 1024
    return json.loads((folder / "out.json").read_text()), int((folder / "peak.txt").read_text().split()[0]) / in_mb


def _write_export(path: Path, users: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for at in range(users):
            sub = f"{at * 2654435761 % 2**32:08x}-0000-4000-8000-{at:012d}"
            shared = at - 1 if at % 100 == 99 else at
            attributes = {
                "sub": sub,
                "email": f"person{shared}@example.com",
                "email_verified": "true",
                "given_name": "Zoë",
                "family_name": f"Number {at}",
                "custom:plan": "team",
            }
            record = {
                "Username": sub,
                "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
                "UserCreateDate": 1_700_000_000 + at,
                "UserLastModifiedDate": 1_700_000_000 + at,
                "Enabled": True,
                "UserStatus": "CONFIRMED",
            }
            file.write(json.dumps(record) + "\n")
