"""Ctrl-C in the middle, and two runs at once: the state is saved, nobody is lost, nobody is doubled."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tests.acceptance.conftest import World
from tests.support.forks import Fork

USERS = 300
Process = Fork | subprocess.Popen[str]


def write_users(world: World, number: int = USERS) -> None:
    """So many users who are all migrated, one person each."""
    with (world.plan.parent / "users.jsonl").open("w") as file:
        for at in range(number):
            sub = f"00000000-0000-4000-8000-{at:012d}"
            attributes = {"sub": sub, "email": f"slow{at}@example.net", "email_verified": "true"}
            record: dict[str, Any] = {
                "Username": sub,
                "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
                "UserCreateDate": 1_700_000_000,
                "Enabled": True,
                "UserStatus": "CONFIRMED",
            }
            file.write(json.dumps(record) + "\n")


def wait_for_writes(world: World, process: Process) -> None:
    """Until WorkOS holds somebody."""
    wait_for(lambda: bool(world.workos.stats()["data"]["users"]), process)


def kill_while_writing(world: World, *command: str) -> None:
    """`kill -9` of a run of this command, in a fork, once WorkOS holds somebody."""
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 250})
    process = world.cli.fork(*command)
    wait_for_writes(world, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})


def wait_for(happened: Callable[[], bool], process: Process) -> None:
    """Until it has happened, while the process lives."""
    until = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def test_interrupted_run_is_finished_by_the_next(world: World) -> None:
    write_users(world)
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 400})
    process = world.cli.start("apply", "plan.yaml", "--json")
    wait_for_writes(world, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    result = json.loads(out)
    done, pending = result["users"]["created"], result["users"]["pending"]
    assert (result["stopped"], result["converged"]) == ("interrupted", False)
    assert 0 < done < USERS
    assert done + pending == USERS
    assert len(world.users()) == done
    status = world.cli("status", "plan.yaml", "--json").json("status.v1")
    assert status["users"]["migrated"] == done

    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})
    rest = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert (rest["users"]["created"], rest["users"]["unchanged"]) == (USERS - done, done)
    assert len(world.users()) == USERS


def test_a_second_run_is_refused_and_names_the_first(world: World) -> None:
    write_users(world)
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 300})
    first = world.cli.fork("apply", "plan.yaml", "--quiet")
    try:
        wait_for_writes(world, first)
        second = world.cli("apply", "plan.yaml", "--json")
        unlock = world.cli("state", "unlock", "plan.yaml", "--json")
        # Looking is allowed while a run goes on.
        assert world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["source"]["seen"] == USERS
        assert world.cli("status", "plan.yaml").code == 0
    finally:
        _, err = first.communicate(timeout=60)

    for refused in (second, unlock):
        assert refused.code == 4
        message = refused.error()
        assert message.startswith(f"the state .migrate/acme.state.db is locked by process {first.pid} of ")
        assert message.endswith("; wait for that run to end, then run again")
    assert first.returncode == 0, err
    assert len(world.users()) == USERS
    assert world.cli("apply", "plan.yaml").err.endswith("nothing to do: everybody is in place\n")


def test_status_during_a_run_is_current(world: World) -> None:
    """What it counts as migrated is there, and grows while the run goes on."""
    write_users(world)
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 300})
    process = world.cli.fork("apply", "plan.yaml", "--quiet")
    seen: list[int] = []
    try:
        wait_for_writes(world, process)
        while process.poll() is None:
            status = world.cli("status", "plan.yaml", "--json").json("status.v1")
            seen.append(status["users"]["migrated"])
            assert seen[-1] <= len(world.users())
            (last,) = status["runs"]
            if last["ended"] is None:
                assert (last["command"], last["result"]) == ("apply", None)
    finally:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert seen == sorted(seen) and any(0 < one < USERS for one in seen), seen
    told = world.cli("status", "plan.yaml", "--json").json("status.v1")
    assert told["users"]["migrated"] == USERS and told["runs"][0]["ended"]


def test_a_plan_that_ends_takes_nothing_from_the_apply_that_began_beside_it(world: World) -> None:
    """`plan` makes the folder, `apply` starts in it, `plan` ends: a third command still finds the lock held."""
    write_users(world)
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 300})
    preview = world.cli.fork("plan", "plan.yaml")
    wait_for(world.migrate_dir.exists, preview)
    first = world.cli.fork("apply", "plan.yaml", "--quiet")
    try:
        lock = world.migrate_dir / "acme.state.db.lock"
        wait_for(lambda: lock.exists() and lock.stat().st_size > 0, first)
        # However quick it is, it holds the lock while the others end.
        first.send_signal(signal.SIGSTOP)
        assert preview.wait(60) == 0
        assert world.cli("apply", "plan.yaml").code == 4
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
        preview.communicate(timeout=60)
    assert first.returncode == 0
    assert {one.name for one in world.migrate_dir.iterdir()} == {".gitignore", "acme.state.db", "acme.state.db.lock"}


def test_simultaneous_first_starts_work_or_are_locked_out(world: World) -> None:
    write_users(world)
    for _ in range(3):
        shutil.rmtree(world.migrate_dir, ignore_errors=True)
        commands = [world.cli.fork(*("apply", "plan.yaml") if at % 2 else ("plan", "plan.yaml")) for at in range(6)]
        ended = [(process, *process.communicate(timeout=120)) for process in commands]
        for at, (process, _, err) in enumerate(ended):
            assert process.returncode in ((0, 4) if at % 2 else (0,)), err
            assert "internal error" not in err
        assert any(not process.returncode for process, *_ in ended[1::2])
        assert len(world.users()) == USERS


def test_simultaneous_starts_that_attempt_nothing_leave_no_trace_and_no_fault(world: World) -> None:
    """Bad keys: each takes away what it made while others settle in it."""
    write_users(world)
    wrong = {"WORKOS_API_KEY": "sk_test_wrong"}
    commands = [world.cli.fork("apply" if at % 2 else "plan", "plan.yaml", **wrong) for at in range(6)]
    for process in commands:
        _, err = process.communicate(timeout=120)
        assert (process.returncode == 1 and "refuses the API key" in err) or process.returncode == 4, err


def test_what_a_killed_plan_left_is_removed_by_the_next_command_of_any_kind(world: World) -> None:
    write_users(world)
    assert world.cli("apply", "plan.yaml").code == 0
    # Somebody new, whom `plan` has to look for in WorkOS.
    write_users(world, USERS + 1)
    for command in (("status",), ("state", "list"), ("ids",), ("export", "--out", "copy.jsonl"), ("validate",)):
        world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 2000})
        killed = world.cli.fork("plan", "plan.yaml")
        wait_for(lambda: any(world.migrate_dir.glob("*.plan-*.snapshot.db")), killed)
        # While it lives, its snapshot stays.
        assert world.cli("status", "plan.yaml").code == 0
        assert any(world.migrate_dir.glob("*.plan-*.snapshot.db"))
        killed.kill()
        killed.communicate(timeout=60)
        world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 0})
        assert any(world.migrate_dir.glob("*.plan-*.snapshot.db"))
        assert world.cli(*command, "plan.yaml").code == 0
        assert not list(world.migrate_dir.glob("*.plan-*")), command


def test_unlock_says_what_it_did(world: World) -> None:
    write_users(world)
    assert world.cli("state", "unlock", "plan.yaml").err.endswith("nobody holds the lock; there was nothing to do\n")
    world.workos.call("PUT", "/_sandbox/faults", {"latency_ms": 300})
    killed = world.cli.start("apply", "plan.yaml")
    wait_for_writes(world, killed)
    killed.kill()
    killed.communicate(timeout=60)
    said = world.cli("state", "unlock", "plan.yaml").err
    assert f"nobody holds the lock: process {killed.pid} of " in said
    assert said.endswith("ended without letting go; its entry is cleared\n")
    assert world.cli("state", "unlock", "plan.yaml", "--json").json("state-unlock.v1")["cleared"] is None
