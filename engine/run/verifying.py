"""One `verify`: pool and WorkOS read afresh and compared. The state says only whom this plan created (rule 11)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from engine.model.keys import name_of_pool, sub_of
from engine.model.users import TargetUser
from engine.plan_file.model import Attributes
from engine.resources.users.discovery import list_all, look_up
from engine.resources.users.planner import METADATA
from engine.resources.users.verification import Compared, compare
from engine.run.preparation import know
from engine.run.reading import Watch, check_selected, read_people
from engine.run.results import Difference, VerifyResult
from engine.run.session import Session
from engine.run.target_errors import as_target_error
from engine.run.verifying_members import compare_members
from engine.run.waves import waves_now
from engine.snapshot import database
from engine.snapshot.pairs import Pair, Pairs
from engine.snapshot.plan_table import PlanTable
from engine.snapshot.waves import mark_waiting

_LISTED = 1000


@dataclass(slots=True)
class _Differences:
    mapped: frozenset[str]
    pools: Mapping[str, str]
    users: Counter[str] = field(default_factory=Counter)
    fields: dict[str, Counter[str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    total: int = 0

    def add(self, pair: Pair) -> None:
        held = pair.ours or pair.same_address
        if pair.waits and (held is None or any(one.verdict == "different" for one in self._compare(pair, held))):
            # Whatever it is that is not as in Cognito, it is not their turn.
            self.users["pending"] += 1
            return
        if held is None:
            self.users["missing"] += 1
            self.list(self._difference(pair, None, "", "missing"))
            return
        verdicts = set()
        for one in self._compare(pair, held):
            self.fields.setdefault(one.field, Counter())[one.verdict] += 1
            verdicts.add(one.verdict)
            if one.verdict != "equal":
                self.list(self._difference(pair, held.id, one.field, one.verdict))
        self.users["different" if "different" in verdicts else "drift" if "drift" in verdicts else "equal"] += 1

    def _compare(self, pair: Pair, held: TargetUser) -> Iterator[Compared]:
        return compare(pair.desired, held, created_here=pair.created_here, mapped=self.mapped)

    def _difference(self, pair: Pair, workos_id: str | None, field_name: str, verdict: str) -> Difference:
        key = pair.desired.key
        return Difference(sub_of(key), workos_id, field_name, verdict, name_of_pool(self.pools, key))

    def list(self, difference: Difference) -> None:
        """Counted, and kept while there are few."""
        self.total += 1
        if len(self.differences) < _LISTED:
            self.differences.append(difference)


async def run_verify(session: Session, *, watch: Watch, sample: int | None, strict: bool) -> VerifyResult:
    """Compare everybody, or `sample` people drawn at random. Raises MigrateError as `plan` does."""
    began = time.monotonic()
    spec, path = session.spec, session.workspace.snapshot_path
    connection = database.create(path)
    try:
        with (
            database.disk_errors(path),
            as_target_error(spec.destination),
            database.interruptible(connection, watch.stopping, "comparing"),
        ):
            people = await asyncio.to_thread(read_people, spec, session.source, connection, session.key, watch)
            check_selected(spec, people.source)
            await asyncio.to_thread(mark_waiting, connection, spec.filters, session.as_of)
            with session.read_state() or nullcontext() as state:
                await asyncio.to_thread(know, connection, state)
            table = PlanTable(connection, defaults=people.mappers.defaults, flags={})
            pairs = Pairs(connection, table, sample=sample)
            if sample is None:
                await list_all(pairs, session.target, watch.listing)
            else:
                await look_up(pairs, pairs.wanted(), session.target)
            watch.check("comparing")
            waves = await asyncio.to_thread(waves_now, connection, spec.filters, session.as_of)
            found = await asyncio.to_thread(
                _compare, pairs, _Differences(_mapped(one.attributes for one in spec.pools), session.source.names)
            )
            extra = await asyncio.to_thread(pairs.count_extra) if sample is None else None
            members: Mapping[str, Mapping[str, int]] = {}
            if sample is None and people.placing is not None:
                members = await compare_members(session, people.placing, connection, found.list)
    finally:
        connection.close()
        database.remove(path)
    names = ("equal", "different", "missing", "drift", *(("pending",) if waves is not None else ()))
    return VerifyResult(
        plan=spec.name,
        sandbox=session.sandbox,
        source=people.source,
        checked=found.users.total(),
        users={name: found.users[name] for name in names},
        extra=extra,
        fields={name: {v: counts[v] for v in ("equal", "different", "drift")} for name, counts in found.fields.items()},
        differences=tuple(found.differences),
        differences_total=found.total,
        requests=session.target.requests,
        duration_s=time.monotonic() - began,
        strict=strict,
        warnings=tuple(session.source.warnings),
        members=members,
        waves=waves,
    )


def _mapped(pools: Iterable[Attributes]) -> frozenset[str]:
    """Fields that any pool fills: a person may have records in several."""
    return frozenset().union(*map(_mapped_by, pools))


def _mapped_by(attributes: Attributes) -> frozenset[str]:
    names = {"first_name": attributes.first_name, "last_name": attributes.last_name}
    return frozenset(name for name, one in names.items() if one) | {METADATA + key for key in attributes.metadata}


def _compare(pairs: Pairs, found: _Differences) -> _Differences:
    for pair in pairs.pairs():
        found.add(pair)
    return found
