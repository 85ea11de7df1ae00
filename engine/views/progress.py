"""How far a long stage has come: one stage after the other, shown by views, with a sign of life every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.model.ports import Progress
from engine.quota.forecast import Forecast, PaceLimit
from engine.views.text import duration, figure


@dataclass(slots=True)
class Stage:
    """One stage under way. `estimated`: its total is a guess, and what was done in the end is the truth."""

    label: str
    forecast: Forecast
    began: float
    estimated: bool = False

    @property
    def total(self) -> int | None:
        """How much there is; None where nobody knows."""
        return self.forecast.total

    @property
    def done(self) -> int:
        """How much of it is done."""
        return self.forecast.done

    def counts(self, now: float) -> str:
        """`200 of 2,000, 100/s, 18 s left`"""
        total = f" of {figure(self.total)}" if self.total else ""
        left = self.forecast.left(now)
        ahead = f", {duration(left)} left" if left is not None and left >= 1 else ""
        return f"{figure(self.done)}{total}, {figure(round(self.forecast.rate(now)))}/s{ahead}"


class StageView(Protocol):
    """Shows stages, one at a time. `now` is the time of the clock that stages are measured by."""

    def begin(self, stage: Stage, /) -> None: ...
    def show(self, stage: Stage, now: float, /) -> None:
        """Something was done."""
        ...

    def beat(self, stage: Stage, now: float, /) -> None:
        """Some time has passed, whether or not something was done."""
        ...

    def end(self, stage: Stage, now: float, whole: bool, /) -> None:
        """`whole`: it went to its end; else an error ended it."""
        ...


class Stages:
    """One stage after the other: beginning one ends the one before. A context manager around all of them.

    Views are called by one thread at a time; `pause` waits so many seconds or until the end, and says which.
    """

    def __init__(
        self,
        views: Sequence[StageView],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._views = views
        self._clock = clock
        self._pause = pause
        self._current: Stage | None = None
        self._turn = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(
        self, label: str, total: int | None = None, *, limits: Sequence[PaceLimit] = (), estimated: bool = False
    ) -> Progress:
        """The next stage; call what it gives with the number done so far. `limits` are what it is paced by."""
        with self._turn:
            self.end()
            now = self._clock()
            stage = self._current = Stage(label, Forecast(total or None, now, limits), now, estimated)
            for view in self._views:
                view.begin(stage)

        def progress(done: int) -> None:
            with self._turn:
                now = self._clock()
                stage.forecast.note(done, now)
                for view in self._views if stage is self._current else ():
                    view.show(stage, now)

        return progress

    def lazily(
        self, label: str, total: int | None = None, *, limits: Sequence[PaceLimit] = (), estimated: bool = False
    ) -> Progress:
        """The same, begun when it is first called, and anew when another stage has come in between."""
        begun: list[tuple[Stage | None, Progress]] = []

        def progress(done: int) -> None:
            with self._turn:
                if not begun or begun[-1][0] is not self._current:
                    shown = self.begin(label, total, limits=limits, estimated=estimated)
                    begun[:] = [(self._current, shown)]
                begun[-1][1](done)

        return progress

    def end(self, *, whole: bool = True) -> None:
        """End the stage under way."""
        with self._turn:
            stage, self._current = self._current, None
            if stage is not None:
                now = self._clock()
                for view in reversed(self._views):
                    view.end(stage, now, whole)

    def beat(self) -> None:
        """A sign of life."""
        with self._turn:
            if self._current is not None:
                now = self._clock()
                for view in self._views:
                    view.beat(self._current, now)

    def __enter__(self) -> Stages:
        if self._views:
            # A thread: a stage may hold up the event loop, or wait long for an answer.
            self._thread = threading.Thread(target=self._live, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self.end(whole=kind is None)

    def _live(self) -> None:
        while not self._pause(self._over, 1.0):
            self.beat()
