"""`apply --every` over three days that pass in a moment: people sign up, change and leave, and the process is killed.

Whatever happened, WorkOS holds what the pool holds in the end, and a round with nothing to do costs one look. The seed
is printed, so that a failure can be had again; `KILL_SEED` sets it.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_faults import NO_QUOTAS
from tests.faults.test_kills import FIELDS
from tests.support.cli import AWS, check
from tests.support.cognito import StandIn, invent_users, serving
from tests.support.migration import Project, expected, invent_pool
from tests.support.sandbox_extras import Options, SandboxProcess
from tests.support.simulated_days import Days
from tests.support.workos_reader import WorkOSReader

START = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
DAY = 86_400.0
UNTIL = "2026-12-01T07:00+01:00"
_ROUND = re.compile(r"round \d+: (.+?); (\d+) writes?, (\d+) reads? in ")


class Pool:
    """The pool as it changes; `left` are those who are no longer in it, as WorkOS held them last."""

    def __init__(self, project: Project, number: int, rng: random.Random) -> None:
        self._project, self._rng = project, rng
        self.users = invent_pool(number)
        self.made = number
        self.left: list[dict[str, Any]] = []
        project.write_pool(self.users)

    def change(self, *, sign_ups: int, changes: int, leavers: int) -> None:
        """Some of each; nobody leaves who has just come or changed."""
        chosen = self._rng.sample(self.users, changes + leavers)
        for user in chosen[:leavers]:
            self.left.append(expected(user))
            self.users.remove(user)
        for user in chosen[leavers:]:
            for one in user["Attributes"]:
                if one["Name"] in ("custom:plan", "family_name"):
                    one["Value"] = f"{one['Value'] or 'x'}{self._rng.randrange(10)}"
            user["UserLastModifiedDate"] += 1
        self.users += invent_pool(sign_ups, self.made, first=self.made)
        self.made += sign_ups
        self._project.write_pool(self.users)

    def wanted(self) -> list[dict[str, Any]]:
        """What WorkOS has to hold."""
        return sorted([*map(expected, self.users), *self.left], key=lambda one: str(one["external_id"]))


class Cutover:
    """A project whose `apply --every` runs in simulated time, on a sandbox that has the same time."""

    def __init__(self, folder: Path, sandbox: SandboxProcess, *, every: str, **environment: str) -> None:
        self.project = Project(folder, sandbox.url)
        # A few who leave are many of so small a pool, when nobody could look for hours.
        plan = json.loads(self.project.plan.read_text()) | {"safety": {"max_left_source": 40}}
        self.project.plan.write_text(json.dumps(plan))
        self.workos = WorkOSReader(sandbox.url)
        arguments = ("apply", "plan.yaml", "--every", every, "--until", UNTIL, "--json")
        self.days = Days(
            lambda **given: self.project.fork(*arguments, **environment, **given), START.timestamp(), self._tick
        )

    def _tick(self, now: float) -> None:
        self.workos.call("PUT", "/_sandbox/settings", {"clock_offset_s": now - time.time()})

    def faults(self, **given: Any) -> None:
        self.workos.call("PUT", "/_sandbox/faults", {"next": [], "retry_after_s": 1.0, **given})

    def happened(self) -> int:
        """Faults so far."""
        return sum(self.workos.stats()["faults"].values())

    def held(self) -> list[dict[str, Any]]:
        found = [{name: user[name] for name in FIELDS} for user in self.workos.users()]
        return sorted(found, key=lambda one: str(one["external_id"]))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS)) as process:
        yield process


@pytest.mark.parametrize(
    ("every", "rounds", "kills"), [("3h", 25, 8), pytest.param("1h", 73, 20, marks=pytest.mark.long)]
)
def test_three_days_with_changes_and_kills(
    every: str, rounds: int, kills: int, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1_000_000))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    rng = random.Random(seed)
    here = Cutover(tmp_path, sandbox, every=every)
    pool, days = Pool(here.project, 150, rng), here.days
    deadly = dict(zip(rng.sample(range(2, rounds - 2), kills), "wb" * kills, strict=False))
    locked = next(at for at in range(3, rounds) if not {at, at + 1} & deadly.keys())
    deaths: Counter[str] = Counter()
    sleeps = 0
    days.begin()
    try:
        while days.asleep() is not None:
            sleeps += 1
            how = deadly.pop(sleeps, "")
            # Every third round finds nothing to do, but where it is to die in the middle of its writes.
            if how == "w" or sleeps % 3:
                pool.change(sign_ups=rng.randrange(1, 4), changes=rng.randrange(1, 5), leavers=rng.randrange(3))
            if sleeps == locked:
                here.faults(next=[{"method": "GET", "path": "/events", "fault": "throttled"}], retry_after_s=7200)
            if how == "b":
                days.kill()
                deaths["asleep"] += 1
                days.begin()
                continue
            if how == "w":
                before, kind = here.happened(), rng.choice(["hang_before", "hang_after"])
                here.faults(next=[{"method": "POST", "path": "/users$", "fault": kind}])
                days.wake()
                assert days.asleep(lambda before=before: here.happened() > before) is None
                days.kill()
                deaths[kind] += 1
                here.faults()
                days.begin()
                continue
            days.wake()
        assert days.command is not None
        out, err = days.command.communicate(60)
    finally:
        days.close()
    sys.stdout.write(f"{sleeps} sleeps, killed {dict(deaths)}\n")
    assert deaths.total() == kills and not deadly, out + err
    assert days.now == START.timestamp() + 3 * DAY
    result = json.loads(out)
    check(result, "result.v1")
    assert (days.command.returncode, result["converged"]) == (0, True), err
    assert out.count("\n") == 1 and "round 1: " in err
    assert result["users"]["conflicts"] == result["users"]["failed"] == result["users"]["pending"] == 0
    assert result["rounds"]["completed"] == len(_ROUND.findall(err))
    assert here.held() == pool.wanted()
    assert result["reported"]["left_source"] == len(pool.left)


def test_a_round_with_nothing_to_do_costs_one_look_at_the_events(tmp_path: Path, sandbox: SandboxProcess) -> None:
    summary = tmp_path / "step.md"
    here = Cutover(tmp_path, sandbox, every="6h", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    Pool(here.project, 250, random.Random(1))
    seen: list[Counter[str]] = []
    here.days.begin()
    try:
        while here.days.asleep() is not None:
            seen.append(Counter(here.workos.stats()["requests"]))
            here.days.wake()
        assert here.days.command is not None
        out, err = here.days.command.communicate(60)
    finally:
        here.days.close()
    costs = [dict(after - before) for before, after in pairwise(seen)]
    # The second round proves that the key opens the environment of the state that the first one made.
    assert [sum(one.values()) for one in costs] == [2, *[1] * 10]
    assert all(list(one) == ["GET /events"] for one in costs[1:]), costs
    found = [(told, int(writes), int(reads)) for told, writes, reads in _ROUND.findall(err)]
    assert found[1:] == [("nothing to do", 0, 2), *[("nothing to do", 0, 1)] * 11]
    result = json.loads(out)
    assert (result["users"]["unchanged"], result["requests"]["reads"]) == (250, 1)
    assert (result["rounds"]["completed"], result["rounds"]["writes"]) == (13, 250)
    assert result["rounds"]["verdict"] in ("go", "no-go")
    assert "\n13 rounds completed: 250 writes, " in summary.read_text()
    assert f"\n`migrate ready plan.yaml` says **{result['rounds']['verdict']}**.\n" in summary.read_text()


def test_each_round_goes_by_its_own_day(tmp_path: Path, sandbox: SandboxProcess) -> None:
    here = Cutover(tmp_path, sandbox, every="12h")
    Pool(here.project, 30, random.Random(4))
    plan = json.loads(here.project.plan.read_text())
    cohorts = [
        {"name": "gold", "attributes": [{"name": "custom:plan", "in": ["gold"]}], "from": "2026-11-29"},
        {"name": "rest", "from": "2026-12-01"},
    ]
    here.project.plan.write_text(json.dumps(plan | {"filters": {"cohorts": cohorts}}))
    here.days.begin()
    try:
        while here.days.asleep() is not None:
            here.days.wake()
        assert here.days.command is not None
        out, err = here.days.command.communicate(60)
    finally:
        here.days.close()
    found = _ROUND.findall(err)
    # From 06:00 on 28 November: the first of 29 November is the third, and the last is on 1 December.
    assert [int(writes) for _, writes, _ in found] == [0, 0, 10, 0, 0, 0, 20], err
    assert found[1][0] == "30 pending" and found[3][0] == "20 pending"
    result = json.loads(out)
    assert (here.days.command.returncode, result["converged"], result["waves"]["as_of"]) == (0, True, "2026-12-01")


@pytest.mark.parametrize("users", [2_500, pytest.param(30_000, marks=pytest.mark.long)])
def test_a_live_pool_with_nothing_to_do_costs_its_listing_and_one_look(
    users: int, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    """Counted by both services, while it sleeps."""
    here = Cutover(tmp_path, sandbox, every="12h", **AWS)
    seen: list[tuple[Counter[str], Counter[str]]] = []
    with serving(StandIn(invent_users(users))) as pool:
        plan = json.loads(here.project.plan.read_text())
        source = {"user_pool_id": "us-east-1_StandIn01", "endpoint_url": pool.url, "requests_per_second": None}
        here.project.plan.write_text(json.dumps(plan | {"source": {"cognito": source}}))
        here.days.begin()
        try:
            for _ in range(5):
                assert here.days.asleep() is not None
                cognito = Counter(operation for _, operation, _, _ in pool.log)
                seen.append((cognito, Counter(here.workos.stats()["requests"])))
                here.days.wake()
        finally:
            here.days.close()
    idle = [(later[0] - before[0], later[1] - before[1]) for before, later in pairwise(seen)]
    listing = seen[0][0]["ListUsers"]
    # Sixteen lists, each with a last page that is not full, and what proves that they may be read.
    assert users / 60 <= listing <= users / 60 + 16 + 16 + 4
    sys.stdout.write(f"{users} users: {listing} ListUsers\n")
    for cognito, workos in idle:
        assert cognito == {"DescribeUserPool": 1, "ListUsers": listing}
        assert workos - Counter({"GET /events": 1}) in ({}, {"GET /user_management/users/{id}": 1})
    assert [workos.total() for _, workos in idle] == [2, 1, 1, 1]


def test_a_locked_quota_is_told_and_a_later_round_goes_on_and_conflicts_stay_listed(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    here = Cutover(tmp_path, sandbox, every="1h")
    pool = Pool(here.project, 30, random.Random(2))
    here.workos.call("POST", "/user_management/users", {"email": "person200@example.com", "external_id": "another"})
    here.days.begin()
    try:
        for sleeps in range(1, 74):
            assert here.days.asleep() is not None
            if sleeps == 5:
                pool.users += invent_pool(1, 9, first=200)
                pool.change(sign_ups=0, changes=1, leavers=0)
                here.faults(next=[{"method": "GET", "path": "/events", "fault": "throttled"}], retry_after_s=7300)
            here.days.wake()
            if sleeps == 72:
                break
        assert here.days.asleep() is None and here.days.command is not None
        out, err = here.days.command.communicate(60)
    finally:
        here.days.close()
    result = json.loads(out)
    told = [line for line in err.splitlines() if "given up" in line]
    assert len(told) == 3 and all(
        re.search(r"^warning: round [678] was given up: .* \(Retry-After\)", one) for one in told
    )
    assert (result["rounds"]["completed"], result["rounds"]["failed"]) == (70, 3)
    assert result["rounds"]["last_error"] == "retry_later"
    assert (here.days.command.returncode, result["stopped"], result["users"]["conflicts"]) == (3, None, 1)
    assert [one["code"] for one in result["failures"]] == ["other_external_id"]
    wanted = sorted([expected(one) for one in pool.users[:-1]], key=lambda one: str(one["external_id"]))
    assert [one for one in here.held() if one["external_id"] != "another"] == wanted
    assert result["rounds"]["verdict"] == "no-go"


def test_ctrl_c_in_its_sleep_saves_and_ends(tmp_path: Path, sandbox: SandboxProcess) -> None:
    here = Cutover(tmp_path, sandbox, every="15m")
    Pool(here.project, 20, random.Random(3))
    here.days.begin()
    try:
        assert here.days.asleep() == START.timestamp() + 900
        assert here.days.command is not None
        # The lock is held in its sleep as well.
        second = here.project.migrate("apply", "plan.yaml", "--json")
        assert (second.code, second.json["errors"][0]["code"]) == (4, "state_locked")
        here.days.command.send_signal(signal.SIGINT)
        out, err = here.days.command.communicate(60)
    finally:
        here.days.close()
    result = json.loads(out)
    check(result, "result.v1")
    assert (here.days.command.returncode, result["stopped"], result["converged"]) == (130, "interrupted", False)
    assert result["rounds"] == {
        "completed": 1, "failed": 0, "writes": 20, "reads": 2, "last_error": None, "verdict": None,
    }  # fmt: skip
    assert "Traceback" not in err
    again = here.project.migrate("apply", "plan.yaml", "--json")
    assert (again.code, again.json["users"]["unchanged"]) == (0, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--every", "15m"), "--every and --until go together, and only one is given"),
        (("--until", UNTIL), "--every and --until go together, and only one is given"),
        (("--every", "soon", "--until", UNTIL), "--every soon is no duration"),
        (("--every", "15m", "--until", "tomorrow"), "--until tomorrow is no moment"),
        (("--every", "15m", "--until", "2099-12-01T06:00"), "--until 2099-12-01T06:00 has no time zone"),
        (("--every", "15m", "--until", "2020-12-01T06:00Z"), "--until 2020-12-01T06:00Z is over"),
        (("--every", "15m", "--until", "2099-12-01T06:00Z", "--limit", "5"), "--limit and --target are of one run"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    project = Project(tmp_path, "http://127.0.0.1:9")
    project.write_pool(invent_pool(1))
    refused = project.migrate("apply", "plan.yaml", *arguments, "--json")
    assert (refused.code, refused.json["errors"][0]["code"]) == (1, "bad_usage")
    assert refused.json["errors"][0]["message"].startswith(message)
    assert not (tmp_path / ".migrate").exists()
