"""The file of `--log`: one JSON object a line, with time, level, event and figures. It names nobody.

A message of ours holds no secret and no user's data, but a person may have typed an address or a sub into an option
that a message quotes: errors are logged by code and place alone, and in what else is said such values are masked.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

import orjson

from engine.model.diagnostics import Diagnostic
from engine.model.exchanges import Exchange
from engine.views.progress import Stage
from engine.views.stage_views import EVERY
from engine.views.text import json_safe

Level = Literal["debug", "info", "warning", "error"]

_PERSONAL = re.compile(
    r"[^\s\"'`,;()<>]+@[^\s\"'`,;()<>]+|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b|\buser_\w+"
)


class RunLog:
    """Appends to a descriptor, which it closes. A disk that is full ends the log, not the run."""

    def __init__(self, handle: int, *, now: Callable[[], float] = time.time) -> None:
        self._handle: int | None = handle
        self._now = now
        self._last = 0.0

    def event(self, level: Level, event: str, /, **figures: object) -> None:
        """One line. `figures` are counts, codes and names of ours; None is left out."""
        if self._handle is None:
            return
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {"time": moment, "level": level, "event": event}
        line |= {name: value for name, value in figures.items() if value is not None}
        try:
            # One write a line: two commands may share a log.
            os.write(self._handle, json_safe(orjson.dumps(line).decode()).encode() + b"\n")
        except OSError:
            self.close()

    def told(self, level: Level, what: str | Diagnostic, message: str) -> None:
        """A warning or an error, as `message` words it without secrets."""
        if isinstance(what, Diagnostic):
            self.event(
                level, level, code=what.code, file=what.file or None, line=what.line or None, column=what.column or None
            )
        else:
            self.event(level, level, message=_PERSONAL.sub("[personal]", message))

    def result(self, document: Mapping[str, object]) -> None:
        """The figures of a result; its lists name people and are left out."""
        self.event("info", "result", **figures_of(document))

    def exchange(self, one: Exchange) -> None:
        """A request, under `-v`."""
        self.event(
            "debug", "request", service=one.service, method=one.method, path=one.path, end=one.end,
            seconds=round(one.seconds, 3),
        )  # fmt: skip

    def close(self) -> None:
        """The end of it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def begin(self, stage: Stage) -> None:
        """See `StageView`."""
        self._last = stage.began
        self.event("info", "stage_began", stage=stage.label, total=stage.total)

    def show(self, stage: Stage, now: float) -> None:
        """See `StageView`."""
        self.beat(stage, now)

    def beat(self, stage: Stage, now: float) -> None:
        """See `StageView`."""
        if now - self._last >= EVERY:
            self._last = now
            left = stage.forecast.left(now)
            self.event(
                "info", "progress", stage=stage.label, done=stage.done, total=stage.total,
                per_second=round(stage.forecast.rate(now), 1), seconds_left=None if left is None else round(left),
            )  # fmt: skip

    def end(self, stage: Stage, now: float, whole: bool) -> None:
        """See `StageView`."""
        self.event(
            "info", "stage_ended", stage=stage.label, done=stage.done, whole=whole,
            seconds=round(now - stage.began, 3),
        )  # fmt: skip


def figures_of(document: Mapping[str, object]) -> dict[str, object]:
    """Numbers, truth values and the codes of a result, whatever it is of: a list may name people, a count cannot."""
    found: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, bool | int | float) or (name in _WORDS and isinstance(value, str)):
            found[name] = value
        elif isinstance(value, Mapping) and name in _COUNTED:
            found[name] = figures_of(value)
    return found


# Words of ours, and objects whose keys are: counts by name of a field or a pool would quote what somebody else named.
_WORDS = frozenset({"schema", "command", "run_id", "stopped", "refreshed", "digest", "verdict", "last_error"})
_COUNTED = frozenset({"source", "filtered", "users", "requests", "reported", "estimate", "rounds", "resets", "counts"})
