"""Ctrl-C in the middle, and two runs at once: the state is saved, nobody is lost, nobody is doubled."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import Any

from tests.acceptance.conftest import World

USERS = 300


def write_users(world: World) -> None:
    """So many users who are all migrated, one person each."""
    with (world.plan.parent / "users.jsonl").open("w") as file:
        for at in range(USERS):
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


def wait_for_writes(world: World, process: subprocess.Popen[str]) -> None:
    """Until WorkOS holds somebody."""
    until = time.monotonic() + 60
    while not world.workos.stats()["data"]["users"]:
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
    first = world.cli.start("apply", "plan.yaml", "--quiet")
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
