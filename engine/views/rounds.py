"""The rounds of `apply --every` as they end: one line each, for people and for the log."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.model.errors import MigrateError
from engine.run.results import ApplyResult
from engine.run.rounds import Schedule
from engine.views.console import Console
from engine.views.text import duration, figure, sent

_SHOWN = ("created", "updated", "adopted", "conflicts", "failed", "pending")


class RoundLines:
    """`engine.run.rounds.Tells`, told with `--json` too; conflicts are listed by the result at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def announce(self, schedule: Schedule) -> None:
        """Before the first."""
        self._console.say(f"a round every {duration(schedule.every)}, the last one at {_moment(schedule.until)}", "")

    def ended(self, number: int, result: ApplyResult, next_at: float | None) -> None:
        """See the protocol."""
        counts = {name: result.users[name] for name in _SHOWN if result.users[name]}
        told = ", ".join(f"{figure(count)} {name}" for name, count in counts.items()) or "nothing to do"
        requests = sent(result.requests.writes, result.requests.reads)
        if result.refreshed == "failed":
            told += ", and could not look who was deleted in WorkOS"
        stopped = f"; stopped: {result.stopped}" if result.stopped is not None else ""
        self._console.progress(
            f"round {number}: {told}; {requests} in {duration(result.duration_s)}{stopped}{_ahead(next_at)}"
        )
        self._console.note(
            "round_ended", round=number, stopped=result.stopped, converged=result.converged,
            writes=result.requests.writes, reads=result.requests.reads, seconds=round(result.duration_s, 3), **counts,
        )  # fmt: skip

    def failed(self, number: int, error: MigrateError, next_at: float | None) -> None:
        """See the protocol."""
        if next_at is not None:
            # Of the last one the result tells, or the error that ends the command.
            self._console.warn(f"round {number} was given up: {error}{_ahead(next_at)}")
        self._console.note("round_failed", round=number, code=error.code)


def _ahead(next_at: float | None) -> str:
    return f"; next at {_moment(next_at)}" if next_at is not None else ""


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
