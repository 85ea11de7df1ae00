"""Commands as a user types them: what stands where, for people and with `--json`."""

from __future__ import annotations

import json
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import MIGRATE, Cli, Ended, export_source, plan_text, tree

PoolWorld = Callable[[int], World]


@pytest.fixture
def world(pool_world: PoolWorld) -> World:
    return pool_world(58)


def test_a_first_day_with_the_tool(world: World) -> None:
    cli = world.cli
    assert world.pool is not None
    people, selected = len(world.pool.wanted), len(world.pool.wanted) + world.pool.merged

    validated = cli("validate", "plan.yaml")
    assert (validated.code, validated.out) == (0, "")
    assert validated.err.endswith("plan.yaml: valid\n")
    planned = cli("plan", "plan.yaml")
    assert (planned.code, planned.out) == (0, "")
    assert f"58 users read, {selected} selected" in planned.err
    assert f"{people} writes" in planned.err
    applied = cli("apply", "plan.yaml")
    assert (applied.code, applied.out) == (0, "")
    _introduced(applied.err, world)
    assert applied.err.endswith("done: everybody is in place\n")
    assert "reading: 100 % (58 of 58" in applied.err
    assert f"writing: 100 % ({people} of {people}" in applied.err
    again = cli("apply", "plan.yaml")
    assert (again.code, again.out) == (0, "")
    assert again.err.endswith("nothing to do: everybody is in place\n")
    status = cli("status", "plan.yaml")
    assert status.code == 0
    assert [line.split() for line in status.out.splitlines()[1:3]] == [["failed", "0"], ["conflicts", "0"]]
    left_out = cli("status", "plan.yaml", "--users", "left_out")
    head, *rows = left_out.out.splitlines()
    assert head.split() == ["list", "source", "id", "status", "code", "workos", "id", "message", "remedy"]
    assert len(rows) == 58 - selected
    assert {(row.split()[0], row.split()[3]) for row in rows} == {("left_out", one) for one in world.pool.filtered}
    # Columns: each begins where its head does.
    assert {row.index(row.split()[3]) for row in rows} == {head.index("code")}
    none = cli("status", "plan.yaml", "--users", "conflicts,failed")
    assert (none.code, none.out) == (0, "")
    exported = cli("export", "plan.yaml", "--out", "users.jsonl")
    assert (exported.code, exported.out) == (0, "")
    assert exported.err.endswith("58 users written to users.jsonl\n")


def test_names_are_read_from_the_pool_after_a_converged_run(world: World) -> None:
    assert world.cli("apply", "plan.yaml").code == 0
    assert not list(world.migrate_dir.glob("*.snapshot.db"))
    told = world.cli("status", "plan.yaml", "--users", "merged", "--names")
    assert "names: no snapshot was kept, so they are read from the user pool" in told.err
    named = world.cli("status", "plan.yaml", "--users", "migrated,merged", "--names", "--json")
    rows = named.json("status.v1")["listed"]
    subs = {user["external_id"]: email for email, user in world.users().items()}
    migrated = {row["source_id"]: row["email"] for row in rows if row["list"] == "migrated"}
    assert migrated == subs
    assert world.pool is not None and sum(row["list"] == "merged" for row in rows) == world.pool.merged
    assert not list(world.migrate_dir.glob("*.snapshot.db"))


def test_two_plans_with_one_state_are_refused(cli: Cli) -> None:
    text = plan_text(export_source("users.jsonl"))
    (cli.folder / "users.jsonl").write_text("")
    (cli.folder / "plan.yaml").write_text(text)
    (cli.folder / "b.yaml").write_text(text)
    refused = cli("validate", "plan.yaml", "b.yaml", "--json").json("error.v1")
    assert [one["code"] for one in refused["errors"]] == ["shared_state"]
    assert cli("validate", "plan.yaml", "plan.yaml").code == 0
    (cli.folder / "b.yaml").write_text(text.replace("name: acme", "name: other"))
    assert cli("validate", "plan.yaml", "b.yaml").code == 0


def test_every_command_prints_one_json_object(world: World) -> None:
    cli = world.cli
    assert world.pool is not None
    assert cli("validate", "plan.yaml", "--json").json("validate.v1")["valid"] == ["plan.yaml"]
    assert cli("plan", "plan.yaml", "--json").json("plan-result.v1")["changes"] is True
    assert cli("apply", "plan.yaml", "--json").json("result.v1")["converged"] is True
    status = cli("status", "plan.yaml", "--json").json("status.v1")
    assert status["users"]["migrated"] == len(world.pool.wanted)
    assert status["users"]["merged"] == world.pool.merged
    listed = cli("status", "plan.yaml", "--users", "left_out,merged", "--json").json("status.v1")["listed"]
    assert len(listed) == world.pool.merged + sum(world.pool.filtered.values())
    users = cli("state", "list", "plan.yaml", "--json").json("state-list.v1")["users"]
    assert len(users) == len(world.pool.wanted) + world.pool.merged
    sub = users[0]["source_id"]
    assert cli("state", "show", "plan.yaml", sub, "--json").json("state-user.v1")["user"] == users[0]
    assert cli("state", "unlock", "plan.yaml", "--json").json("state-unlock.v1")["locked"] is False
    assert cli("state", "forget", "plan.yaml", sub, "--json").json("state-forget.v1")["forgotten"] == [sub]
    assert cli("export", "plan.yaml", "--out", "all.jsonl", "--json").json("export.v1")["users"] == 58
    assert json.loads(cli("schema", "--json").out)["$id"].endswith("plan.v1")


def test_quiet_commands_say_nothing(world: World) -> None:
    for command in (("validate",), ("plan",), ("apply",)):
        ended = world.cli(*command, "plan.yaml", "--quiet")
        assert (ended.code, ended.out) == (0, "")
        assert all(line.startswith("warning: ") for line in ended.err.splitlines())


def test_the_sandbox_touches_nothing_of_the_real_destination(world: World) -> None:
    ended = world.cli("apply", "plan.yaml", "--sandbox", "--json", WORKOS_API_KEY="")
    assert ended.code == 0, ended.said
    assert ended.json("result.v1")["sandbox"] is True
    assert world.writes() == 0
    again = world.cli("apply", "plan.yaml", "--sandbox", WORKOS_API_KEY="")
    assert again.err.endswith("nothing to do: everybody is in place\n")
    assert world.cli("status", "plan.yaml").code == 1  # the real state does not exist
    assert world.cli("status", "plan.yaml", "--sandbox").code == 0


@pytest.mark.parametrize(
    "command",
    [(), ("init",), ("validate",), ("plan",), ("apply",), ("status",), ("export",), ("sandbox",), ("schema",),
     ("state", "list"), ("state", "show"), ("state", "forget"), ("state", "unlock"),
     ("oauth", "check"), ("oauth", "show-secret")],
)  # fmt: skip
def test_help_has_an_example(cli: Callable[..., object], command: tuple[str, ...]) -> None:
    ended = cli(*command, "--help")
    assert ended.code == 0  # type: ignore[attr-defined]
    assert "Example: migrate " in ended.out  # type: ignore[attr-defined]


def test_version_and_short_help(cli: Callable[..., Ended]) -> None:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    version = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    told = cli("--version")
    assert (told.code, told.out, told.err) == (0, f"migrate {version}\n", "")
    for command in ((), ("apply",), ("resets", "send")):
        assert cli(*command, "-h").out == cli(*command, "--help").out != ""


def _introduced(said: str, world: World) -> None:
    facts = [line for line in said.splitlines() if not line.startswith("warning:")][:4]
    assert facts == [
        "plan         acme (plan.yaml)",
        f"pool         user pool {world.pool_id} in us-east-1 at {world.endpoint}",
        f"destination  WorkOS {world.url} (client_sandbox)",
        "state        .migrate/acme.state.db",
    ]


@pytest.fixture
def sandboxed(cli: Cli) -> Cli:
    """The quickstart's plan, applied to three people."""
    assert cli("init", "--quickstart", "--out", "try.yaml").code == 0
    assert cli("apply", "try.yaml", "--sandbox", "--limit", "3").code == 0
    return cli


def test_no_command_writes_over_the_plan_or_into_a_file_called_dash(sandboxed: Cli) -> None:
    before = tree(sandboxed.folder)
    writing: list[list[str]] = [["report", "try.yaml", "--sandbox"], ["plan", "try.yaml", "--sandbox"],
                                ["export", "try.yaml"]]  # fmt: skip
    for command in writing:
        ended = sandboxed(*command, "--out", "./try.yaml", "--force")
        assert (ended.code, ended.err) == (1, "error: try.yaml is the plan file itself; name another file\n")
    dash = "error: - is no file, and this goes into one; name a file"
    for command in (*([*one, "--out", "-"] for one in writing[1:]), ["plan", "try.yaml", "--sandbox", "--changes", "-"],
                    ["plan", "try.yaml", "--sandbox", "--summary", "-"], ["schema", "--out", "-"]):  # fmt: skip
        ended = sandboxed(*command)
        assert (ended.code, ended.err.splitlines()[-1]) == (1, dash), command
    assert tree(sandboxed.folder) == before
    assert sandboxed("report", "try.yaml", "--sandbox", "--out", "-").out.endswith("</html>\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("status", "--format", "csv"),
            "--format is of a list, and none is asked for; add --users LISTS; for counts by machine use --json",
        ),
        (
            ("status", "--names"),
            "--names is of a list, and none is asked for; add --users LISTS; for counts by machine use --json",
        ),
        (
            ("ids", "--include-unverified"),
            "--include-unverified goes with --format sql; everywhere else unverified records are in it, marked so; "
            "leave it out, or add --format sql",
        ),
        (
            ("ids", "--format", "xml"),
            "Invalid value for '--format': 'xml' is not one of 'csv', 'jsonl', 'sql'; see `migrate ids --help`",
        ),
    ],
)
def test_options_that_would_have_no_effect(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    (cli.folder / "plan.yaml").write_text(plan_text(export_source("users.jsonl")), encoding="utf-8")
    ended = cli(arguments[0], "plan.yaml", *arguments[1:])
    assert (ended.code, ended.out, ended.err) == (1, "", f"error: {message}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_standard_output_that_is_full_or_closed(sandboxed: Cli) -> None:
    # Real processes: the interpreter's own last flush is what a fork has not.
    def ended(ending: str, *arguments: str) -> tuple[int, str]:
        line = f"{shlex.quote(str(MIGRATE))} {shlex.join(arguments)} {ending}"
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=sandboxed.folder, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr.splitlines()[-1] if done.stderr else ""

    error = (
        "error: standard output cannot be written (No space left on device); send it where there is room, and run again"
    )
    for command in (["ids", "try.yaml", "--sandbox"], ["status", "try.yaml", "--sandbox", "--json"], ["schema"]):
        assert ended(">/dev/full", *command) == (3, error), command
    assert ended(">&-", "plan", "try.yaml", "--sandbox")[0] == 0
    assert ended(">&- 2>&-", "apply", "try.yaml", "--sandbox") == (0, "")
    assert sandboxed("plan", "try.yaml", "--sandbox", "--detailed-exitcode").code == 0


def test_a_log_is_a_file(cli: Cli) -> None:
    ended = cli("schema", "--log", "-")
    assert (ended.code, ended.err) == (1, "error: - is no file, and a log goes into one; name a file\n")
    assert not (cli.folder / "-").exists()
