"""Assembles a report: what `migrate ready` computes, and beside it the pool, the fields and the conflicts.

What the report's views show of it is `engine.run.report_data`'s; nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from engine.model.codes import explain
from engine.plan_file.model import FieldMapping, Spec
from engine.run.looking import Looked
from engine.run.readiness import run_ready
from engine.run.reading import Watch
from engine.run.report_data import ConflictGroup, Coverage, FieldCoverage, PoolBalance, Report, ResetDay, ResetHistory
from engine.run.results import PlanResult
from engine.run.session import Session

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
        pool=_balance(result),
        lines=found.lines,
        duties=found.duties,
        history=found.history,
        providers=found.providers or None,
        coverage=_coverage(session.spec, looked),
        conflicts=[
            ConflictGroup(code, number, *explain(code), examples=looked.examples[code])
            for code, number in looked.conflicts
        ],
        resets=resets,
        warnings=result.warnings,
    )


def _over_time(resets: ResetHistory, passwords: Mapping[str, int] | None) -> ResetHistory:
    if passwords is None:
        return resets
    sent = {one.day: one.sent for one in resets.days}
    days = sorted(sent.keys() | passwords.keys())
    return replace(resets, days=[ResetDay(day, sent.get(day, 0), passwords.get(day, 0)) for day in days])


def _balance(result: PlanResult) -> PoolBalance:
    users = result.users
    excluded = dict(result.source.filtered)
    if users["skip"]:
        excluded["skipped"] = users["skip"]
    return PoolBalance(
        seen=result.source.seen,
        migrated=users["unchanged"] + users["update"],
        excluded=excluded,
        merged=users["merge"],
        pending=users["create"] + users["adopt"],
        conflicts=users["conflicts"],
        outdated=users["update"],
    )


def _coverage(spec: Spec, looked: Looked) -> Coverage:
    attributes = spec.attributes
    mapped = {
        "email": attributes.email,
        "email_verified": attributes.email_verified,
        "external_id": attributes.external_id,
        "first_name": attributes.first_name,
        "last_name": attributes.last_name,
    } | {f"metadata.{name}": one for name, one in attributes.metadata.items()}
    # Nobody is selected without an address; whether it is verified is no field that a person fills.
    counted = looked.filled | Counter(email=looked.people)
    rows = [
        FieldCoverage(name, _source(one), counted[name], looked.invalid.get(name, {}), default=one.default is not None)
        for name, one in mapped.items()
        if one is not None and name != "email_verified"
    ]
    return Coverage(looked.people, rows)


def _source(mapping: FieldMapping) -> str:
    if mapping.constant is not None:
        return "a constant"
    if mapping.template is not None:
        return mapping.template
    return ", ".join(mapping.sources) or mapping.split or "nothing"
