"""A clock that tests set, for what is handed one as a function."""

from __future__ import annotations


class SteppedTime:
    """Calling it gives `now`."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
