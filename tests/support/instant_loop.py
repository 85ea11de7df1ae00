"""An event loop on which nothing waits: time jumps to the next timer, and executors run at once, in this thread.

The same coroutine takes the same turns each time, so a failure comes back under its seed. Where everybody waits and
no timer is set, nobody would ever go on: that is an error here, not a test that hangs.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NeverWaits(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will wake them")
        # One nanosecond more: a timer must be due, whatever rounding did.
        self.time += timeout + 1e-9 if timeout > 0 else 0.0
        return super().select(0)


class InstantLoop(asyncio.SelectorEventLoop):
    """Time begins at nought."""

    def __init__(self) -> None:
        self._never_waits = _NeverWaits()
        super().__init__(self._never_waits)

    def time(self) -> float:
        return self._never_waits.time

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as error:
            done.set_exception(error)
        return done


def run_instantly(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on a loop of its own."""
    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(work)
