"""A sound plan whose pool, export, WorkOS or state cannot be used: the exact message, exit 1, nothing written."""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import export_source, pool_source, tree
from tests.support.cognito import POOL_ID, Faults, StandIn, invent_users, serving

Nothing = Callable[..., None]
COMMANDS = ("plan", "apply")


def write_users(world: World, number: int = 3, name: str = "users.jsonl") -> None:
    """An export of so many users beside the plan."""
    lines = [json.dumps(one) + "\n" for one in invent_users(number)]
    (world.plan.parent / name).write_text("".join(lines), encoding="utf-8")


def test_missing_export(world: World, nothing_happens: Nothing) -> None:
    message = (
        f"users.jsonl: no file matches this pattern; patterns count from the plan file's folder, {world.plan.parent}"
    )
    for command in COMMANDS:
        nothing_happens(world, [message], command, "plan.yaml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_export(world: World, nothing_happens: Nothing) -> None:
    write_users(world)
    (world.plan.parent / "users.jsonl").chmod(0)
    nothing_happens(
        world,
        ["users.jsonl: cannot be read (Permission denied); make it a file that this user may read"],
        "apply",
        "plan.yaml",
    )


def test_export_that_leads_nowhere(world: World, nothing_happens: Nothing) -> None:
    (world.plan.parent / "users.jsonl").symlink_to("users.jsonl")
    message = "users.jsonl: cannot be read (Too many levels of symbolic links); make it a file that this user may read"
    nothing_happens(world, [message], "apply", "plan.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "users.jsonl: is empty; write the export anew, or use `migrate export`, which writes a complete one"),
        (
            "Username,Email\nann,ann@example.com\n",
            "users.jsonl:1:1: is not JSON; write the export anew, or use `migrate export`, which writes a complete one",
        ),
        (
            '{"Users": [{"Username": "ann"',
            "users.jsonl:1:30: ends in the middle of its JSON, after 0 users; write the export anew, or use `migrate export`, which writes a complete one",
        ),
        (
            '{"people": []}',
            "users.jsonl:1:1: is no export: it holds no Users; name the files that `aws cognito-idp list-users` or `migrate export` wrote",
        ),
        (
            '{"Users": [{"Username": "ann", "Attributes": []}]}',
            "users.jsonl:1:1: user 1 of the file has no attribute sub; export whole users, as `aws cognito-idp list-users` or `migrate export` write them",
        ),
    ],
    ids=["empty", "not JSON", "cut off", "no export", "no user"],
)
def test_bad_export(world: World, nothing_happens: Nothing, content: str, message: str) -> None:
    (world.plan.parent / "users.jsonl").write_text(content)
    for command in COMMANDS:
        nothing_happens(world, [message], command, "plan.yaml")


def test_truncated_export_names_migrate_export(world: World, nothing_happens: Nothing) -> None:
    page = {"Users": invent_users(60), "PaginationToken": "CAISfirst"}
    (world.plan.parent / "users_1.json").write_text(json.dumps(page))
    world.write_plan(export_source("users_*.json"))
    for command in COMMANDS:
        nothing_happens(
            world,
            [
                "users_1.json: the export is cut off after 60 users: its last page still has a token; write a complete one with `migrate export` (the guide's script keeps the first page only)"
            ],
            command,
            "plan.yaml",
        )


def test_no_aws_credentials(world: World, nothing_happens: Nothing, moto: str) -> None:
    world.write_plan(pool_source(moto, POOL_ID))
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    for command in (
        ("plan",),
        ("apply",),
        ("plan", "--sandbox"),
        ("apply", "--sandbox"),
        ("export", "--out", "users.jsonl"),
    ):
        nothing_happens(
            world,
            [
                "no AWS credentials to read user pool us-east-1_StandIn01 with (NoCredentialsError); sign in (`aws sso login`), set AWS_PROFILE or AWS_ACCESS_KEY_ID, or name a `profile`"
            ],
            *command,
            "plan.yaml",
            **nobody,
        )


def test_pool_not_found(world: World, nothing_happens: Nothing, moto: str) -> None:
    world.write_plan(pool_source(moto, "us-east-1_NoSuchPool"))
    for command in (("plan",), ("apply",), ("export", "--out", "users.jsonl")):
        nothing_happens(
            world,
            [
                "there is no user pool us-east-1_NoSuchPool in us-east-1 of this AWS account; check `user_pool_id` and `region`, and that the credentials are of the pool's account"
            ],
            *command,
            "plan.yaml",
        )


@pytest.mark.parametrize("denied", ["DescribeUserPool", "ListUsers"])
def test_access_denied(world: World, nothing_happens: Nothing, denied: str) -> None:
    with serving(StandIn(invent_users(100), faults=Faults(deny=frozenset({denied, "ListUsers"})))) as pool:
        world.write_plan(pool_source(pool.url, POOL_ID))
        for command in (("plan",), ("apply",), ("export", "--out", "users.jsonl")):
            nothing_happens(
                world,
                [
                    "the AWS credentials may not read user pool us-east-1_StandIn01 (AccessDeniedException); allow them cognito-idp:ListUsers on that pool"
                ],
                *command,
                "plan.yaml",
            )


def test_workos_refuses_the_key(world: World, nothing_happens: Nothing) -> None:
    write_users(world)
    message = f"WorkOS at {world.url} refuses the API key (401); set the variable of destination.workos.api_key to a valid key of this environment"
    for command in COMMANDS:
        nothing_happens(world, [message], command, "plan.yaml", WORKOS_API_KEY="sk_test_wrong")


def test_workos_cannot_be_reached(world: World, nothing_happens: Nothing) -> None:
    write_users(world)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        world.url, real = f"http://127.0.0.1:{nobody.getsockname()[1]}", world.url
        world.write_plan(export_source("users.jsonl"))
        message = f"WorkOS at {world.url} cannot be reached (connection_failed); check destination.workos.base_url and the network, then run again"
        nothing_happens(world, [message], "apply", "plan.yaml")
        world.url = real


def test_key_of_an_environment_that_does_not_know_our_users(world: World, nothing_happens: Nothing) -> None:
    write_users(world, 20)
    assert world.cli("apply", "plan.yaml").code == 0
    # The same address and client id, another environment behind it: what a swapped key amounts to.
    world.workos.call("POST", "/_sandbox/reset")
    message = "the key opens another WorkOS environment than client_sandbox: users of the state are not there; use this environment's key; if its users were deleted, move the state away and run again"
    for command in COMMANDS:
        nothing_happens(world, [message], command, "plan.yaml")


def test_state_of_another_plan_pool_or_environment(world: World, nothing_happens: Nothing) -> None:
    write_users(world, 20)
    assert world.cli("apply", "plan.yaml").code == 0
    text = world.plan.read_text()
    state = "state: {path: .migrate/acme.state.db}\n"
    other_plan = text.replace("name: acme", "name: globex") + state
    other_pool = text.replace("us-east-1_Export001", "us-east-1_Export002")
    other_client = text.replace("client_sandbox", "client_other")
    remedy = "give this plan a name or a state.path of its own"
    messages = [
        f"the state .migrate/acme.state.db belongs to another plan (acme, not globex); {remedy}",
        f"the state .migrate/acme.state.db belongs to another pool (us-east-1_Export001, not us-east-1_Export002); {remedy}",
        f"the state .migrate/acme.state.db belongs to another destination ({world.url} client_sandbox, not {world.url} client_other); {remedy}",
    ]
    for changed, message in zip((other_plan, other_pool, other_client), messages, strict=True):
        world.plan.write_text(changed)
        nothing_happens(world, [message], "apply", "plan.yaml")


@pytest.mark.parametrize("damage", ["cut", "overwritten", "not ours"])
def test_damaged_state_is_refused_and_kept(world: World, nothing_happens: Nothing, damage: str) -> None:
    write_users(world, 400)
    assert world.cli("apply", "plan.yaml").code == 0
    path = world.migrate_dir / "acme.state.db"
    content = path.read_bytes()
    path.write_bytes(
        {
            "cut": content[: len(content) // 2],
            "overwritten": content[:5000] + b"\xff" * 20_000 + content[25_000:],
            "not ours": b"my notes\n" * 1000,
        }[damage]
    )
    message = "the state .migrate/acme.state.db is damaged; it was left as it is; restore it from a copy, or move it away: the next apply rebuilds it from WorkOS by external ID"
    for command in ("apply", "status"):
        nothing_happens(world, [message], command, "plan.yaml")


def test_max_changes(world: World, nothing_happens: Nothing) -> None:
    write_users(world, 100)
    world.write_plan(export_source("users.jsonl"), safety="{max_changes: 10%}")
    nothing_happens(
        world,
        [
            "the plan would change 79 users, and safety.max_changes allows 7; look at `migrate plan plan.yaml`, then raise safety.max_changes if that is what you want"
        ],
        "apply",
        "plan.yaml",
    )


def test_lost_state_is_rebuilt_by_external_id(world: World) -> None:
    write_users(world, 100)
    assert world.cli("apply", "plan.yaml").code == 0
    before, writes = world.users(), world.writes()
    for path in world.migrate_dir.iterdir():
        path.unlink()
    result = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert result["converged"]
    assert result["users"]["adopted"] == len(before)
    assert (world.users(), world.writes()) == (before, writes)
    assert world.cli("apply", "plan.yaml").err.endswith("nothing to do: everybody is in place\n")


def test_export_is_not_overwritten_without_being_asked(world: World, nothing_happens: Nothing, tmp_path: Path) -> None:
    write_users(world, 20)
    before = tree(tmp_path)
    nothing_happens(
        world,
        ["users.jsonl exists already; name another file, or use --overwrite"],
        "export",
        "plan.yaml",
        "--out",
        "users.jsonl",
    )
    assert world.cli("export", "plan.yaml", "--out", "copy.jsonl").code == 0
    assert tree(tmp_path).keys() - before.keys() == {"copy.jsonl"}
