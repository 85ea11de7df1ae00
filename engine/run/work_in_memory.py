"""Kinds whose resources fit in memory, for the runner: due changes as work, each carried out by its kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.model.call_errors import Ambiguous, CallFailed
from engine.model.outcomes import NotDone, Outcome, ResourceRow
from engine.resources.kind import TO_DO, Kind, ResourceChange


@dataclass(slots=True)
class WorkInMemory:
    """One kind in one run. `outcomes` are by key, once they are carried out."""

    kind: Kind
    changes: Sequence[ResourceChange] = ()
    outcomes: dict[str, tuple[Outcome, str]] = field(default_factory=dict)
    _known: Mapping[str, ResourceRow] = field(default_factory=dict)

    async def foresee(self, known: Mapping[str, ResourceRow]) -> None:
        """Decide on everything. Raises what the kind raises."""
        self._known = known
        self.changes = await self.kind.foresee(known)

    def hold_back(self, needed: Collection[str]) -> None:
        """Let everything wait that has another key than these."""
        self.changes = [
            replace(one, action="wait", code=None)
            if one.key not in needed and (one.action in TO_DO or one.action == "conflict")
            else one
            for one in self.changes
        ]

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(one.action == "wait" for one in self.changes)

    def work(self, phase: int) -> Iterator[list[ResourceChange]]:
        """See the runner: nothing here waits for anything of its own kind."""
        due = [one for one in self.changes if one.action in TO_DO]
        if phase and due:
            yield due

    async def perform(self, work: ResourceChange) -> tuple[Outcome, str]:
        """See the runner. What one resource meets says nothing of the next, so no refusal ends the run here."""
        ended: tuple[Outcome, str]
        try:
            ended = await self.kind.carry_out(work)
        except CallFailed as error:
            # A creation that may have been done stays claimed: the next run knows it for ours.
            status = "claimed" if isinstance(error, Ambiguous) else "failed"
            ended = NotDone(work.kind, work.key, status, error.code, 1), "failed"  # type: ignore[arg-type]
        self.outcomes[work.key] = ended
        return ended

    def workos_id(self, key: str) -> str | None:
        """What WorkOS calls the resource, once it is found or made, or was when the plan still asked for it."""
        done = self.outcomes.get(key)
        if done is not None and not isinstance(done[0], NotDone):
            return done[0].workos_id
        row = self._known.get(key)
        known = row.workos_id if row is not None and row.status != "gone" else None
        return next((one.workos_id for one in self.changes if one.key == key), known)
