"""The action's steps, run as shell as a runner runs them, into an emulator; and the comment that it keeps."""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.cli import MIGRATE, ROOT
from tests.support.composite_action import ActionRun, CompositeAction
from tests.support.forks import fork_server
from tests.support.migration import Project, invent_pool
from tests.support.sandbox_extras import SandboxProcess
from tests.support.workos_reader import WorkOSReader

TOKEN = "ghs_ofthejob"
KEY = {"API_KEY": "sk_test_sandbox"}
PLAN_TABLE = """\
<!-- migrate plan.yaml -->
### pool: 4 users to change

|  | create | update | adopt | unchanged | skip | conflicts |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| users | 4 | · | · | · | · | · |

4 writes.

4 users read, all of them selected.

<details><summary>To know</summary>

- users under an address that Cognito has not verified: 1

</details>

Digest `DIGEST`.

To do exactly this: `migrate apply plan.yaml --expect SHORT`. To look again: `migrate plan plan.yaml`.
"""


class Service(BaseHTTPRequestHandler):
    """The comments' part of GitHub's and GitLab's APIs, as their references describe it."""

    comments: list[dict[str, Any]]
    refuse: int
    merged: list[dict[str, Any]]
    artifact: bytes | None

    def _answer(self, status: int, body: object) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _handle(self) -> None:
        server, url = self.server.state, urlsplit(self.path)  # type: ignore[attr-defined]
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        asked = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
        server["log"].append((self.command, url.path))
        if server["refuse"] or asked.removeprefix("Bearer ") != TOKEN:
            return self._answer(server["refuse"] or 401, {})
        if url.path == "/user":
            return self._answer(200, {"id": 7})
        if "/merge_requests" in url.path and "/commits/" in url.path:
            return self._answer(200, server["merged"])
        if "/artifacts/" in url.path:
            return self._answer(200, server["artifact"]) if server["artifact"] else self._answer(404, {})
        held = server["comments"]
        if self.command == "GET":
            query = parse_qs(url.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return self._answer(200, held[(page - 1) * size : page * size])
        if self.command == "POST":
            author = {"user": {"type": "Bot"}, "author": {"id": 7}}
            held.append({"id": 1000 + len(held), "body": body["body"], **author})
            return self._answer(201, held[-1])
        (one,) = [one for one in held if url.path.endswith(f"/{one['id']}")]
        one["body"] = body["body"]
        return self._answer(200, one)

    do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815 - as the base class calls them

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[tuple[str, dict[str, Any]]]:
    """Its address, and what it holds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    state: dict[str, Any] = {"comments": [], "log": [], "refuse": 0, "merged": [], "artifact": None}
    server.state = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def project(tmp_path: Path, sandbox: SandboxProcess) -> Project:
    WorkOSReader(sandbox.url, sandbox.api_key).call("POST", "/_sandbox/reset")
    folder = tmp_path / "checkout"
    folder.mkdir()
    made = Project(folder, sandbox.url)
    made.write_pool(invent_pool(4))
    return made


@pytest.fixture
def service() -> Iterator[tuple[str, dict[str, Any]]]:
    with serving() as served:
        yield served


class Runner:
    """One runner after another: each begins with an empty temporary folder, the checkout stays."""

    def __init__(self, project: Project, tmp_path: Path) -> None:
        self.project, self.tmp_path, self.jobs = project, tmp_path, 0
        self.environment = dict(KEY)

    def __call__(self, *, installed: bool = True, real: bool = False, **inputs: str) -> ActionRun:
        """One job; `real`: by the installed command, not by forks."""
        self.jobs += 1
        temp = self.tmp_path / f"runner {self.jobs}"
        (temp / "migrate-venv" / "bin").mkdir(parents=True)
        command = temp / "migrate-venv" / "bin" / "migrate"
        if installed and real:
            command.symlink_to(MIGRATE)
        elif installed:
            fork_server().write_command(command)
        without = frozenset({"Install"}) if installed else frozenset()
        action = CompositeAction(ROOT, self.project.folder, temp, without=without)
        given = {"plan": "plan.yaml"} | {name.replace("_", "-"): value for name, value in inputs.items()}
        return action.run(given, self.environment)

    def pull_request(self, url: str, number: int | None = 5) -> None:
        event = self.tmp_path / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": number}} if number else {}))
        self.environment |= {
            "GITHUB_API_URL": url, "GITHUB_REPOSITORY": "acme/users", "GITHUB_EVENT_PATH": str(event),
        }  # fmt: skip


@pytest.fixture
def runner(project: Project, tmp_path: Path) -> Runner:
    return Runner(project, tmp_path)


def test_plan_then_apply_what_was_reviewed(runner: Runner, project: Project, sandbox: SandboxProcess) -> None:
    planned = runner(real=True, review="reviewed.plan")
    assert not planned.failed, planned.said
    digest = planned.outputs["digest"]
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert (planned.outputs["exit-code"], planned.outputs["changes"]) == ("0", "true")
    wanted = PLAN_TABLE.replace("DIGEST", digest).replace("SHORT", digest[:16])
    assert planned.summary == f"\n{wanted}"
    assert planned.outputs["comment"] == wanted.rstrip("\n")
    assert gzip.decompress((project.folder / "reviewed.plan").read_bytes())
    assert json.loads(Path(planned.outputs["result"]).read_text())["digest"] == digest

    applied = runner(real=True, command="apply", expect="reviewed.plan", report="report.html")
    assert not applied.failed, applied.said
    assert "### pool: done, everybody is in place" in applied.summary and "Run as reviewed." in applied.summary
    assert applied.summary.strip() == applied.outputs["comment"]
    assert "| users | 4 | · |" in applied.summary
    assert (project.folder / "report.html").read_text().startswith("<!doctype html>")
    assert len(WorkOSReader(sandbox.url, sandbox.api_key).users()) == 4


def test_what_moved_since_the_review_is_refused(runner: Runner, project: Project, sandbox: SandboxProcess) -> None:
    digest = runner().outputs["digest"]
    project.write_pool(invent_pool(5))
    refused = runner(command="apply", expect=digest)
    assert refused.failed
    assert refused.outputs["exit-code"] == "1"
    assert "### plan.yaml: nothing was attempted" in refused.summary and "`not_as_reviewed`" in refused.summary
    assert WorkOSReader(sandbox.url, sandbox.api_key).users() == []


def test_a_plan_that_is_none_ends_with_its_faults(runner: Runner, project: Project) -> None:
    project.plan.write_text(project.plan.read_text().replace('"version"', '"wersion"'))
    validated = runner(command="validate")
    assert validated.failed and [one.name for one in validated.steps] == ["Validate"]
    assert "version" in validated.said
    planned = runner()
    assert planned.failed and planned.outputs["exit-code"] == ""


def test_the_time_limit_interrupts_and_the_next_run_goes_on(
    runner: Runner, project: Project, sandbox: SandboxProcess
) -> None:
    workos = WorkOSReader(sandbox.url, sandbox.api_key)
    project.write_pool(invent_pool(400))
    plan = json.loads(project.plan.read_text())
    plan["destination"]["workos"] |= {"writes_per_10s": 20}
    project.plan.write_text(json.dumps(plan))
    runner(review="reviewed.plan")
    # Less than this pace takes, and enough to start on a busy machine.
    cut = runner(real=True, command="apply", expect="reviewed.plan", minutes="0.15")
    assert cut.failed and cut.outputs["exit-code"] == "130", cut.said
    assert "::warning::interrupted; the state is saved, and the next run goes on" in cut.said
    assert "### pool: interrupted, the next run goes on" in cut.summary
    assert 0 < len(workos.users()) < 400
    plan["destination"]["workos"] |= {"writes_per_10s": None}
    project.plan.write_text(json.dumps(plan))
    ended = runner(command="apply", expect="reviewed.plan")
    assert not ended.failed, ended.said
    assert "of it done since" in ended.summary
    assert len(workos.users()) == 400


def test_the_sandbox_and_a_command_that_is_none(runner: Runner) -> None:
    planned = runner(sandbox="true")
    assert "### pool (sandbox): " in planned.summary and "--sandbox --expect" in planned.summary and not planned.failed
    assert runner(command="destroy").failed


def test_one_comment_is_updated_in_place(runner: Runner, project: Project, service: tuple[str, dict[str, Any]]) -> None:
    url, held = service
    runner.pull_request(url)
    others = [{"id": at, "body": "hello", "user": {"type": "User"}} for at in range(130)]
    # Somebody quotes the marker.
    others[3]["body"] = "<!-- migrate plan.yaml -->\nmine"
    held["comments"] = list(others)
    first = runner(token=TOKEN)
    assert not first.failed, first.said
    assert len(held["comments"]) == 131
    assert held["comments"][-1]["body"].rstrip("\n") == first.outputs["comment"]
    assert held["log"][-1] == ("POST", "/repos/acme/users/issues/5/comments")
    project.write_pool(invent_pool(5))
    second = runner(token=TOKEN)
    assert len(held["comments"]) == 131 and held["comments"][:130] == others
    assert "### pool: 5 users to change" in held["comments"][-1]["body"] and not second.failed
    assert held["log"][-1] == ("PATCH", f"/repos/acme/users/issues/comments/{held['comments'][-1]['id']}")
    # What stops a plan stands in the same place.
    project.write_pool([])
    (project.folder / "users.jsonl").unlink()
    third = runner(token=TOKEN)
    assert third.failed and "nothing was attempted" in held["comments"][-1]["body"]
    assert len(held["comments"]) == 131


def test_no_comment_is_no_failure(runner: Runner, service: tuple[str, dict[str, Any]]) -> None:
    url, held = service
    runner.pull_request(url)
    held["refuse"] = 403
    refused = runner(token=TOKEN)
    assert not refused.failed
    assert "::warning::no comment was written: the service answered 403" in refused.said
    assert TOKEN not in refused.said
    runner.pull_request(url, number=None)
    held["log"].clear()
    assert "no pull request: no comment" in runner(token=TOKEN).said and held["log"] == []


def test_nothing_of_a_person_leaves_the_runner(runner: Runner, project: Project) -> None:
    users = invent_pool(12)
    # Two in conflict: the code is shown, and who they are is not.
    for user in users[:2]:
        user["Attributes"][-1]["Value"] = "gölden"
    project.write_pool(users)
    planned, applied = runner(review="reviewed.plan"), runner(command="apply", report="report.html")
    assert applied.outputs["exit-code"] == "3", applied.said
    assert "<details><summary>Not migrated: 2</summary>" in planned.summary
    shown = planned.summary + applied.summary + planned.said + applied.said + planned.outputs["comment"]
    shown += gzip.decompress((project.folder / "reviewed.plan").read_bytes()).decode()
    assert (project.folder / "report.html").exists(), applied.said
    shown += (project.folder / "report.html").read_text()
    for user in users:
        for one in user["Attributes"]:
            if one["Name"] in ("sub", "email", "given_name", "family_name"):
                assert one["Value"].strip() not in shown


@pytest.mark.long
def test_the_install_step(runner: Runner) -> None:
    """Everything as on a runner, from the index."""
    planned = runner(installed=False)
    assert [one.name for one in planned.steps] == ["Install", "Validate", "Plan or apply", "Exit code"]
    assert not planned.failed, planned.said


def test_gitlab_notes_and_the_review_of_a_merge(
    project: Project, tmp_path: Path, service: tuple[str, dict[str, Any]]
) -> None:
    import subprocess

    url, held = service
    environment = {
        "GITLAB_CI": "true", "CI_API_V4_URL": url, "CI_PROJECT_ID": "12", "CI_COMMIT_SHA": "abc",
        "MIGRATE_GITLAB_TOKEN": TOKEN, "PATH": "/usr/bin:/bin", "CI_MERGE_REQUEST_IID": "3",
    }  # fmt: skip

    def run(script: str, argument: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "action" / script), argument],
            cwd=tmp_path, env=environment | more, capture_output=True, text=True, check=False,
        )  # fmt: skip

    held["comments"] = [{"id": 1, "body": "<!-- migrate a -->\nsomebody else's", "author": {"id": 8}}]
    for text in ("one", "two"):
        (tmp_path / "summary.md").write_text(f"<!-- migrate a -->\n{text}\n")
        assert run("comment.py", "summary.md").stdout == "the comment is up to date\n"
    assert [one["body"] for one in held["comments"][1:]] == ["<!-- migrate a -->\ntwo\n"]
    assert held["log"][-1] == ("PUT", "/projects/12/merge_requests/3/notes/1001")
    assert run("comment.py", "summary.md", CI_MERGE_REQUEST_IID="").stdout == "no pull request: no comment\n"

    nothing = run("gitlab_review.py", "reviewed.plan")
    assert nothing.returncode == 1 and not (tmp_path / "reviewed.plan").exists()
    held["merged"] = [{"iid": 2, "state": "closed"}, {"iid": 3, "state": "merged"}]
    missing = run("gitlab_review.py", "reviewed.plan")
    assert missing.returncode == 1 and "GitLab answered 404" in missing.stderr
    held["artifact"] = b"sealed"
    assert run("gitlab_review.py", "reviewed.plan").returncode == 0
    assert (tmp_path / "reviewed.plan").read_bytes() == b"sealed"
    assert "/projects/12/jobs/artifacts/refs%2Fmerge-requests%2F3%2Fhead/raw/reviewed.plan" in held["log"][-1][1]
