"""One request to a service as people may see it: method, path without identifiers, how it ended, how long it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """`path` is a template (`/user_management/users/{id}`); `end` is the status, or what became of it without one."""

    service: str
    method: str
    path: str
    end: str
    seconds: float


Trace = Callable[[Exchange], None]
"""Hears of every request once it has ended; any thread may call it."""


def untraced(_: Exchange) -> None:
    """Where nobody listens."""
