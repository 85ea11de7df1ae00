"""The lines of `--log`: when, what, how many, and nobody."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import orjson
import pytest

from engine.model.diagnostics import Diagnostic
from engine.model.errors import MigrateError
from engine.model.exchanges import Exchange
from engine.quota.forecast import PaceLimit
from engine.views.progress import Stages
from engine.views.run_log import RunLog, figures_of
from engine.workspace.log_files import open_log
from tests.support.stepped_time import SteppedTime


def lines(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_text().splitlines()]


def test_events_have_a_time_a_level_and_figures(tmp_path: Path) -> None:
    log = RunLog(open_log(tmp_path / "run.log"), now=lambda: 1_764_547_200.25)
    log.event("info", "began", command="migrate apply", total=None)
    log.exchange(Exchange("WorkOS", "GET", "/users/{id}", "200", 0.12345))
    log.close()
    log.event("info", "late")
    moment = {"time": "2025-12-01T00:00:00.250Z"}
    assert lines(tmp_path / "run.log") == [
        {**moment, "level": "info", "event": "began", "command": "migrate apply"},
        {**moment, "level": "debug", "event": "request", "service": "WorkOS", "method": "GET", "path": "/users/{id}",
         "end": "200", "seconds": 0.123},
    ]  # fmt: skip
    assert (tmp_path / "run.log").stat().st_mode & 0o777 == 0o600


def test_stages_with_a_line_every_half_minute(tmp_path: Path) -> None:
    time = SteppedTime()
    log = RunLog(open_log(tmp_path / "run.log"))
    stages = Stages([log], clock=time)
    progress = stages.begin("writing", 1000, limits=[PaceLimit(10, 10.0)])
    for second in range(0, 61):
        time.now = float(second)
        progress(second)
    stages.end(whole=False)
    shown = [
        {name: value for name, value in one.items() if name not in ("time", "level")}
        for one in lines(tmp_path / "run.log")
    ]
    assert shown == [
        {"event": "stage_began", "stage": "writing", "total": 1000},
        {"event": "progress", "stage": "writing", "done": 30, "total": 1000, "per_second": 1.0, "seconds_left": 970},
        {"event": "progress", "stage": "writing", "done": 60, "total": 1000, "per_second": 1.0, "seconds_left": 940},
        {"event": "stage_ended", "stage": "writing", "done": 60, "whole": False, "seconds": 60.0},
    ]


def test_faults_are_logged_by_code_and_place_and_what_is_said_names_nobody(tmp_path: Path) -> None:
    log = RunLog(open_log(tmp_path / "run.log"))
    log.told("error", Diagnostic("unknown_user", "no user ann@acme.com", "", "plan.yaml", 3, 5), "no user ann@acme.com")
    told = "user ann@acme.com (0b77d1c4-1111-4222-8333-444455556666, user_01J9ABC) is new\x1b[0m"
    log.told("warning", told, told)
    log.close()
    fault, warning = lines(tmp_path / "run.log")
    assert {**fault, "time": ""} == {
        "time": "", "level": "error", "event": "error", "code": "unknown_user",
        "file": "plan.yaml", "line": 3, "column": 5,
    }  # fmt: skip
    assert warning["message"] == "user [personal] ([personal], [personal]) is new\x1b[0m"
    assert "\x1b" not in (tmp_path / "run.log").read_text()


def test_a_results_figures_name_nobody() -> None:
    assert figures_of(
        {
            "schema": "result.v1", "plan": "Ann's", "converged": True, "duration_s": 1.5, "stopped": None,
            "users": {"created": 1, "ann": "ann@acme.com"}, "failures": [{"source_id": "x"}],
            "fields": {"custom:ann": 1},
            "source": {"seen": 5, "filtered": {"status": 2}, "pools": {"ann": {"seen": 5}}},
        }
    ) == {
        "schema": "result.v1", "converged": True, "duration_s": 1.5, "users": {"created": 1},
        "source": {"seen": 5, "filtered": {"status": 2}},
    }  # fmt: skip


def test_a_full_disk_ends_the_log_and_not_the_run() -> None:
    log = RunLog(os.open("/dev/full", os.O_WRONLY))
    log.event("info", "one")
    log.event("info", "two")


def test_two_commands_may_share_a_log(tmp_path: Path) -> None:
    logs = [RunLog(open_log(tmp_path / "run.log")) for _ in range(2)]

    def write(log: RunLog) -> None:
        for at in range(200):
            log.event("info", "x", at=at)

    writers = [threading.Thread(target=write, args=(log,)) for log in logs]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert len(lines(tmp_path / "run.log")) == 400


def _link(path: Path) -> None:
    path.with_name("target").write_text('{"time":"x"}\n')
    path.symlink_to(path.with_name("target"))


def _hard_link(path: Path) -> None:
    path.with_name("target").write_text('{"time":"x"}\n')
    path.hardlink_to(path.with_name("target"))


@pytest.mark.parametrize(
    ("make", "code", "told"),
    [
        (_link, "log_not_ours", "a symbolic link, which is not followed"),
        (_hard_link, "log_not_ours", "a file of several names (hard links)"),
        (lambda path: path.symlink_to("/nowhere/at/all"), "log_not_ours", "a symbolic link, which is not followed"),
        (lambda path: path.write_text("version: 1\nname: acme\n"), "log_not_ours", "no log of this tool"),
        (os.mkfifo, "log_not_ours", "no regular file"),
        (Path.mkdir, "log_not_written", "Is a directory"),
    ],
    ids=["link", "hard-link", "dangling", "plan", "pipe", "folder"],
)
def test_what_is_no_log_of_ours_is_left_as_it_is(make: object, code: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    make(path)  # type: ignore[operator]
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}
    with pytest.raises(MigrateError) as refused:
        open_log(path)
    assert refused.value.code == code and told in refused.value.message
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()} == before


def test_a_log_that_others_could_read_is_closed_to_them_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text('{"time":"x"}\n')
    path.chmod(0o644)
    RunLog(open_log(path)).event("info", "more")
    assert path.stat().st_mode & 0o777 == 0o600 and len(lines(path)) == 2
    with pytest.raises(MigrateError, match="cannot be written"):
        open_log(tmp_path / "none" / "run.log")
