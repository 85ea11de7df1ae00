"""One `explain`: a plan is computed as `migrate plan` does, and one person's rows of it are looked at.

What `apply` sees just before a write is looked at by the very code that looks then; nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from engine.model.call_errors import Refused
from engine.model.clock import SystemClock
from engine.model.errors import MigrateError
from engine.model.keys import (
    ORGANIZATION,
    membership_key,
    name_of_pool,
    split_membership_key,
    sub_of,
    user_key,
    written_user,
)
from engine.model.outcomes import ResourceRow
from engine.model.paging import every_page
from engine.model.rules import because, because_of_membership
from engine.model.users import TargetUser, normalise_email
from engine.resources.memberships.port import HeldMembership
from engine.resources.users.changes import Desired, UserWork
from engine.resources.users.performer import Performer
from engine.resources.users.planner import held_value
from engine.run.diff import FieldChange
from engine.run.explained_rows import differing, explained_record, explained_state, explained_user
from engine.run.explanation import ExplainedMembership, ExplainedUser, Explanation, HeldPlace, NextStep, Step
from engine.run.kinds import KindsInMemory
from engine.run.migration import run_plan
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.session import Session
from engine.run.shown_changes import creation_fields
from engine.run.sign_in import SignInPlan, SignInStage
from engine.run.target_errors import as_target_error
from engine.snapshot.change_rows import merge_reasons
from engine.snapshot.person_rows import DecidedUser, PersonRecord, PersonRows

if TYPE_CHECKING:
    from engine.snapshot.plan_queries import DesiredRow

_WORKOS_ID = "user_"
# Each hop looks through all changes.
_MOST_WAITING = 20


async def run_explain(session: Session, who: str, *, watch: Watch) -> Explanation:
    """Of the person whose address, sub (or POOL/SUB), username or WorkOS id `who` is.

    Raises MigrateError (`user_not_found`), and as `plan` does.
    """
    found: list[_Explainer] = []

    async def look(prepared: Prepared, _stage: SignInStage, _plan: SignInPlan, kinds: KindsInMemory) -> None:
        explainer = _Explainer(session, prepared, kinds)
        with as_target_error(session.spec.destination):
            await explainer.find(who)
            await explainer.explain()
        found.append(explainer)

    result = await run_plan(session, watch=watch, look=look)
    (seen,) = found
    return Explanation(
        plan=result.plan,
        sandbox=result.sandbox,
        records=[explained_record(row, seen.desired.get(row.key), seen.pools) for row in seen.records],
        state=[explained_state(row, seen.pools) for row in seen.state],
        workos=seen.users,
        steps=seen.steps,
        memberships=seen.memberships,
        guards=[one.to_json() for one in result.guards],
        warnings=result.warnings,
    )


class _Explainer:
    """One person of a prepared plan."""

    def __init__(self, session: Session, prepared: Prepared, kinds: KindsInMemory) -> None:
        self._session = session
        self._prepared = prepared
        self._kinds = kinds
        self._rows = PersonRows(prepared.connection)
        self.pools = session.source.names
        self._target = session.target
        self._performer = Performer(session.target, prepared.planner, prepared.fingerprints, SystemClock())
        self.desired: dict[str, Desired] = {}
        self._held: dict[str, TargetUser] = {}
        self._keys: set[str] = set()
        self.records: Sequence[PersonRecord] = ()
        self.state: Sequence[ResourceRow] = ()
        self.users: list[ExplainedUser] = []
        self.steps: list[NextStep] = []
        self.memberships: list[ExplainedMembership] = []

    async def find(self, who: str) -> None:
        """Fill `records` and `state`. Raises MigrateError (`user_not_found`)."""
        keys = self._possible_keys(who)
        found = await asyncio.to_thread(self._rows.called, keys, who, normalise_email(who))
        found |= {row.key for row in await asyncio.to_thread(self._rows.known, keys, [who])}
        if not found and who.startswith(_WORKOS_ID):
            user = await self._target.get(who)
            if user is not None:
                found = await asyncio.to_thread(self._rows.with_external_id, user.external_id or "")
                found |= await asyncio.to_thread(self._rows.called, (), "", user.email)
        if not found:
            # Whoever was asked for is not named: logs are read by others.
            raise MigrateError(
                "neither the pool nor the state has the user who was asked for",
                remedy="give an address or username as it stands in Cognito, a sub, or a WorkOS id (user_…) of one of "
                "this plan's users" + (", or POOL/SUB" if self.pools else ""),
                code="user_not_found",
            )
        self._keys = await asyncio.to_thread(self._rows.gather, found)
        self.records = await asyncio.to_thread(self._rows.records, self._keys)
        self.state = await asyncio.to_thread(self._rows.known, self._keys)

    def _possible_keys(self, who: str) -> list[str]:
        pools = self._session.spec.pools
        keys = [user_key(one.key, who) for one in pools]
        return keys + [
            user_key(one.key, who.removeprefix(f"{one.name}/")) for one in pools if who.startswith(f"{one.name}/")
        ]

    async def explain(self) -> None:
        """Fill the rest."""
        decided = await asyncio.to_thread(self._rows.decided, self._keys)
        works = {key: await asyncio.to_thread(self._prepared.table.work_of, key) for key in decided}
        for row in self.records:
            if row.reason is None and row.primary_key is None and not row.skipped:
                self.desired[row.key] = self._prepared.table.desired(cast("DesiredRow", row))
        await self._look_into_workos(decided)
        for row in self.records:
            self.steps.append(await self._step(row, decided, works.get(row.key)))
        there = {row.key for row in self.records}
        self.steps += [self._left(row, decided) for row in self.state if row.key not in there]
        known = await asyncio.to_thread(self._rows.known_memberships, self._keys)
        if self._prepared.placing is not None or known:
            await asyncio.to_thread(self._explain_memberships, known)

    async def _look_into_workos(self, decided: Mapping[str, DecidedUser]) -> None:
        """Everybody there who matters to the person: by the state, a decision, external ID and address."""
        found: dict[str, TargetUser] = {}
        ways: dict[str, list[str]] = {}

        def note(user: TargetUser | None, way: str) -> None:
            if user is not None:
                found[user.id] = user
                ways.setdefault(user.id, []).append(way)

        known = dict.fromkeys(row.workos_id for row in self.state if row.workos_id is not None)
        for workos_id in known:
            note(await self._target.get(workos_id), "state")
        for desired in self.desired.values():
            note(await self._target.find_by_external_id(desired.fields.get("external_id", "")), "external_id")
            note(await self._target.find_by_email(desired.email), "address")
        others = {one.workos_id for one in decided.values() if one.workos_id is not None} - found.keys() - known.keys()
        for workos_id in sorted(others):
            note(await self._target.get(workos_id), "decision")
        self._held = found
        wanted = {one.workos_id: self.desired[key] for key, one in decided.items() if key in self.desired}
        for workos_id, user in found.items():
            places = await self._places(workos_id) if self._prepared.placing is not None else ()
            self.users.append(explained_user(user, ways[workos_id], wanted.get(workos_id), places))

    async def _places(self, workos_id: str) -> tuple[HeldPlace, ...]:
        known = self._session.known.get(ORGANIZATION, {})
        names = {row.workos_id: name for name, row in known.items() if row.workos_id is not None}
        names |= {one.id: name for name, one in self._kinds.held_organizations.items()}
        held: list[HeldMembership] = []
        async for page in every_page(partial(self._session.workos.memberships.list_page, user_id=workos_id)):
            held += page
        return tuple(
            HeldPlace(names.get(one.organization_id), one.organization_id, one.id, one.status, one.roles)
            for one in held
        )

    async def _step(self, row: PersonRecord, every: Mapping[str, DecidedUser], work: UserWork | None) -> NextStep:
        """What would become of a record."""
        own = next((one for one in self.state if one.key == row.key), None)
        if row.reason is not None:
            left = ("left_source",) if own is not None and own.workos_id is not None else ()
            return self._made(row.key, "exclude", (row.reason, *left), own.workos_id if own else None, code=row.reason)
        if row.primary_key is not None:
            first = every.get(row.primary_key)
            why = list(merge_reasons(row.relation, linked=bool(row.linked)))
            if own is not None and own.relation == "primary" and _leaves_behind(own, first):
                why.append("orphaned")
            if first is not None and first.action == "wait" and first.code is not None:
                why.append(first.code)
            return self._made(row.key, "merge", why, first.workos_id if first else None, into=row.primary_key)
        decided = every.get(row.key)
        if decided is None:
            # Nobody selected is without a decision; this would be a fault of ours.
            raise AssertionError("a person without a decision")
        reasons = decided.because.split(",") if decided.because else []
        if any(one.primary_key == row.key for one in self.records):
            reasons.insert(0, "stands")
        code = decided.code
        if work is not None and code is None:
            code, more = await self._foresee(work)
            reasons += more
        held = self._held.get(decided.workos_id or "")
        if decided.action == "unchanged" and held is not None and differing(self.desired[row.key], held):
            reasons.append("left_alone")
        action: Step = cast("Step", decided.action)
        if work is not None and code is not None:
            action, reasons = "conflict", [*reasons, code]
        changes = self._changes(row.key, work, held) if work is not None else ()
        return self._made(row.key, action, reasons, decided.workos_id, code=code, changes=changes)

    async def _foresee(self, work: UserWork) -> tuple[str | None, list[str]]:
        """(why a write would end in a conflict, further reasons): what `apply` finds out just before it."""
        try:
            code = await self._performer.foresee(work)
        except Refused as error:
            if error.status != 403:
                raise
            code = "usage_unreadable"
        if code is not None:
            return code, []
        return await self._foresee_address(work)

    async def _foresee_address(self, work: UserWork) -> tuple[str | None, list[str]]:
        """Whether the address is free, or will be by then: who has it may give it up in the same run."""
        change, address = work.change, work.desired.email
        if change.action != "create" and "email" not in change.send:
            return None, []
        seen, waits = {work.key}, False
        while len(seen) <= _MOST_WAITING:
            holder = await self._target.find_by_email(address)
            if holder is None or (holder.id == change.workos_id and not waits):
                return None, ["waits"] if waits else []
            # Who waits for one that waits for them will wait for ever.
            moving = await asyncio.to_thread(self._rows.moving, holder.id)
            if moving is None or moving[0] in seen:
                return "email_not_available", []
            seen.add(moving[0])
            address, waits = moving[1], True
        return None, ["waits"]

    def _changes(self, key: str, work: UserWork, held: TargetUser | None) -> tuple[FieldChange, ...]:
        create = work.change.action == "create"
        send: Mapping[str, object] = creation_fields(self.desired[key]) if create else work.change.send
        return tuple(
            FieldChange(name, held_value(held, name) if held is not None else None, value)
            for name, value in send.items()
        )

    def _left(self, row: ResourceRow, decided: Mapping[str, DecidedUser]) -> NextStep:
        """Of a user whose record is gone from the pool."""
        if row.workos_id is None:
            return self._made(row.key, "keep", ("record_gone",), None)
        taken = any(one.workos_id == row.workos_id and one.action != "conflict" for one in decided.values())
        return self._made(row.key, "keep", ("gives_over",) if taken else ("left_source",), row.workos_id)

    def _made(
        self,
        key: str,
        action: Step,
        reasons: Sequence[str],
        workos_id: str | None,
        *,
        into: str | None = None,
        code: str | None = None,
        changes: tuple[FieldChange, ...] = (),
    ) -> NextStep:
        return NextStep(
            sub_of(key), name_of_pool(self.pools, key), action, because(reasons), workos_id,
            written_user(self.pools, into) if into is not None else None, code, changes,
        )  # fmt: skip

    def _explain_memberships(self, known: Sequence[ResourceRow]) -> None:
        wanted = {
            membership_key(person, one.organization): one for person, one in self._rows.wanted_memberships(self._keys)
        }
        rows = {row.key: row for row in known}
        changed = {one.key: one for one in self._rows.changed_memberships(self._keys)}
        stands = {one.key: one.primary_key or one.key for one in self.records}
        waiting = self._rows.waiting(self._keys)
        for key in sorted({*wanted, *rows, *changed}):
            user, organization = split_membership_key(key)
            change, row = changed.get(key), rows.get(key)
            action, code = (change.action, change.code) if change is not None else ("unchanged", None)
            if stands.get(user, user) in waiting:
                action, code = "wait", None
            self.memberships.append(
                ExplainedMembership(
                    source_id=sub_of(user),
                    pool=name_of_pool(self.pools, user),
                    organization=organization,
                    roles=wanted[key].roles if key in wanted else None,
                    known=row.status if row is not None else None,
                    workos_id=change.workos_id if change is not None else row.workos_id if row is not None else None,
                    action=action,
                    code=code,
                    because=because_of_membership(action, code),
                )
            )


def _leaves_behind(own: ResourceRow, first: DecidedUser | None) -> bool:
    """Whether a record that is merged has a user of WorkOS who is nobody's once the other one stands for it."""
    if own.workos_id is None or first is None or first.action in ("conflict", "skip", "wait"):
        return False
    return first.workos_id != own.workos_id
