"""Every fault alone and all of them together: at the end exactly the right users, exit 0, few requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sandbox.options import Quotas
from tests.support.migration import Project, expected, invent_pool
from tests.support.sandbox_extras import Faults, Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader

NO_QUOTAS = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)
MIXED = {
    "throttled": 0.025,
    "throttled_bare": 0.025,
    "error_before": 0.025,
    "error_after": 0.025,
    "reset_before": 0.03,
    "reset_after": 0.03,
    "cut_off": 0.02,
    "hang_before": 0.005,
    "hang_after": 0.005,
}
ALONE = {
    "throttled": 0.05,
    "throttled_bare": 0.05,
    "error_before": 0.05,
    "error_after": 0.05,
    "reset_before": 0.05,
    "reset_after": 0.05,
    "cut_off": 0.05,
    "timeout_after": 0.05,
    "hang_before": 0.01,
    "hang_after": 0.01,
}


def migrate_under(folder: Path, rates: dict[str, float], count: int) -> float:
    """One migration under these faults, checked to the last field; requests a user."""
    users = invent_pool(count)
    faults = Faults(rates=rates, seed=7, retry_after_s=0.2)
    with SandboxProcess(Options(data=folder / "workos.db", quotas=NO_QUOTAS, faults=faults)) as sandbox:
        project = Project(folder, sandbox.url)
        project.write_pool(users)
        run = project.migrate("apply", "plan.yaml", "--json")
        assert run.code == 0, run.out[-2000:] + run.err
        workos = WorkOSReader(sandbox.url)
        stats = workos.stats()
        workos.quiet()
        held = workos.users()
        again = project.migrate("apply", "plan.yaml", "--json").json
    fields = ("email", "email_verified", "first_name", "last_name", "external_id", "metadata")
    assert sorted((expected(user) for user in users), key=lambda one: one["external_id"]) == sorted(
        ({name: user[name] for name in fields} for user in held), key=lambda one: one["external_id"]
    )
    result = run.json
    assert result["users"] == dict.fromkeys(result["users"], 0) | {"created": count}
    assert result["failures"] == []
    assert again["users"]["unchanged"] == count
    assert again["requests"]["writes"] == 0
    return float(stats["reads"] + stats["writes"]) / count


@pytest.mark.parametrize("fault", ALONE)
def test_one_fault_alone_loses_and_doubles_nobody(fault: str, tmp_path: Path) -> None:
    assert migrate_under(tmp_path, {fault: ALONE[fault]}, 300) <= 1.6


@pytest.mark.parametrize("users", [800, pytest.param(5000, marks=pytest.mark.long)])
def test_all_faults_mixed_lose_and_double_nobody(users: int, tmp_path: Path) -> None:
    assert migrate_under(tmp_path, MIXED, users) <= 1.6


def test_a_pause_of_a_day_ends_the_run(tmp_path: Path) -> None:
    """What was done is saved, the rest is pending, and nobody sits on it."""
    faults = Faults(rates={"throttled": 0.05}, seed=7, retry_after_s=86_400)
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS, faults=faults)) as sandbox:
        project = Project(tmp_path, sandbox.url)
        project.write_pool(invent_pool(200))
        run = project.migrate("apply", "plan.yaml", "--json")
    assert run.code == 3, run.out[-2000:] + run.err
    assert run.json["stopped"] == "retry_later" and run.json["users"]["pending"] > 0
