"""Carries out one change and says how it ended; never raises but when the whole run has to stop.

A write whose end is not known is settled by a look before it is tried again: WorkOS has no idempotency key for
users (facts), so a blind repeat could double somebody or fail for being there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from engine.planning.changes import Change, Desired, Found, Known, Work
from engine.planning.fingerprints import Fingerprints
from engine.planning.planner import METADATA, Planner
from engine.ports import Clock, UserChanges
from engine.state.records import Done, NotDone, Operation, Outcome
from engine.targets.backoff import Tries
from engine.targets.errors import Ambiguous, CallFailed, Refused, Terminal, Transient
from engine.targets.metered import MeteredTarget
from engine.users import TargetUser

# Refusals because somebody is there already: ours or another's, only a look can tell (facts: 400 in the real API,
# 409 from the vendor's emulator).
_TAKEN = frozenset({"email_not_available", "external_id_already_used", "user_already_exists", "email_already_exists"})
# Somebody is said to be there, and no look finds them: lists may lag behind, but not for long.
_UNSEEN_TRIES = 2


class Performer:
    """One per run; `perform` may run many times at once."""

    def __init__(self, target: MeteredTarget, planner: Planner, fingerprints: Fingerprints, clock: Clock) -> None:
        self._target = target
        self._planner = planner
        self._fingerprints = fingerprints
        self._clock = clock

    async def perform(self, work: Work) -> tuple[Outcome, str]:
        """Returns what the state has to record and what the result counts. Raises Refused when the run must stop."""
        if work.change.action == "create":
            return await self._create(work)
        return await self._update(work, Tries(self._target.rng))

    async def _create(self, work: Work) -> tuple[Outcome, str]:
        payload = creation(work.desired)
        tries = Tries(self._target.rng)
        perhaps_ours = False
        while True:
            try:
                user = await self._target.create(payload)
                return self._done(work, user.id, "create", tries), "created"
            except Ambiguous as error:
                perhaps_ours = True
                failure: CallFailed = error
            except Transient as error:
                failure = error
            except Terminal as error:
                failure = error
            if not isinstance(failure, Transient):
                try:
                    settled = await self._settle(work, perhaps_ours=perhaps_ours)
                except CallFailed as error:
                    if isinstance(error, Refused):
                        raise
                    # Nobody can say how it ended; the claim stays, and the next run looks first.
                    return NotDone(work.change.sub, "claimed", "unsettled", tries.count + 1), "failed"
                if settled is not None:
                    return await self._follow(work, settled, tries)
            if isinstance(failure, Terminal) and failure.code not in _TAKEN:
                return NotDone(work.change.sub, "failed", failure.code, tries.count + 1), "failed"
            if isinstance(failure, Terminal) and tries.count >= _UNSEEN_TRIES:
                return NotDone(work.change.sub, "conflict", failure.code, tries.count + 1), "conflicts"
            if not await self._wait(tries, failure):
                status: Literal["claimed", "failed"] = "claimed" if perhaps_ours else "failed"
                return NotDone(work.change.sub, status, failure.code, tries.count), "failed"

    async def _settle(self, work: Work, *, perhaps_ours: bool) -> Change | None:
        """What WorkOS holds of the person now, put to the planner again; None where it holds nothing."""
        desired = work.desired
        ours = await self._target.find_by_external_id(desired.fields["external_id"])
        theirs = None
        if ours is None or ours.email != desired.email:
            theirs = await self._target.find_by_email(desired.email)
        if ours is None and theirs is None:
            return None
        claimed = Known(None, "claimed", {}, False, perhaps_ours, claimed="create" if perhaps_ours else None)
        return self._planner.decide(desired, claimed, Found(ours, theirs))

    async def _follow(self, work: Work, change: Change, tries: Tries) -> tuple[Outcome, str]:
        """Carry out what the planner said on second sight."""
        if change.action == "adopt":
            return await self._update(replace(work, change=change), tries)
        if change.action == "skip":
            return NotDone(change.sub, "skipped", change.code, tries.count + 1), "skipped"
        return NotDone(change.sub, "conflict", change.code, tries.count + 1), "conflicts"

    async def _update(self, work: Work, tries: Tries) -> tuple[Outcome, str]:
        change = work.change
        operation: Operation = "adopt" if change.action == "adopt" else "update"
        workos_id = change.workos_id or ""
        if not change.send:
            return self._done(work, workos_id, operation, tries), change.counts_as
        changes = user_changes(change.send)
        if changes.email is not None and changes.email_verified is False:
            # The person may have verified the address in WorkOS since: that must not be undone by a new one (rule 2).
            try:
                current = await self._target.get(workos_id)
            except (Transient, Ambiguous) as error:
                return NotDone(change.sub, "failed", error.code, tries.count + 1), "failed"
            if current is not None and current.email_verified and current.email != changes.email:
                return NotDone(change.sub, "conflict", "email_change_unverified", tries.count + 1), "conflicts"
        while True:
            try:
                user = await self._target.update(workos_id, changes)
                if changes.email is not None and user.email != changes.email:
                    return NotDone(change.sub, "failed", "email_not_applied", tries.count + 1), "failed"
                return self._done(work, workos_id, operation, tries), change.counts_as
            except Terminal as error:
                return self._refused(change, error, tries)
            except Ambiguous as error:
                failure: CallFailed = error
                if await self._holds(workos_id, changes):
                    return self._done(work, workos_id, operation, tries), change.counts_as
            except Transient as error:
                failure = error
            if not await self._wait(tries, failure):
                return NotDone(change.sub, "failed", failure.code, tries.count), "failed"

    async def _holds(self, workos_id: str, changes: UserChanges) -> bool:
        try:
            user = await self._target.get(workos_id)
        except Refused:
            raise
        except CallFailed:
            return False
        return user is not None and _holds(user, changes)

    @staticmethod
    def _refused(change: Change, error: Terminal, tries: Tries) -> tuple[Outcome, str]:
        if error.status == 404:
            return NotDone(change.sub, "gone", "gone", tries.count + 1), "conflicts"
        if error.code in _TAKEN or error.code == "email_change_not_allowed":
            return NotDone(change.sub, "conflict", error.code, tries.count + 1), "conflicts"
        return NotDone(change.sub, "failed", error.code, tries.count + 1), "failed"

    async def _wait(self, tries: Tries, failure: CallFailed) -> bool:
        delay = tries.next_delay(failure)
        if delay is None:
            return False
        self._target.requests.retried += 1
        await self._clock.sleep(delay)
        return True

    def _done(self, work: Work, workos_id: str, operation: Operation, tries: Tries) -> Done:
        desired = work.desired
        return Done(
            sub=desired.sub,
            workos_id=workos_id,
            operation=operation,
            fingerprint=work.fingerprint,
            fields=self._fingerprints.each(desired.email, desired.verified, desired.fields),
            verified=work.change.verified,
            created_here=work.change.created_here,
            flagged=bool(desired.flags) and work.change.counts_as == "created",
            attempts=tries.count + 1,
        )


def creation(desired: Desired) -> dict[str, object]:
    """The fields of a new user; flags only ever go in here (contract: set at creation, never written again)."""
    payload: dict[str, object] = {
        "email": desired.email,
        "email_verified": desired.verified,
        "external_id": desired.fields["external_id"],
    }
    for name in ("first_name", "last_name"):
        if name in desired.fields:
            payload[name] = desired.fields[name]
    metadata = _metadata(desired.fields) | dict(desired.flags)
    if metadata:
        payload["metadata"] = metadata
    return payload


def user_changes(send: Mapping[str, str | bool | None]) -> UserChanges:
    """Flat fields as one update."""
    plain = {name: value for name, value in send.items() if not name.startswith(METADATA)}
    return UserChanges(**plain, metadata=_metadata(send) or None)  # type: ignore[arg-type]  # by name


def _metadata(fields: Mapping[str, str] | Mapping[str, str | bool | None]) -> dict[str, str | None]:
    return {
        name[len(METADATA) :]: value  # type: ignore[misc]  # metadata is text or None
        for name, value in fields.items()
        if name.startswith(METADATA)
    }


def _holds(user: TargetUser, changes: UserChanges) -> bool:
    for name in ("email", "email_verified", "first_name", "last_name", "external_id"):
        wanted = getattr(changes, name)
        if wanted is not None and getattr(user, name) != wanted:
            return False
    return all(user.metadata.get(key) == value for key, value in (changes.metadata or {}).items())
