"""The sources that a plan file names, ready to read. Opening contacts nobody and loads no boto3."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from engine.cognito.pacing import Pacer
from engine.model.ports import UserSource
from engine.model.side_by_side import Sleep
from engine.model.waits import Tell, tell_nobody
from engine.plan_file.model import CognitoSource, ExportSource, Spec
from engine.run.sources import PoolSource, Sources


def open_sources(spec: Spec, *, tell: Tell = tell_nobody) -> Sources:
    """All pools of the plan. `tell` hears of long waits, with the pool's name where there are several."""
    pacers = _shared_pacers([one.source for one in spec.pools])

    def telling(name: str) -> Tell:
        return (lambda text: tell(f"pool {name}: {text}")) if len(spec.pools) > 1 else tell

    return Sources(
        [
            PoolSource(one, open_source(one.source, tell=telling(one.name), pacer=pacers.get(_account(one.source))))
            for one in spec.pools
        ]
    )


def _account(source: CognitoSource | ExportSource) -> tuple[str | None, ...]:
    """Whose quota counts: Cognito's is the account's in a Region, over all its user pools (AWS guide, quotas)."""
    if isinstance(source, ExportSource):
        return ()
    return source.region, source.profile, source.role_arn, source.endpoint_url


def _shared_pacers(sources: Sequence[CognitoSource | ExportSource]) -> dict[tuple[str | None, ...], Pacer]:
    """One for all pools of an account in a Region, at the lowest figure that any of them is given."""
    rates: dict[tuple[str | None, ...], list[float | None]] = {}
    for one in sources:
        if isinstance(one, CognitoSource):
            rates.setdefault(_account(one), []).append(one.requests_per_second)
    return {
        account: Pacer(min((rate for rate in given if rate is not None), default=None))
        for account, given in rates.items()
        if len(given) > 1
    }


def open_source(
    source: CognitoSource | ExportSource,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep | None = None,
    draw: Callable[[float, float], float] = random.uniform,
    tell: Tell = tell_nobody,
    pacer: Pacer | None = None,
) -> UserSource:
    """The adapter for `source`. `clock`, `sleep` (seconds) and `draw` (a number between two) are for tests.

    `tell` hears of long waits. `pacer` is one that several pools share.
    """
    if isinstance(source, ExportSource):
        from engine.exports.files import ExportFiles

        return ExportFiles(source)
    from engine.cognito.pool import CognitoUserPool

    return CognitoUserPool(source, clock=clock, sleep=sleep, draw=draw, tell=tell, pacer=pacer)
