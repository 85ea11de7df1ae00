"""Organizations and memberships under all faults mixed and under `kill -9`: none lost, none twice, none active that
must not be.

The seed is printed, so that a failure can be had again; `KILL_SEED` sets it.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_faults import MIXED, NO_QUOTAS
from tests.support.migration import Project, Run
from tests.support.organized_pool import (
    Membership,
    change,
    expected_failures,
    expected_memberships,
    expected_organizations,
    held_memberships,
    held_organizations,
    organize,
    organized_pool,
    seed_others,
)
from tests.support.sandbox_extras import Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader

LATENCY = {"rates": {}, "latency_ms": 10, "jitter_ms": 30}


class Scene:
    """A pool, and a WorkOS that holds somebody else's users and memberships already."""

    def __init__(self, folder: Path, url: str, users: list[dict[str, Any]]) -> None:
        self.folder, self.url, self.users = folder, url, users
        self.workos = WorkOSReader(url)
        self.others = seed_others(self.workos, users)
        self.before: set[Membership] = set()
        self.organizations = expected_organizations(users)
        self.write()

    def write(self, **quotas: int) -> None:
        """The plan and the pool as it is now."""
        self.project = Project(self.folder, self.url, quotas=dict(quotas))
        organize(self.project)
        self.project.write_pool(self.users)

    def later(self, seed: int) -> None:
        """The pool of a later day."""
        self.before = set(held_memberships(self.workos))
        change(self.users, seed)
        self.organizations = sorted({*self.organizations, *expected_organizations(self.users)})
        self.write()

    def apply(self) -> Run:
        return self.project.migrate("apply", "plan.yaml", "--json")

    def check(self, last: Run) -> None:
        """`last` has finished everything, to the last membership, and nothing is left to do."""
        self.workos.quiet()
        failures = expected_failures(self.users, self.others)
        for run in (last, self.apply()):
            assert run.code == (3 if failures else 0), run.out[-2000:] + run.err
            said = {(one["source_id"], organization_in(one["message"]), one["code"]) for one in run.json["failures"]}
            assert said == failures and run.json["stopped"] is None
            assert run.json["memberships"]["pending"] == run.json["memberships"]["failed"] == 0
        assert run.json["requests"]["writes"] == 0
        wanted = expected_memberships(self.users, self.others, self.before)
        assert sorted(held_memberships(self.workos)) == sorted(wanted)
        assert held_organizations(self.workos) == self.organizations
        assert len(self.workos.users()) == len(self.users)


@pytest.mark.parametrize("users", [300, pytest.param(2000, marks=pytest.mark.long)])
def test_all_faults_mixed(users: int, tmp_path: Path) -> None:
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS)) as sandbox:
        scene = Scene(tmp_path, sandbox.url, organized_pool(users))
        for day in range(2):
            if day:
                scene.later(day)
            scene.workos.call("PUT", "/_sandbox/faults", {"rates": MIXED, "seed": day, "retry_after_s": 0.2})
            scene.check(scene.apply())


@pytest.mark.parametrize("kills", [6, pytest.param(24, marks=pytest.mark.long)])
def test_kills(kills: int, tmp_path: Path) -> None:
    """A third of them while the pool's next day is carried out."""
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1_000_000))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    rng = random.Random(seed)
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS)) as sandbox:
        scene = Scene(tmp_path, sandbox.url, organized_pool(25 * kills, seed))
        later = kills // 3
        for day, moments in enumerate((["organizations", "users"], [])):
            if day:
                scene.later(seed)
            number = later if day else kills - later
            killed = [*moments, *["writes" if day else "memberships"] * (number - len(moments))]
            # A small quota, so that one life is not enough to finish.
            scene.write(writes_per_10s=200)
            scene.workos.call("PUT", "/_sandbox/faults", LATENCY)
            for moment in killed:
                kill_once(scene, moment, rng.uniform(0, 0.3))
            held = {name: scene.workos.stats()["data"][name] for name in ("organizations", "users", "memberships")}
            sys.stdout.write(f"day {day}: killed during {killed}, with {held} in WorkOS\n")
            scene.write()
            scene.workos.quiet()
            scene.check(scene.apply())


def organization_in(message: str) -> str | None:
    """The external ID that a failure names."""
    found = re.search(r"\(organization (\S+)\)", message)
    return found[1] if found else None


def kill_once(scene: Scene, moment: str, wait: float) -> None:
    """`kill -9` some time after the run has begun to do this."""

    def done() -> int:
        stats = scene.workos.stats()
        return int(stats["writes"] if moment == "writes" else stats["data"][moment])

    before = done()
    process = scene.project.fork("apply", "plan.yaml", WORKOS_REQUEST_TIMEOUT="20")
    deadline = time.monotonic() + 20
    while done() == before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
