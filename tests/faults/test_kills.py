"""`kill -9` at random instants, many times over one migration: reading, recovering, writing, whatever it hits.

The seed is printed, so that a failure can be had again; `KILL_SEED` sets it.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.test_faults import NO_QUOTAS
from tests.support.forks import Fork
from tests.support.migration import Project, expected, invent_pool
from tests.support.sandbox_extras import Faults, Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader

USERS_A_KILL = 100
FIELDS = ("email", "email_verified", "first_name", "last_name", "external_id", "metadata")


def check(project: Project, workos: WorkOSReader, users: list[dict[str, object]]) -> None:
    """The next run finishes; everybody is there once, with the right fields; then nothing is left to do."""
    workos.quiet()
    last = project.migrate("apply", "plan.yaml", "--json")
    assert last.code == 0, last.out[-2000:] + last.err
    held = [{name: user[name] for name in FIELDS} for user in workos.users()]
    wanted = [expected(user) for user in users]
    assert sorted(held, key=lambda one: one["external_id"]) == sorted(wanted, key=lambda one: one["external_id"])
    again = project.migrate("apply", "plan.yaml", "--json").json
    assert again["users"]["unchanged"] == len(users)
    assert again["requests"]["writes"] == 0


@pytest.mark.parametrize("kills", [12, pytest.param(50, marks=pytest.mark.long)])
def test_kills_over_one_migration(kills: int, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1_000_000))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    rng = random.Random(seed)
    users = invent_pool(kills * USERS_A_KILL, seed)
    lives: Counter[str] = Counter()
    # A small quota, so that all the lives are not enough to finish.
    faults = Faults(latency_ms=10, jitter_ms=30)
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS, faults=faults)) as sandbox:
        project = Project(tmp_path, sandbox.url, quotas={"writes_per_10s": 120})
        project.write_pool(users)
        workos = WorkOSReader(sandbox.url)
        for _ in range(kills):
            moment = rng.choice(["start", "reads", "writes", "writes", "writes"])
            lives[moment] += 1
            before = workos.stats()
            wait = rng.uniform(0, 1.0 if moment == "start" else 0.3)
            _kill_once(
                project.start,
                lambda: moment == "start" or workos.stats()[moment] > before[moment],  # noqa: B023 (called at once)
                wait,
            )
        held = workos.stats()["data"]["users"]
        sys.stdout.write(f"killed after {dict(lives)}, with {held} users in WorkOS\n")
        assert 0 < held < len(users)
        Project(tmp_path, sandbox.url)  # the same plan, without the small quota
        check(project, workos, users)


def test_kills_during_recovery_itself(tmp_path: Path) -> None:
    """Writes that were done and never answered, then kills while the next runs look them up.

    What is killed has started long before: forks do.
    """
    users = invent_pool(300)
    faults = Faults(rates={"hang_after": 1.0}, only="writes")
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS, faults=faults)) as sandbox:
        project = Project(tmp_path, sandbox.url)
        project.write_pool(users)
        workos = WorkOSReader(sandbox.url)
        _kill_once(project.fork, lambda: workos.stats()["data"]["users"] > 0)
        claimed = _claims(project.state)
        assert claimed > 0
        workos.call("PUT", "/_sandbox/faults", {"rates": {}, "latency_ms": 300})
        for _ in range(5):
            before = workos.stats()["reads"]
            _kill_once(project.fork, lambda before=before: workos.stats()["reads"] > before)
        assert _claims(project.state) >= claimed  # nobody was let go of unseen
        check(project, workos, users)


def _kill_once(
    start: Callable[..., Fork | subprocess.Popen[str]], moment: Callable[[], bool], wait: float = 0.0
) -> None:
    process = start("apply", "plan.yaml", WORKOS_REQUEST_TIMEOUT="20")
    deadline = time.monotonic() + 20
    while not moment() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def _claims(state: Path) -> int:
    with sqlite3.connect(state) as connection:
        return int(connection.execute("SELECT count(*) FROM resources WHERE status = 'claimed'").fetchone()[0])
