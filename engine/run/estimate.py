"""How long writes take under the plan's quota."""

from __future__ import annotations

from engine.plan_file.model import Destination
from engine.quota.forecast import PaceLimit


def write_limits(destination: Destination) -> tuple[PaceLimit, ...]:
    """How many writes the plan allows itself; none where it is unpaced."""
    given = ((destination.writes_per_10s, 10.0), (destination.requests_per_60s, 60.0))
    return tuple(PaceLimit(number, period) for number, period in given if number)


def estimate(writes: int, destination: Destination) -> float:
    """Seconds that so many writes take under the plan's quota; the first window's worth goes at once."""
    return max((limit.seconds(writes) for limit in write_limits(destination)), default=0.0)
