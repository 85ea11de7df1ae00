"""Carries out one change and says how it ended; never raises but when the whole run has to stop.

A write whose end is not known is settled by a look before it is tried again: WorkOS has no idempotency key for
users (facts), so a blind repeat could double somebody or fail for being there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal, Transient
from engine.model.keys import USER
from engine.model.outcomes import Done, NotDone, Operation, Outcome
from engine.model.ports import Clock, UserChanges
from engine.model.retries import Tries
from engine.model.users import METADATA, TargetUser
from engine.quota.metered import MeteredTarget
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change, Desired, Found, Guard, Known, UserWork
from engine.resources.users.planner import Planner, is_untouched
from engine.resources.users.usage import Usage

# Refusals because somebody is there already: ours or another's, only a look can tell (facts: 400 in the real API,
# 409 from the vendor's emulator).
_TAKEN = frozenset({"email_not_available", "external_id_already_used", "user_already_exists", "email_already_exists"})
# Somebody is said to be there, and no look finds them: lists may lag behind, but not for long.
_UNSEEN_TRIES = 2


class Performer:
    """One per run; `perform` may run many times at once."""

    # Loops of its own, not `patiently`: each try of an update first reads what may forbid it, a creation refused as
    # taken goes back to the planner, and tries that are used up are an outcome here, not an error.

    def __init__(self, target: MeteredTarget, planner: Planner, fingerprints: Fingerprints, clock: Clock) -> None:
        self._target = target
        self._planner = planner
        self._fingerprints = fingerprints
        self._clock = clock
        self._usage = Usage(target, clock)

    async def perform(self, work: UserWork) -> tuple[Outcome, str]:
        """Returns what the state has to record and what the result counts. Raises Refused when the run must stop."""
        if work.change.action == "create":
            return await self._create(work)
        return await self._update(work, Tries(self._target.rng))

    async def foresee(self, work: UserWork) -> str | None:
        """The code for which the change would not be made, by the look that is taken before its write; None: it would.

        Writes nothing. Raises the errors of `engine.model.call_errors`.
        """
        change, guard = work.change, work.change.guard
        if change.action == "create" or (not change.send and guard is None):
            return None
        current = await self._target.get(change.workos_id or "")
        if current is None:
            return "gone"
        if guard is None:
            return None
        return await self._refusal(work, guard, current, user_changes(change.send), begun=guard.begun)

    async def _create(self, work: UserWork) -> tuple[Outcome, str]:
        payload = creation(work.desired)
        tries = Tries(self._target.rng)
        perhaps_ours = False
        while True:
            try:
                user = await self._target.create(payload)
                if not _answers(user, work.desired):
                    return await self._undo(work, user, tries)
                return self._done(work, user, "create", tries), "created"
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
                    return NotDone(USER, work.change.key, "claimed", "unsettled", tries.count + 1), "failed"
                if settled is not None:
                    return await self._follow(work, settled, tries, perhaps_ours=perhaps_ours)
            if isinstance(failure, Terminal) and failure.code not in _TAKEN:
                return NotDone(USER, work.change.key, "failed", failure.code, tries.count + 1), "failed"
            if isinstance(failure, Terminal) and tries.count >= _UNSEEN_TRIES:
                return NotDone(USER, work.change.key, "conflict", failure.code, tries.count + 1), "conflicts"
            if not await self._wait(tries, failure):
                status: Literal["claimed", "failed"] = "claimed" if perhaps_ours else "failed"
                return NotDone(USER, work.change.key, status, failure.code, tries.count), "failed"

    async def _settle(self, work: UserWork, *, perhaps_ours: bool) -> Change | None:
        """What WorkOS holds of the person now, put to the planner again; None where it holds nothing."""
        desired = work.desired
        ours = await self._target.find_by_external_id(desired.fields["external_id"])
        theirs = None
        if ours is None or ours.email != desired.email:
            theirs = await self._target.find_by_email(desired.email)
        if ours is None and theirs is None:
            return None
        claimed = Known(
            None, "claimed", {}, False, perhaps_ours, claimed="create" if perhaps_ours else None,
            marks=work.change.marks.with_whole(work.fingerprint),
        )  # fmt: skip
        return self._planner.decide(desired, claimed, Found(ours, theirs))

    async def _follow(self, work: UserWork, change: Change, tries: Tries, *, perhaps_ours: bool) -> tuple[Outcome, str]:
        """Carry out what the planner said on second sight."""
        if change.action == "adopt":
            return await self._update(replace(work, change=change), tries)
        if change.action == "skip":
            return NotDone(USER, change.key, "skipped", change.code, tries.count + 1), "skipped"
        # A creation whose answer was lost may have been stored under another address.
        leftover = change.workos_id if perhaps_ours and change.code == "external_id_other_email" else None
        return NotDone(USER, change.key, "conflict", change.code, tries.count + 1, leftover), "conflicts"

    async def _update(self, work: UserWork, tries: Tries) -> tuple[Outcome, str]:
        change, guard = work.change, work.change.guard
        operation: Operation = "adopt" if change.action == "adopt" else "update"
        if not change.send and guard is None:
            return self._done(work, None, operation, tries), change.counts_as
        changes = user_changes(change.send)
        begun = guard is not None and guard.begun
        while True:
            lineage = change.lineage
            if guard is not None:
                try:
                    current = await self._target.get(change.workos_id or "")
                    code = None if current is None else await self._refusal(work, guard, current, changes, begun=begun)
                except CallFailed as error:
                    if isinstance(error, Refused) and error.status != 403:
                        raise
                    # What cannot be read may be the very thing that forbids the write. A key that may not read events
                    # may write all the others: that is no end of the run.
                    code = "usage_unreadable" if isinstance(error, Refused) else error.code
                    return NotDone(USER, change.key, "failed", code, tries.count + 1), "failed"
                if current is None:
                    return NotDone(USER, change.key, "gone", "gone", tries.count + 1), "conflicts"
                if code is not None:
                    return NotDone(USER, change.key, "conflict", code, tries.count + 1), "conflicts"
                if not change.send or (begun and _holds(current, changes)):
                    return self._done(work, current, operation, tries, lineage=lineage), change.counts_as
                lineage = is_untouched(current) or (guard.stamp is not None and current.updated_at == guard.stamp)
                if changes.email_verified and not change.created_here and not current.email_verified:
                    # Raised on nobody whom this plan did not make (rule 3).
                    changes = replace(changes, email_verified=False)
            try:
                user = await self._target.update(change.workos_id or "", changes)
                fault = _fault(user, change.workos_id, changes)
                if fault is not None:
                    return NotDone(USER, change.key, "conflict", fault, tries.count + 1), "conflicts"
                return self._done(work, user, operation, tries, lineage=lineage), change.counts_as
            except Terminal as error:
                return await self._refused(change, error, tries)
            except Ambiguous as error:
                failure: CallFailed = error
                begun = True
                held = await self._held(change.workos_id or "", changes)
                if held is not None:
                    return self._done(work, held, operation, tries, lineage=lineage), change.counts_as
            except Transient as error:
                failure = error
            if not await self._wait(tries, failure):
                return NotDone(USER, change.key, "failed", failure.code, tries.count), "failed"

    async def _refusal(
        self, work: UserWork, guard: Guard, current: TargetUser, changes: UserChanges, *, begun: bool
    ) -> str | None:
        """Why the write must not be made, now that the user has been read; None where nothing forbids it."""
        if current.id != work.change.workos_id:
            return "answer_mismatch"
        # An earlier try may have been done, and then it is our own address that stands there.
        ours = begun and changes.email is not None and current.email == changes.email
        if guard.address is not None and not ours and self._fingerprints.field("email", current.email) != guard.address:
            return "address_in_use"
        if begun and _holds(current, changes):
            return None
        moves = changes.email is not None and current.email != changes.email
        if moves and changes.email_verified is False and current.email_verified:
            # The person may have verified the address in WorkOS since: that must not be undone by a new one.
            return "email_change_unverified"
        stamp = current.updated_at if ours else guard.stamp
        if guard.unused and await self._usage.is_used(current, stamp=stamp):
            return "address_in_use"
        return None

    async def _undo(self, work: UserWork, user: TargetUser, tries: Tries) -> tuple[Outcome, str]:
        """Delete a user made a moment ago that is not the one asked for: somebody else's address may stand there.

        Only what a read shows to be ours, unchanged, and never signed in to; all else stays and is named.
        """
        leftover: str | None = user.id
        try:
            current = await self._target.get(user.id)
            if current is None:
                leftover = None
            elif (
                current == user
                and user.email != work.desired.email
                and user.external_id == work.desired.fields["external_id"]
                and is_untouched(user)
                and not user.signed_in
            ):
                await self._delete(user.id)
                # Only a look tells: an answer may be lost, and another server's may say anything.
                if await self._target.get(user.id) is None:
                    leftover = None
        except Refused:
            raise
        except CallFailed:
            # It stays, and the conflict says which.
            pass
        return NotDone(USER, work.change.key, "conflict", "answer_mismatch", tries.count + 1, leftover), "conflicts"

    async def _delete(self, workos_id: str) -> None:
        try:
            await self._target.delete(workos_id)
        except Refused:
            raise
        except CallFailed:
            # It may have been done, or not: the caller looks.
            pass

    async def _held(self, workos_id: str, changes: UserChanges) -> TargetUser | None:
        try:
            user = await self._target.get(workos_id)
        except Refused:
            raise
        except CallFailed:
            return None
        return user if user is not None and _holds(user, changes) else None

    async def _refused(self, change: Change, error: Terminal, tries: Tries) -> tuple[Outcome, str]:
        if error.status == 404:
            # One answer could be a router's or a lagging copy's, and `gone` is for good.
            try:
                there = await self._target.get(change.workos_id or "")
            except Refused:
                raise
            except CallFailed:
                return NotDone(USER, change.key, "failed", "unsettled", tries.count + 1), "failed"
            if there is None:
                return NotDone(USER, change.key, "gone", "gone", tries.count + 1), "conflicts"
        if error.code in _TAKEN or error.code == "email_change_not_allowed":
            return NotDone(USER, change.key, "conflict", error.code, tries.count + 1), "conflicts"
        return NotDone(USER, change.key, "failed", error.code, tries.count + 1), "failed"

    async def _wait(self, tries: Tries, failure: CallFailed) -> bool:
        delay = tries.next_delay(failure)
        if delay is None:
            return False
        self._target.requests.retried += 1
        await self._clock.sleep(delay)
        return True

    def _done(
        self, work: UserWork, user: TargetUser | None, operation: Operation, tries: Tries, *, lineage: bool = True
    ) -> Done:
        """`user` is the answer, None where nothing was asked; `lineage`: all changes of it so far are ours."""
        desired, change = work.desired, work.change
        stamp = change.stamp if user is None else user.updated_at
        return Done(
            kind=USER,
            key=desired.key,
            workos_id=user.id if user is not None else change.workos_id or "",
            operation=operation,
            fingerprint=work.fingerprint,
            fields=self._fingerprints.each(desired.email, desired.verified, desired.fields),
            verified=change.verified and (user is None or user.email_verified),
            created_here=change.created_here,
            flagged=bool(desired.flags) and change.counts_as == "created",
            attempts=tries.count + 1,
            stamp=stamp if lineage or user is None else None,
            detail={} if change.created_here else change.marks.lasting(),
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


def _answers(user: TargetUser, desired: Desired) -> bool:
    """Whether the answer to a creation holds who was asked for."""
    asked = (desired.email, desired.verified, desired.fields["external_id"])
    return (user.email, user.email_verified, user.external_id) == asked


def _fault(user: TargetUser, workos_id: str | None, changes: UserChanges) -> str | None:
    """What is wrong with the answer to an update: another user, address, flag or external ID than asked for."""
    if user.id == workos_id and changes.email not in (None, user.email):
        return "email_not_applied"
    right = (
        user.id == workos_id
        and changes.email_verified in (None, user.email_verified)
        and changes.external_id in (None, user.external_id)
    )
    return None if right else "answer_mismatch"


def _holds(user: TargetUser, changes: UserChanges) -> bool:
    for name in ("email", "email_verified", "first_name", "last_name", "external_id"):
        wanted = getattr(changes, name)
        if wanted is not None and getattr(user, name) != wanted:
            return False
    return all(user.metadata.get(key) == value for key, value in (changes.metadata or {}).items())
