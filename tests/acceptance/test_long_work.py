"""What a long run says while it goes on: on a terminal, in a pipe, in GitHub Actions, in a log."""

from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import root_command
from tests.acceptance.conftest import World
from tests.acceptance.test_privacy import PERSONAL, SECRET
from tests.support.cli import Cli, export_source, plan_text
from tests.support.migration import invent_pool
from tests.views.test_workflow import commands

PoolWorld = Callable[[int], World]
SHARED = {"--log", "-v", "--version"}


def every_command(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command and group with the words that call it."""
    yield path, command
    for name, one in sorted(getattr(command, "commands", {}).items()):
        yield from every_command(one, (*path, name))


def write_users(world: World, number: int) -> None:
    """Invented users in the export that the world's plan reads."""
    text = "".join(json.dumps(one) + "\n" for one in invent_pool(number))
    (world.plan.parent / "users.jsonl").write_text(text)


def log_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_command_and_group_has_the_shared_options(cli: Cli) -> None:
    found = dict(every_command(root_command()))
    assert len(found) > 20
    for path, command in found.items():
        assert {name for one in command.params for name in one.opts} >= SHARED, path
        assert command.context_settings["help_option_names"] == ["-h", "--help"] if not path else True
    for path in (("--log", "run.log", "state", "show"), ("state", "--log", "run.log", "show"), ("state", "show")):
        more = ("--log", "run.log") if path == ("state", "show") else ()
        assert cli(*path, "plan.yaml", "x", *more).code == 1
    assert [one["command"] for one in log_lines(cli.folder / "run.log") if one["event"] == "command_began"] == (
        ["migrate state show"] * 3
    )
    for path in (("apply",), ("resets",), ("resets", "send"), ("oauth", "show-secret"), ("sandbox",), ()):
        told = cli(*path, "--version")
        assert (told.code, told.out, told.err) == (0, "migrate 0.1.0\n", ""), path
        told = cli(*path, "-h")
        assert told.code == 0 and set(re.findall(r"(?<!\S)--?[a-z]+", told.out.replace(",", " "))) >= SHARED, path


def test_progress_goes_to_standard_error_with_json_too_and_quiet_silences_it(world: World) -> None:
    write_users(world, 40)
    told = world.cli("apply", "plan.yaml", "--json")
    assert told.json("result.v1")["users"]["created"] == 40
    *_, last = told.err.splitlines()
    assert last.startswith("writing: 100 % (40 of 40, ") and "pool" not in told.err
    write_users(world, 80)
    quiet = world.cli("apply", "plan.yaml", "--json", "--quiet")
    assert quiet.json("result.v1")["users"]["created"] == 40
    assert [line for line in quiet.err.splitlines() if not line.startswith("warning: ")] == []


@pytest.mark.parametrize("plain", [False, True])
def test_words_that_matter_have_a_colour_on_a_terminal(plain: bool, world: World) -> None:
    write_users(world, 3)
    said = ""
    for arguments in (("apply", "plan.yaml"), ("apply", "none.yaml")):
        ours, theirs = pty.openpty()
        running = world.cli.fork(*arguments, terminal=theirs, TERM="xterm", **({"NO_COLOR": "1"} if plain else {}))
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(ours, 4096):
                chunks.append(chunk)
        except OSError:
            # The other end is closed: everybody has left.
            pass
        running.wait(60)
        os.close(ours)
        said += b"".join(chunks).decode()
    words = ("\x1b[32mdone\x1b[0m: everybody", "\x1b[31merror:\x1b[0m none.yaml")
    assert ("\x1b[" in said) is not plain
    for word in words:
        assert (word if not plain else re.sub(r"\x1b\[\d+m", "", word)) in said, said


def test_without_a_terminal_there_is_no_colour(cli: Cli) -> None:
    assert "\x1b" not in cli("apply", "none.yaml", TERM="xterm").said


def test_github_shows_faults_of_the_plan_at_their_lines(cli: Cli) -> None:
    (cli.folder / "plans").mkdir()
    text = plan_text(export_source("users.jsonl")) + "filtres:\n  enabled: true\nexisting_users: maybe\n"
    (cli.folder / "plans" / "acme.yaml").write_text(text)
    github = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(cli.folder)}
    line = text[: text.index("filtres")].count("\n") + 1
    for more in ((), ("--json",)):
        told = cli("validate", "plans/acme.yaml", *more, **github)
        assert told.code == 1
        found = told.err.splitlines()
        assert [one.split("::")[1] for one in found] == [
            f"error file=plans/acme.yaml,line={line},col=1", f"error file=plans/acme.yaml,line={line + 2},col=17",
        ]  # fmt: skip
        assert all(one.split("::", 2)[2].startswith("plans/acme.yaml:") for one in found)


def test_github_shows_phases_as_groups_and_counts_as_a_summary(world: World) -> None:
    write_users(world, 20)
    summary = world.plan.parent / "summary.md"
    summary.write_text("# before\n")
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    applied = world.cli("apply", "plan.yaml", **github)
    for command in ("plan", "verify"):
        assert world.cli(command, "plan.yaml", "--json", **github).code == 0
    began = [line for line in applied.err.splitlines() if line.startswith(("::group::", "::endgroup::"))]
    assert "::group::reading" in began and "::group::writing" in began
    assert began.count("::endgroup::") == sum(one.startswith("::group::") for one in began)
    # Groups do not nest: each ends before the next begins.
    assert [one == "::endgroup::" for one in began] == [False, True] * (len(began) // 2)
    text = summary.read_text()
    assert text.startswith("# before\n\n<!-- migrate plan.yaml -->\n### acme: done, everybody is in place\n")
    assert "| users | 20 | " in text and "\n\n<!-- migrate plan.yaml -->\n### acme: nothing to do\n" in text
    ready = world.cli("ready", "plan.yaml", "--json", **github)
    found = ready.json("ready.v1")
    text = summary.read_text()
    assert f"\n\n### acme: {found['verdict']} for the cut-over\n\n{found['counts']['ok']} ok, " in text
    assert text.count("| no-go |") == found["counts"]["no_go"] > 0
    assert (
        "\n\n### acme: verified\n\n|  | equal | " in text and "| users | 20 | " in text.split("### acme: verified")[1]
    )
    assert not [one for one in PERSONAL if one in text] and "@" not in text and "person" not in text


def test_a_step_and_a_file_are_told_the_same_once(world: World) -> None:
    write_users(world, 2)
    folder = world.plan.parent

    def told(*arguments: str, code: int) -> str:
        step = folder / "step.md"
        step.unlink(missing_ok=True)
        ended = world.cli(*arguments, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(step))
        assert ended.code == code, ended.said
        return step.read_text()

    for command in ("plan", "apply"):
        text = told(command, "plan.yaml", "--summary", f"{command}.md", code=0)
        assert text.count("### ") == 1 and text == f"\n{(folder / f'{command}.md').read_text()}"
    before = (folder / "apply.md").read_text()
    # A file that is there stays as it is, and the step is told why nothing was attempted.
    text = told("apply", "plan.yaml", "--summary", "apply.md", code=1)
    assert (
        text.startswith("\n<!-- migrate plan.yaml -->\n### plan.yaml: nothing was attempted\n") and "apply.md" in text
    )
    assert (folder / "apply.md").read_text() == before
    text = told("apply", "plan.yaml", "--expect", "0" * 16, "--summary", "refused.md", code=1)
    assert "`not_as_reviewed`" in text and text == f"\n{(folder / 'refused.md').read_text()}"
    # Who was asked for by name is named to the one who asked, not to whoever reads the step.
    text = told("apply", "plan.yaml", "--target", "nobody@example.com", "--summary", "unknown.md", code=1)
    assert "- --target … is neither a sub nor an address of the pool; " in text and "(`target_unknown`)" in text
    assert "example" not in text and text == f"\n{(folder / 'unknown.md').read_text()}"


def test_nobody_is_called_a_command(world: World) -> None:
    """Subs out of a file: two in conflict, listed by what they are called."""
    users = invent_pool(2)
    for at, (user, sub) in enumerate(zip(users, ("::set-output name=a::b", "##[add-mask]x"), strict=True)):
        user["Username"] = sub
        for one in user["Attributes"]:
            if one["Name"] == "sub":
                one["Value"] = sub
            if one["Name"] == "email":
                one["Value"] = f"same{at}@example.com"
        user["UserStatus"] = "CONFIRMED"
        world.workos.call(
            "POST", "/user_management/users", {"email": f"same{at}@example.com", "external_id": f"other{at}"}
        )
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))
    summary = world.plan.parent / "summary.md"
    for arguments in (("apply", "plan.yaml"), ("apply", "plan.yaml", "--json"), ("state", "list", "plan.yaml")):
        told = world.cli(*arguments, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
        named = [line for line in told.said.splitlines() if "set-output" in line or "add-mask" in line]
        assert named or arguments[0] == "state", told.said
        assert not [line for line in named if commands(line)]
        assert told.code in (0, 3)
    assert "set-output" not in summary.read_text() and "| `other_external_id` | 2 |" in summary.read_text()
    assert any(commands("  " + line.strip()) for line in world.cli("apply", "plan.yaml").err.splitlines())


def test_requests_are_shown_by_path_and_status(pool_world: PoolWorld) -> None:
    world = pool_world(29)
    told = world.cli("apply", "plan.yaml", "-v", "--json", "--log", "run.log")
    assert told.code == 0
    shown = [line for line in told.err.splitlines() if re.match(r"(WorkOS|Cognito) ", line)]
    assert world.pool is not None
    created = [one for one in shown if re.fullmatch(r"WorkOS POST /user_management/users 201 in \d+(\.\d)? m?s", one)]
    assert len(created) == len(world.pool.wanted)
    assert any(re.fullmatch(r"Cognito POST ListUsers 200 in \d+(\.\d)? m?s", one) for one in shown)
    assert any(one.startswith("Cognito POST DescribeUserPool 200 in ") for one in shown)
    logged = [one for one in log_lines(world.plan.parent / "run.log") if one["event"] == "request"]
    assert len(logged) == len(shown)
    assert {one["path"] for one in logged if one["service"] == "WorkOS"} == {
        line.split()[2] for line in shown if line.startswith("WorkOS")
    }
    # One whom WorkOS is asked for by id.
    world.change("plain.0@example.com", email="moved.0@example.com", email_verified="true")
    again = world.cli("apply", "plan.yaml", "-v")
    assert "WorkOS GET /user_management/users/{id} 200 in " in again.err
    assert "WorkOS PUT /user_management/users/{id} 200 in " in again.err
    for ended in (told, again):
        assert not [word for word in (*PERSONAL, *SECRET, "user_0") if word in ended.err]
    quiet = world.cli("apply", "plan.yaml", "-v", "--quiet")
    assert [line for line in quiet.err.splitlines() if not line.startswith("warning: ")] == []


def test_the_log_of_every_command_names_nobody(pool_world: PoolWorld) -> None:
    world = pool_world(58)
    log = world.plan.parent / "run.log"
    subs = [one["Username"] for one in world.pool.records] if world.pool else []
    codes = [
        world.cli(*command, "plan.yaml", *rest, "--log", "run.log", "-v").code
        for command, *rest in (
            [("validate",)], [("plan",)], [("apply",)], [("verify",)], [("status",), "--users", "migrated", "--names"],
            [("ids",)], [("state", "list")], [("state", "show"), "ann@acme.com"], [("export",), "--out", "copy.jsonl"],
            [("report",), "--out", "report.html"], [("resets", "status")], [("schema",)],
        )
    ]  # fmt: skip
    assert codes[:5] == [0, 0, 0, 0, 0] and codes[7] == 1
    found = log_lines(log)
    began = [one["command"] for one in found if one["event"] == "command_began"]
    assert began[:3] == ["migrate validate", "migrate plan", "migrate apply"] and "migrate state show" in began
    assert len(began) == sum(one["event"] == "command_ended" for one in found)
    assert {one["exit_code"] for one in found if one["event"] == "command_ended"} >= {0, 1}
    (result,) = (one for one in found if one["event"] == "result" and one.get("command") == "apply")
    assert world.pool is not None and result["users"]["created"] == len(world.pool.wanted)
    assert [one["code"] for one in found if one["level"] == "error"] == ["unknown_user"]
    assert all({"time", "level", "event"} <= one.keys() for one in found)
    text = log.read_text()
    assert not [word for word in (*PERSONAL, *SECRET, "acme.com", *subs) if word in text]
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_none_of_ours_is_refused_before_anything_else(
    world: World, nothing_happens: Callable[..., None]
) -> None:
    write_users(world, 2)
    nothing_happens(
        world,
        ["plan.yaml is no log of this tool; it was left as it is; name another file with --log"],
        "apply", "plan.yaml", "--log", "plan.yaml",
    )  # fmt: skip
