"""Each round as one line: what it did, what it cost, when the next is."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from engine.model.errors import TargetError
from engine.run.rounds import Schedule
from engine.views.console import Console
from engine.views.rounds import RoundLines
from engine.views.run_log import RunLog
from engine.workspace.log_files import open_log
from tests.run.test_rounds import result

NEXT = 1_764_568_800.0  # 2025-12-01 06:00:00 UTC
OUTAGE = TargetError("WorkOS cannot be reached", remedy="run `migrate apply` again", code="unreachable")


def lines(*, json: bool = False, quiet: bool = False) -> tuple[RoundLines, io.StringIO]:
    err = io.StringIO()
    return RoundLines(Console(json=json, quiet=quiet, err=err, out=io.StringIO())), err


@pytest.mark.parametrize("json", [False, True])
def test_a_round_is_a_line(json: bool) -> None:
    told, err = lines(json=json)
    told.announce(Schedule(900, NEXT))
    told.ended(1, result(created=1200, conflicts=2), NEXT)
    told.ended(2, replace(result(), stopped="retry_later"), None)
    told.ended(3, replace(result(), refreshed="failed"), None)
    told.failed(3, OUTAGE, NEXT)
    said = err.getvalue().splitlines()
    assert said[:-4] == ([] if json else ["a round every 15 min, the last one at 2025-12-01 06:00:00 UTC", ""])
    assert said[-4:] == [
        "round 1: 1,200 created, 2 conflicts; 1 write, 2 reads in 1.0 s; next at 2025-12-01 06:00:00 UTC",
        "round 2: nothing to do; 1 write, 2 reads in 1.0 s; stopped: retry_later",
        "round 3: nothing to do, and could not look who was deleted in WorkOS; 1 write, 2 reads in 1.0 s",
        "warning: round 3 was given up: WorkOS cannot be reached; run `migrate apply` again; "
        "next at 2025-12-01 06:00:00 UTC",
    ]


def test_quiet_tells_of_rounds_that_failed_alone_and_the_last_is_told_by_the_result() -> None:
    told, err = lines(quiet=True)
    told.ended(1, result(), NEXT)
    told.failed(2, OUTAGE, None)
    assert err.getvalue() == ""
    told.failed(2, OUTAGE, NEXT)
    assert err.getvalue().startswith("warning: round 2 was given up")


def test_the_log_has_them_with_figures(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    told = RoundLines(Console(quiet=True, log=RunLog(open_log(path))))
    told.ended(1, result(created=3), NEXT)
    told.failed(2, OUTAGE, None)
    found = [orjson.loads(line) for line in path.read_text().splitlines()]
    assert [{name: value for name, value in one.items() if name not in ("time", "level")} for one in found] == [
        {"event": "round_ended", "round": 1, "converged": True, "writes": 1, "reads": 2, "seconds": 1.0, "created": 3},
        {"event": "round_failed", "round": 2, "code": "unreachable"},
    ]
