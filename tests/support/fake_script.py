"""What the fakes of one WorkOS environment share: a script of failures, and what was called and written."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TypeVar

from engine.model.call_errors import CallFailed
from tests.support.fake_target import After

T = TypeVar("T")


class Script:
    """`fail` says how the next calls of "<port>.<method>" end: an error (nothing done), `After(error)` (done) or None.

    `failing` makes every write end so. `calls` lists (name, argument), `writes` what was written, in words.
    """

    def __init__(self) -> None:
        self.failing: CallFailed | None = None
        self.writes: list[str] = []
        self.calls: list[tuple[str, object]] = []
        self._ends: dict[str, list[Exception | After | None]] = defaultdict(list)
        self._ids, self._times = itertools.count(1), itertools.count(1)

    def fail(self, name: str, *ends: Exception | After | None) -> None:
        """Script the next calls of a port's method."""
        self._ends[name].extend(ends)

    def read(self, name: str, argument: object, answer: T) -> T:
        """A read's end."""
        self._begin(name, argument)
        return answer

    def begin(self, name: str, written: str) -> After | None:
        """A write begins; its end goes to `end`."""
        after = self._begin(name, written)
        if self.failing is not None:
            raise self.failing
        self.writes.append(written)
        return after

    @staticmethod
    def end(after: After | None, answer: T) -> T:
        """A write ends."""
        if after is not None:
            raise after.error
        return answer

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids):04}"

    def now(self) -> str:
        return f"2026-01-01T00:00:{next(self._times):06}Z"

    def _begin(self, name: str, argument: object) -> After | None:
        self.calls.append((name, argument))
        end = self._ends[name].pop(0) if self._ends[name] else None
        if isinstance(end, Exception):
            raise end
        return end
