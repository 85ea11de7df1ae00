"""Guards that stand without being asked for: `safety.max_updates`, and the destination that a state belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_init import at_terminal
from tests.support.cli import export_source

Nothing = Callable[..., None]


def write(world: World, number: int, *, changed: int = 0, **sections: str) -> None:
    """So many users, of whom the first `changed` have another first name, and the plan."""
    with (world.plan.parent / "users.jsonl").open("w", encoding="utf-8") as file:
        for at in range(number):
            attributes = {"sub": f"u{at:03}", "email": f"u{at:03}@example.com", "email_verified": "true"}
            attributes["given_name"] = "New" if at < changed else "Old"
            listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
            record = {"Username": f"u{at:03}", "Attributes": listed, "UserCreateDate": 1_700_000_000, "Enabled": True}
            file.write(json.dumps(record | {"UserStatus": "CONFIRMED"}) + "\n")
    world.write_plan(export_source("users.jsonl"), **sections)


def planned(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["guards"]
    return found


def refusal(updates: int, known: int, allowed: int) -> str:
    return (
        f"the plan would update {updates} of {known} migrated users, and safety.max_updates allows {allowed}; look at "
        "`migrate plan plan.yaml`, then raise safety.max_updates if that is what you want"
    )


def test_many_updates_are_refused_once_a_run_has_converged(world: World, nothing_happens: Nothing) -> None:
    write(world, 60)
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, 60, changed=18)
    assert planned(world) == []
    write(world, 60, changed=19)
    (guard,) = planned(world)
    assert (guard["code"], guard["limit"], guard["found"]) == ("max_updates", 18, 19)
    said = world.cli("plan", "plan.yaml")
    assert "`migrate apply plan.yaml` would refuse: the plan would update 19 of 60 migrated users" in said.err
    nothing_happens(world, [refusal(19, 60, 18)], "apply", "plan.yaml")
    # A few of them are no danger: the guard counts whom the run would write.
    assert world.cli("apply", "plan.yaml", "--limit", "1").code == 0
    assert planned(world) == []
    write(world, 60, changed=40)
    nothing_happens(world, [refusal(39, 60, 18)], "apply", "plan.yaml")
    write(world, 60, changed=40, safety="{max_updates: null}")
    assert world.cli("apply", "plan.yaml", "--json").json("result.v1")["users"]["updated"] == 39


def test_until_a_run_has_converged_nothing_is_refused(world: World) -> None:
    world.workos.call("POST", "/user_management/users", {"email": "u059@example.com", "external_id": "somebody"})
    write(world, 60)
    assert world.cli("apply", "plan.yaml").code == 3
    assert world.cli("apply", "plan.yaml", "--limit", "5").code == 0
    write(world, 60, changed=60)
    assert planned(world) == []
    assert world.cli("apply", "plan.yaml").code == 3
    # Everybody is in place for the first time.
    world.workos.call("DELETE", f"/user_management/users/{world.users()['u059@example.com']['id']}")
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, 60)
    assert [one["code"] for one in planned(world)] == ["max_updates"]


def test_a_share_counts_from_fifty_users_and_a_number_always(world: World, nothing_happens: Nothing) -> None:
    write(world, 49)
    assert world.cli("apply", "plan.yaml").code == 0
    write(world, 49, changed=49)
    assert planned(world) == []
    write(world, 49, changed=5, safety="{max_updates: 4}")
    nothing_happens(world, [refusal(5, 49, 4)], "apply", "plan.yaml")


def test_a_state_stays_with_its_environment(world: World, nothing_happens: Nothing) -> None:
    """The client ID may be the same text in two plan files, and the environment that they mean not."""
    write(world, 3)
    assert world.cli("apply", "plan.yaml").code == 0
    text = world.plan.read_text()

    def name(environment: str) -> None:
        world.plan.write_text(text.replace("client_sandbox\n", f"client_sandbox\n    environment: {environment}\n"))

    # Nobody had named one; from now on it is this one, also for a plan that names none.
    name("staging")
    assert world.cli("apply", "plan.yaml").code == 0
    world.plan.write_text(text)
    assert world.cli("apply", "plan.yaml").code == 0
    name("production")
    message = (
        "the state .migrate/acme.state.db belongs to another environment (staging, not production); "
        "give this plan a name or a state.path of its own"
    )
    for command in ("plan", "apply"):
        ended = world.cli(command, "plan.yaml", "--json", WORKOS_API_KEY="key_without_prefix")
        assert (ended.code, ended.errors()) == (1, [message])
    # Its sandbox is no environment of anybody's.
    assert world.cli("apply", "plan.yaml", "--sandbox", WORKOS_API_KEY="").code == 0


@pytest.mark.parametrize("options", [[], ["--limit", "1"]])
def test_apply_names_its_destination_first_and_asks_nothing(world: World, options: list[str]) -> None:
    """At a terminal, where a question could be asked."""
    write(world, 3)
    code, shown = at_terminal(world.cli, {}, "apply", "plan.yaml", *options)
    assert code == 0, shown
    lines = [line for line in shown.splitlines() if not line.startswith("warning: ")]
    assert [line.split()[0] for line in lines[:4]] == ["plan", "pool", "destination", "state"]
    assert lines[2] == f"destination  WorkOS {world.url} (client_sandbox)"
    assert shown.index("destination") < shown.index("users read")
    assert world.users()


def test_the_destination_is_named_before_it_is_reached(world: World) -> None:
    write(world, 3)
    world.plan.write_text(world.plan.read_text().replace(world.url, "http://127.0.0.1:9"))
    ended = world.cli("apply", "plan.yaml")
    assert ended.code == 1
    assert ended.err.index("destination  WorkOS http://127.0.0.1:9 (client_sandbox)") < ended.err.index("error: ")
