"""Organizations in the pipeline: those that connections and memberships need, found by external ID or created."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import orjson

from engine.model.keys import ORGANIZATION
from engine.model.outcomes import Done, ResourceRow
from engine.model.paging import every_page
from engine.resources.kind import Action, ResourceChange
from engine.resources.organizations.planner import KnownOrganization, OrganizationChange, OrganizationPlanner
from engine.resources.organizations.port import HeldOrganization, Organization, OrganizationPort
from engine.resources.organizations.undoing import OrganizationTraces

# From so many on, one listing of the environment's is cheaper than a look at each.
_LISTED_FROM = 100


class OrganizationsKind:
    """See `Kind`. `wanted` is asked once the records are read: what nobody belongs to is not made."""

    name = ORGANIZATION

    def __init__(
        self,
        wanted: Callable[[], Mapping[str, Organization]],
        port: OrganizationPort,
        planner: OrganizationPlanner,
    ) -> None:
        self._ask = wanted
        self._port = port
        self._planner = planner
        self._known: Mapping[str, ResourceRow] = {}
        self._decided: dict[str, OrganizationChange] = {}
        self.wanted: Mapping[str, Organization] = {}
        self.held: dict[str, HeldOrganization] = {}

    async def foresee(self, known: Mapping[str, ResourceRow]) -> Sequence[ResourceChange]:
        """See `Kind`."""
        self.wanted = self._ask()
        self._known = known
        self.held = await self._look()
        return [self._change(key, self._decide(key)) for key in self.wanted]

    async def _look(self) -> dict[str, HeldOrganization]:
        """What WorkOS holds, by external ID."""
        if len(self.wanted) < _LISTED_FROM:
            # Side by side: each answer takes its time, and the first write waits for all of them.
            there = await asyncio.gather(*map(self._port.find, self.wanted))
            return {key: one for key, one in zip(self.wanted, there, strict=True) if one is not None}
        found: dict[str, HeldOrganization] = {}
        async for page in every_page(self._port.list_page):
            found |= {one.external_id: one for one in page if one.external_id and one.external_id in self.wanted}
        return found

    def _decide(self, key: str) -> OrganizationChange:
        row = self._known.get(key)
        known = None
        if row is not None:
            known = KnownOrganization(
                row.workos_id,
                orjson.loads(row.fields) if row.fields else {},
                bool(row.created_here),
                gone=row.status == "gone",
                claimed=row.operation if row.status == "claimed" else None,
            )
        held = self.held.get(key)
        if known is not None and known.workos_id is not None and held is not None and held.id != known.workos_id:
            # Somebody deleted ours, and made another of this external ID: it is not ours to change.
            known = KnownOrganization(None)
        self._decided[key] = self._planner.decide(self.wanted[key], known, held or "absent")
        return self._decided[key]

    def _change(self, key: str, decided: OrganizationChange) -> ResourceChange:
        action: Action = decided.action
        if action == "adopt" and decided.send is not None:
            action = "update"
        wanted = self.wanted[key]
        send: dict[str, object] = {}
        if action == "create":
            send = {"name": wanted.name, "domains": dict(wanted.domains), "metadata": dict(wanted.metadata)}
        elif decided.send is not None:
            send = {name: value for name, value in asdict(decided.send).items() if value is not None}
        return ResourceChange(
            self.name, key, action, decided.workos_id, send=send, code=decided.code, created_here=decided.created_here,
            intent=self._traces(key, decided),
        )  # fmt: skip

    def _traces(self, key: str, decided: OrganizationChange) -> dict[str, object] | None:
        """What this plan has written on an organization of somebody else's making, once the change is made."""
        if decided.created_here or decided.action in ("create", "unchanged", "conflict"):
            return None
        row, marks = self._known.get(key), self._planner.marks(self.wanted[key])
        return OrganizationTraces.of(row.detail if row else None).after(decided.send, self.held[key], marks).to_detail()

    async def carry_out(self, change: ResourceChange) -> tuple[Done, str]:
        """See `Kind`. One that is there by now, made by somebody else, is adopted with what it lacks."""
        decided, counts_as = self._decided[change.key], "updated"
        if decided.action == "create":
            made = await self._port.create(self.wanted[change.key])
            self.held[change.key] = made.held
            if made.ours:
                return self._done(change, made.held.id, "create", created_here=True), "created"
            decided = self._decide(change.key)
        if decided.send is not None and decided.workos_id is not None:
            self.held[change.key] = await self._port.update(decided.workos_id, decided.send)
        elif decided.action in ("adopt", "update"):
            counts_as = "unchanged"
        done = self._done(change, decided.workos_id or "", decided.action, created_here=decided.created_here)
        return done, counts_as

    def _done(self, change: ResourceChange, workos_id: str, operation: str, *, created_here: bool) -> Done:
        marks = self._planner.marks(self.wanted[change.key])
        traces = {} if created_here else change.intent or {}
        return Done(self.name, change.key, workos_id, operation, b"", marks, created_here, 1, detail=traces)
