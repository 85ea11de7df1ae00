"""Carries out the way back of what is no user: memberships, connections, organizations, redirect URIs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from engine.model.call_errors import CallFailed, Refused, Terminal
from engine.model.outcomes import NotDone, Outcome
from engine.resources.undoing import Undoing
from engine.run.rollback_users import status_after

_CONFLICT = 409


class ResourceRemover:
    """One kind in one run; `perform` may run many times at once.

    `delete` removes by WorkOS id, and nothing where it is not there. `stays` says at the last moment why one must be
    kept, `restore` takes off what `Undoing.send` names, `refused` is the code of a 409. `kept` counts by reason.
    """

    def __init__(
        self,
        delete: Callable[[str], Awaitable[None]],
        *,
        refused: str = "conflict",
        stays: Callable[[Undoing], Awaitable[str | None]] | None = None,
        restore: Callable[[Undoing], Awaitable[object]] | None = None,
    ) -> None:
        self._delete = delete
        self._stays = stays
        self._restore = restore
        self._refused = refused
        self.kept: Counter[str] = Counter()

    async def perform(self, work: Undoing) -> tuple[Outcome, str]:
        """See the runner."""
        done = NotDone(work.kind, work.key, "removed", None)
        try:
            if work.action == "restore" and self._restore is not None:
                await self._restore(work)
                return done, "restored"
            if work.action != "remove" or work.workos_id is None:
                return done, "forgotten"
            reason = await self._stays(work) if self._stays is not None else None
            if reason is not None:
                self.kept[reason] += 1
                return NotDone(work.kind, work.key, "released", None), "kept"
            await self._delete(work.workos_id)
        except Refused:
            raise
        except CallFailed as error:
            if isinstance(error, Terminal) and error.status == _CONFLICT:
                return NotDone(work.kind, work.key, status_after(work, error), self._refused, 1), "conflicts"
            if isinstance(error, Terminal) and error.status == 404 and work.action == "restore":
                return done, "forgotten"
            return NotDone(work.kind, work.key, status_after(work, error), error.code, 1), "failed"
        return done, "removed"
