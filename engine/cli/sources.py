"""The sources that a plan file names, ready to read. Opening contacts nobody and loads no boto3."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from engine.cognito.pacing import Pacer
from engine.model.exchanges import Trace, untraced
from engine.model.ports import UserSource
from engine.model.side_by_side import Sleep
from engine.model.waits import Tell, tell_nobody
from engine.plan_file.model import CognitoSource, ExportSource, Spec
from engine.quota.forecast import PaceLimit
from engine.run.sources import PoolSource, Sources

_PAGE = 60  # users that ListUsers gives at most (botocore, service model)


def open_sources(spec: Spec, *, tell: Tell = tell_nobody, trace: Trace = untraced) -> Sources:
    """All pools of the plan. `tell` hears of long waits, with the pool's name where there are several.

    `trace` hears of every request.
    """
    pacers = _shared_pacers([one.source for one in spec.pools])

    def telling(name: str) -> Tell:
        return (lambda text: tell(f"pool {name}: {text}")) if len(spec.pools) > 1 else tell

    return Sources(
        [
            PoolSource(
                one,
                open_source(one.source, tell=telling(one.name), pacer=pacers.get(_account(one.source)), trace=trace),
            )
            for one in spec.pools
        ]
    )


def reading_limits(spec: Spec) -> tuple[PaceLimit, ...]:
    """How many users a second can be read at most; none where nobody can say: files, or a pool without a pace."""
    rates: dict[tuple[str | None, ...], float] = {}
    for one in spec.pools:
        if isinstance(one.source, ExportSource) or one.source.requests_per_second is None:
            return ()
        account, rate = _account(one.source), one.source.requests_per_second
        rates[account] = min(rate, rates.get(account, rate))
    return (PaceLimit(_PAGE * sum(rates.values()), 1.0),)


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
    trace: Trace = untraced,
) -> UserSource:
    """The adapter for `source`. `clock`, `sleep` (seconds) and `draw` (a number between two) are for tests.

    `tell` hears of long waits, `trace` of every request. `pacer` is one that several pools share.
    """
    if isinstance(source, ExportSource):
        from engine.exports.files import ExportFiles

        return ExportFiles(source)
    from engine.cognito.pool import CognitoUserPool

    return CognitoUserPool(source, clock=clock, sleep=sleep, draw=draw, tell=tell, pacer=pacer, trace=trace)
