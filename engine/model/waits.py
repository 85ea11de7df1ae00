"""How long a service may keep a run waiting, and what people are told meanwhile. Who waits is others' business."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

TOLD_FROM = 60.0
"""Seconds: whoever waits longer says so."""

LONGEST = 3600.0
"""Seconds without a single answer: for a longer pause than that a run ends, and a later one goes on."""

CENTURY = 100 * 365 * 86_400.0
"""Seconds: what a service asks for beyond that is no moment that a calendar has."""

Tell = Callable[[str], None]
"""Tells people a sentence."""


def tell_nobody(_: str) -> None:
    """Where nobody listens."""


def until(at: float) -> str:
    """A moment (seconds since the epoch) in this machine's time zone."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def pause_asked(service: str, at: float) -> str:
    """The sentence for a pause that a service asks for (Retry-After)."""
    return f"{service} asks for a pause (Retry-After): waiting until {until(at)}"
