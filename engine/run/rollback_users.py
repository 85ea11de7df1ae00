"""Carries out the way back of one user: looks once more, removes or takes off, and says what is so now."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal
from engine.model.outcomes import NotDone, Outcome, ResourceRow
from engine.model.retries import Tries, patiently
from engine.model.users import TargetUser
from engine.quota.metered import MeteredTarget
from engine.resources.undoing import ABSENT, ORPHAN, Undoing
from engine.resources.users.undoing import UserUndoing, lacks, without_fields

_NOT_ALLOWED = 409


class UserRemover:
    """One per run; `perform` may run many times at once. `kept` counts by reason those whom the last look saved."""

    def __init__(self, target: MeteredTarget, rules: UserUndoing) -> None:
        self._target = target
        self._rules = rules
        self.kept: Counter[str] = Counter()

    async def perform(self, work: Undoing) -> tuple[Outcome, str]:
        """See the runner."""
        try:
            match work.action:
                case "remove":
                    return await self._remove(work)
                case "restore":
                    return await self._restore(work)
                case "gone":
                    return await self._gone(work)
            return _removed(work), "forgotten"
        except Refused:
            raise
        except CallFailed as error:
            return _failed(work, error)

    async def _remove(self, work: Undoing) -> tuple[Outcome, str]:
        workos_id = work.workos_id or ""
        # One answer could be a router's or a lagging copy's, and what the state lets go of is found by nobody.
        held = await self._target.get(workos_id) or await self._target.get(workos_id)
        if held is None:
            return _removed(work), "removed"
        if work.code == ABSENT:
            # Whether somebody has linked an identity could not be asked: the next run does.
            return NotDone(work.kind, work.key, "released", None), "pending"
        reason = self._reason_to_stay(work.row, held)
        if reason is not None:
            self.kept[reason] += 1
            return NotDone(work.kind, work.key, "released", None), "kept"
        await self._delete(workos_id)
        return _removed(work), "removed"

    def _reason_to_stay(self, row: ResourceRow | None, held: TargetUser) -> str | None:
        # Who has reset a password, identities and factors were asked for a moment ago, before anything was removed.
        if self._rules.include_active or row is None:
            return None
        return self._rules.reason_to_stay(row, held, reset=False)

    async def _delete(self, workos_id: str) -> None:
        async def delete() -> bool:
            await self._target.delete(workos_id)
            return True

        async def look(_: CallFailed) -> bool | None:
            return True if await self._target.get(workos_id) is None else None

        await patiently(delete, Tries(self._target.rng), self._target.pause, look=look)
        # Only a look tells: an answer without a body may be anybody's.
        if await self._target.get(workos_id) is not None:
            raise Ambiguous("unsettled")

    async def _restore(self, work: Undoing) -> tuple[Outcome, str]:
        workos_id = work.workos_id or ""
        held = await self._target.get(workos_id)
        if held is None:
            return NotDone(work.kind, work.key, "gone", "gone"), "gone"
        if work.row is not None:
            # What stands there by now may be somebody else's.
            work = self._rules.decide(work.row, held, reset=False)
        if work.action != "restore" or lacks(held, work):
            return _removed(work), "restored"
        changes = without_fields(work)

        async def look(failure: CallFailed) -> TargetUser | None:
            found = await self._target.get(workos_id) if isinstance(failure, Ambiguous) else None
            return found if found is not None and lacks(found, work) else None

        answer = await patiently(
            lambda: self._target.update(workos_id, changes), Tries(self._target.rng), self._target.pause, look=look
        )
        if answer.id != workos_id or not lacks(answer, work):
            return NotDone(work.kind, work.key, "conflict", "not_taken_off", 1), "conflicts"
        return _removed(work), "restored"

    async def _gone(self, work: Undoing) -> tuple[Outcome, str]:
        """A listing did not show the user: only a look at that very user tells."""
        if await self._target.get(work.workos_id or "") is None:
            return NotDone(work.kind, work.key, "gone", "gone"), "gone"
        return NotDone(work.kind, work.key, "released", None), "pending"


def _removed(work: Undoing) -> NotDone:
    return NotDone(work.kind, work.key, "removed", None, leftover=work.key if work.kind == ORPHAN else None)


def _failed(work: Undoing, error: CallFailed) -> tuple[Outcome, str]:
    refused = isinstance(error, Terminal) and error.status == _NOT_ALLOWED and work.action == "remove"
    code = "user_deletion_not_allowed" if refused else error.code
    return NotDone(work.kind, work.key, status_after(work, error), code, 1), "conflicts" if refused else "failed"


def status_after(work: Undoing, error: CallFailed) -> Literal["claimed", "released"]:
    """How the state goes on with a resource whose removal failed: it is there as before, unless nobody knows."""
    # What may have been done stays begun: the next run looks. So does the claim of a creation, which says whose it is.
    return "claimed" if work.begun or isinstance(error, Ambiguous) else "released"
