"""Moments as results and messages write them: ISO 8601, UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_moment(seconds: float) -> str:
    """Seconds since the epoch as `2026-12-01T06:00:00Z`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
