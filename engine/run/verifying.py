"""One `verify`: pool and WorkOS read afresh and compared. The state says only whom this plan created (rule 11)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from engine.model.keys import name_of_pool, sub_of
from engine.model.tombstones import NOTED_AS, Tombstones
from engine.model.users import TargetUser
from engine.plan_file.model import Attributes
from engine.resources.users.discovery import list_all, look_up
from engine.resources.users.planner import METADATA, held_value
from engine.resources.users.verification import compare, compared_fields, desired_value
from engine.run.covering import cover
from engine.run.preparation import know
from engine.run.reading import Watch, check_selected, read_people
from engine.run.session import Session
from engine.run.target_errors import as_target_error
from engine.run.verify_result import Difference, VerifyResult
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
    _compared: Counter[Sequence[str]] = field(default_factory=Counter)
    _unequal: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    total: int = 0

    def add(self, pair: Pair) -> None:
        held = pair.held
        fields = compared_fields(pair.desired, self.mapped)
        found = compare(pair.desired, held, fields, created_here=pair.created_here) if held is not None else []
        if pair.waits and (held is None or any(one.verdict == "different" for one in found)):
            # Whatever it is that is not as in Cognito, it is not their turn.
            self.users["pending"] += 1
            return
        if held is None:
            self.users["missing"] += 1
            self.list(self._difference(pair, None, "", "missing"))
            return
        self._compared[fields] += 1
        verdicts = set()
        for one in found:
            self._unequal[one.field, one.verdict] += 1
            verdicts.add(one.verdict)
            self.list(self._difference(pair, held, one.field, one.verdict))
        self.users["different" if "different" in verdicts else "drift" if "drift" in verdicts else "equal"] += 1

    def by_field(self) -> dict[str, dict[str, int]]:
        """Users by field and verdict."""
        compared: Counter[str] = Counter()
        for fields, users in self._compared.items():
            compared.update(dict.fromkeys(fields, users))
        return {name: self._verdicts(name, users) for name, users in compared.items()}

    def _verdicts(self, name: str, compared: int) -> dict[str, int]:
        different, drift = self._unequal[name, "different"], self._unequal[name, "drift"]
        return {"equal": compared - different - drift, "different": different, "drift": drift}

    def _difference(self, pair: Pair, held: TargetUser | None, name: str, verdict: str) -> Difference:
        key = pair.desired.key
        return Difference(
            sub_of(key), held.id if held is not None else None, name, verdict, name_of_pool(self.pools, key),
            wanted=desired_value(pair.desired, name) if name else None,
            held=held_value(held, name) if held is not None else None,
        )  # fmt: skip

    def list(self, difference: Difference) -> None:
        """Counted, and kept while there are few."""
        self.total += 1
        if len(self.differences) < _LISTED:
            self.differences.append(difference)


async def run_verify(
    session: Session, *, watch: Watch, sample: int | None, strict: bool, values: bool = False
) -> VerifyResult:
    """Compare everybody, or `sample` people drawn at random. Raises MigrateError as `plan` does.

    `values`: the result shows both values of what differs.
    """
    began = time.monotonic()
    spec, path = session.spec, session.workspace.snapshot_path
    connection = database.create(path)
    try:
        with (
            database.disk_errors(path),
            as_target_error(spec.destination),
            database.interruptible(connection, watch.stopping, "comparing"),
        ):
            with session.read_state() or nullcontext() as state:
                purged = Tombstones(state.key, state.meta(NOTED_AS)) if state is not None else ()
                people = await asyncio.to_thread(
                    read_people, spec, session.source, connection, session.key, watch, purged
                )
                _, warnings = await asyncio.to_thread(cover, spec, session.source, connection, people.traits)
                check_selected(spec, people.source)
                await asyncio.to_thread(mark_waiting, connection, spec.filters, session.as_of)
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
        fields=found.by_field(),
        differences=tuple(found.differences),
        differences_total=found.total,
        requests=session.target.requests,
        duration_s=time.monotonic() - began,
        strict=strict,
        warnings=(*session.source.warnings, *warnings),
        members=members,
        waves=waves,
        values=values,
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
