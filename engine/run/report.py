"""Assembles a report: what `migrate ready` computes, and beside it the pool, the fields and the conflicts.

What the report's views show of it is `engine.run.report_data`'s; nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from engine.model.codes import explain
from engine.resources.users.coverage import PoolCoverage
from engine.run.readiness import run_ready
from engine.run.reading import Watch
from engine.run.report_data import (
    ConflictGroup,
    Coverage,
    CoveredField,
    PoolBalance,
    Report,
    ResetDay,
    ResetHistory,
    Wave,
)
from engine.run.results import PlanResult
from engine.run.session import Session
from engine.run.wave_figures import WaveFigures

PasswordsSet = Callable[[Session], Awaitable[Mapping[str, int] | None]]
"""From a session to passwords set by day; None where nobody knows."""


async def run_report(
    session: Session,
    *,
    watch: Watch,
    destination: str,
    now: float,
    versions: Mapping[str, str],
    hide: Callable[[Sequence[str]], None],
    passwords_set: PasswordsSet,
) -> Report:
    """Compute it all and change nothing. `destination` is its name for people. Raises MigrateError.

    `hide` hears what must be masked wherever it would appear; `passwords_set` tells when people set new ones.
    """
    found = await run_ready(session, watch=watch, hide=hide)
    result, looked, resets = found.result, found.looked, found.resets
    if resets is not None and resets.needed:
        resets = _over_time(resets, await passwords_set(session))
    return Report(
        plan=result.plan,
        digest=result.digest,
        pool_label=session.described.label,
        destination=destination,
        generated_at=now,
        versions=versions,
        pool=_balance(result, looked.waiting_migrated),
        lines=found.lines,
        duties=found.duties,
        history=found.history,
        providers=found.providers or None,
        coverage=_coverage(result.coverage),
        conflicts=[
            ConflictGroup(code, number, *explain(code), examples=looked.examples[code])
            for code, number in looked.conflicts
        ],
        resets=resets,
        waves=[Wave(one.name, _starts(one), one.people, one.migrated) for one in result.waves.every]
        if result.waves is not None
        else (),
        warnings=result.warnings,
    )


def _over_time(resets: ResetHistory, passwords: Mapping[str, int] | None) -> ResetHistory:
    if passwords is None:
        return resets
    sent = {one.day: one.sent for one in resets.days}
    days = sorted(sent.keys() | passwords.keys())
    return replace(resets, days=[ResetDay(day, sent.get(day, 0), passwords.get(day, 0)) for day in days])


def _balance(result: PlanResult, waiting_migrated: int) -> PoolBalance:
    users = result.users
    waiting = sum(result.waiting.values()) - waiting_migrated
    excluded = dict(result.source.filtered)
    if users["skip"]:
        excluded["skipped"] = users["skip"]
    return PoolBalance(
        seen=result.source.seen,
        migrated=users["unchanged"] + users["update"] + waiting_migrated,
        excluded=excluded,
        merged=users["merge"],
        pending=users["create"] + users["adopt"] + waiting,
        conflicts=users["conflicts"],
        outdated=users["update"],
    )


def _starts(one: WaveFigures) -> str:
    if one.starts is None:
        return "at once" if one.due else "never"
    return f"{one.starts}"


def _coverage(pools: Sequence[PoolCoverage]) -> Coverage:
    """The figures of `migrate plan` over all pools: one row for each way in which a field is filled."""
    rows: dict[tuple[str | None, str], CoveredField] = {}
    for pool in pools:
        # Whether an address is verified is no field that a person fills.
        own = [
            CoveredField(one.name, one.origin, one.filled, Counter(one.invalid) + Counter(one.omitted), one.default)
            for one in pool.fields
            if one.name != "email_verified"
        ]
        unmapped = [
            CoveredField(None, one.name, one.filled) for one in pool.attributes if one.filled and not one.mapped_to
        ]
        for row in own + unmapped:
            other = rows.get((row.target, row.source))
            rows[row.target, row.source] = row if other is None else _added(row, other)
    mapped = [one for one in rows.values() if one.target is not None]
    unmapped = sorted((one for one in rows.values() if one.target is None), key=lambda one: (-one.filled, one.source))
    return Coverage(sum(one.selected for one in pools), mapped + unmapped)


def _added(one: CoveredField, other: CoveredField) -> CoveredField:
    invalid = Counter(one.invalid) + Counter(other.invalid)
    return replace(one, filled=one.filled + other.filled, invalid=invalid, default=one.default or other.default)
