"""A MeteredTarget on virtual time, with no quota unless one is given."""

from __future__ import annotations

import random
from typing import Any

from engine.model.ports import UserTarget
from engine.plan_file.model import Destination
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from tests.support.virtual_clock import VirtualClock


def destination(**limits: Any) -> Destination:
    """No quota but what is given."""
    quotas = {"writes_per_10s": None, "reads_per_10s": None, "requests_per_60s": None, **limits}
    return Destination(client_id="client_1", api_key="sk_test_x", **quotas)


def metered(target: UserTarget, *, clock: VirtualClock | None = None, seed: int = 1, **limits: Any) -> MeteredTarget:
    clock = clock or VirtualClock()
    return MeteredTarget(target, Quota(destination(**limits), clock), clock=clock, rng=random.Random(seed))
