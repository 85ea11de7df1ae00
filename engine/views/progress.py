"""How far a long stage has come: one line redrawn on a terminal, a line every 10 % without one."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from engine.model.ports import Progress
from engine.views.text import duration, figure

# Without a total there are no per cents: a line this often (seconds).
_WITHOUT_TOTAL = 30.0


class ProgressView(Protocol):
    """A context manager around a stage; called with the number done so far."""

    def __call__(self, done: int) -> None: ...
    def __enter__(self) -> ProgressView: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Stages:
    """One stage after the other: beginning one ends the one before. A context manager around all of them."""

    def __init__(self, view: Callable[[str, int | None], ProgressView]) -> None:
        self._view = view
        self._current: ProgressView | None = None

    def begin(self, label: str, total: int | None = None) -> Progress:
        """The next stage; call what it gives with the number done so far."""
        self.end()
        self._current = self._view(label, total or None)
        return self._current.__enter__()

    def lazily(self, label: str, total: int | None = None) -> Progress:
        """The same, begun at its first call."""
        begun: list[Progress] = []

        def progress(done: int) -> None:
            if not begun:
                begun.append(self.begin(label, total))
            begun[0](done)

        return progress

    def end(self) -> None:
        """End the stage under way."""
        if self._current is not None:
            self._current.__exit__(None, None, None)
            self._current = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class Silent:
    """Shows nothing."""

    def __call__(self, done: int) -> None:
        """Nothing to show."""

    def __enter__(self) -> ProgressView:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


class Lines:
    """A line every 10 % of `total`, or every 30 s where the total is not known."""

    def __init__(
        self, label: str, total: int | None, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._total = total
        self._say = say
        self._clock = clock
        self._started = self._last = clock()
        self._tenth = 0
        self._done = 0

    def __call__(self, done: int) -> None:
        self._done = done
        now = self._clock()
        if self._total:
            tenth = min(10, done * 10 // self._total)
            if tenth > self._tenth:
                self._tenth = tenth
                self._say(f"{self._label}: {tenth * 10} % ({self._counts(now)}{self._left(now)})")
        elif now - self._last >= _WITHOUT_TOTAL:
            self._last = now
            self._say(f"{self._label}: {self._counts(now)}")

    def __enter__(self) -> ProgressView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._done and not self._total:
            self._say(f"{self._label}: {self._counts(self._clock())}")

    def _counts(self, now: float) -> str:
        passed = max(now - self._started, 1e-3)
        total = f" of {figure(self._total)}" if self._total else ""
        return f"{figure(self._done)}{total}, {figure(round(self._done / passed))}/s"

    def _left(self, now: float) -> str:
        passed = now - self._started
        left = passed / self._done * (self._total - self._done) if self._total and self._done else 0
        return f", {duration(left)} left" if left >= 1 else ""


class Bar:
    """One line, redrawn: label, bar, counts, rate, time left."""

    def __init__(self, label: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._progress: Any = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(show_speed=total is None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._started = time.monotonic()
        self._task = self._progress.add_task(label, total=total, rate="0")

    def __call__(self, done: int) -> None:
        rate = done / max(time.monotonic() - self._started, 1e-3)
        self._progress.update(self._task, completed=done, rate=figure(round(rate)))

    def __enter__(self) -> ProgressView:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
