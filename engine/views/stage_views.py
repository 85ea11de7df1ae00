"""How stages look: lines where output is kept, a bar on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.views.progress import Stage
from engine.views.text import duration, figure

EVERY = 30.0
"""Seconds: whoever waits hears of it at least this often."""

_QUICK = 1.0  # seconds: a stage without a total that took less is not worth a line


@dataclass(slots=True)
class Lines:
    """A line every 10 % of a known total unless `sparse`, and every half minute whatever happens."""

    say: Callable[[str], None]
    sparse: bool = False
    _tenth: int = field(default=0, init=False)
    _last: float = field(default=0.0, init=False)
    _said: str = field(default="", init=False)

    def begin(self, stage: Stage) -> None:
        """See the protocol."""
        self._tenth, self._last, self._said = 0, stage.began, ""

    def show(self, stage: Stage, now: float) -> None:
        """See the protocol."""
        tenth = min(10, stage.done * 10 // stage.total) if stage.total else 0
        if tenth > self._tenth and not self.sparse:
            self._tenth = tenth
            self._line(stage, now)
        else:
            self.beat(stage, now)

    def beat(self, stage: Stage, now: float) -> None:
        """See the protocol."""
        if now - self._last >= EVERY:
            self._line(stage, now)

    def end(self, stage: Stage, now: float, whole: bool) -> None:
        """See the protocol."""
        open_end = stage.total is None or (stage.estimated and self._tenth < 10)
        long = self._said or (now - stage.began >= _QUICK and not self.sparse)
        if whole and stage.done and open_end and long:
            rate = figure(round(stage.done / max(now - stage.began, 1e-3)))
            self.say(f"{stage.label}: 100 % ({figure(stage.done)} in {duration(now - stage.began)}, {rate}/s)")

    def _line(self, stage: Stage, now: float) -> None:
        self._last = now
        # Rounded down: nothing is done before it is.
        share = f"{min(100, stage.done * 100 // stage.total)} % ({{}})" if stage.total else "{}"
        self._said = f"{stage.label}: " + share.format(stage.counts(now))
        self.say(self._said)


class Bar:
    """One line, redrawn: label, bar, counts, rate, time left. It ends full, whatever its total was thought to be."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TaskProgressColumn, TextColumn
        from rich.progress import Progress as RichProgress

        def draw() -> RichProgress:
            return RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[told]}"),
                console=Console(stderr=True),
            )

        self._draw = draw
        self._drawn: RichProgress | None = None
        self._task = TaskID(0)

    def begin(self, stage: Stage) -> None:
        """See the protocol."""
        self._drawn = self._draw()
        self._task = self._drawn.add_task(stage.label, total=stage.total, told="")
        self._drawn.start()

    def show(self, stage: Stage, now: float) -> None:
        """See the protocol."""
        if self._drawn is not None:
            left = stage.forecast.left(now)
            told = f"{figure(round(stage.forecast.rate(now)))}/s"
            told += f"  {duration(left)} left" if left is not None and left >= 1 else ""
            self._drawn.update(self._task, completed=stage.done, told=told)

    def beat(self, stage: Stage, now: float) -> None:
        """See the protocol."""
        self.show(stage, now)

    def end(self, stage: Stage, now: float, whole: bool) -> None:
        """See the protocol."""
        if self._drawn is not None:
            self.show(stage, now)
            if not stage.done and stage.total is None:
                # It came to nothing that could be counted: a bar of nothing says nothing.
                self._drawn.update(self._task, visible=False)
            if whole and (stage.total is None or stage.estimated):
                self._drawn.update(self._task, total=stage.done)
            self._drawn.stop()
            self._drawn = None
