"""Memberships in a run: decided on disk once users and organizations are, carried out after the users."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256

from engine.model.paging import every_page
from engine.plan_file.model import Spec
from engine.resources.memberships.changes import LOOK_FIRST, MembershipChange, membership_content
from engine.resources.memberships.decision import MembershipRules
from engine.resources.memberships.performer import MembershipPerformer
from engine.resources.memberships.port import HeldMembership
from engine.resources.organizations.organization import domain_of
from engine.run.environment import WorkOSPorts
from engine.run.kinds import KindsInMemory
from engine.snapshot.canary import HeldBack
from engine.snapshot.membership_table import Case, MembershipTable

_BATCH = 1000
# From so many of an organization on, its listing is cheaper than a look at each.
_LISTED_FROM = 20
_SIDE_BY_SIDE = 16
_PLANNED = {"conflict": "conflicts"}
_APPLIED = {"unchanged": "unchanged", "skip": "skipped", "conflict": "conflicts"}
_WRITES = frozenset({"create", "update", "deactivate", "reactivate", "remove"})


@dataclass(slots=True)
class PlannedMemberships:
    """What was decided, counted: by action, and by the code of what is left or in conflict."""

    actions: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    digest: str = ""

    @property
    def due(self) -> int:
        """How many are to be carried out."""
        return sum(number for action, number in self.actions.items() if action in _WRITES)

    def shown(self) -> Counter[str]:
        """As `plan` counts them."""
        return Counter({_PLANNED.get(action, action): number for action, number in self.actions.items()})

    def hold_back(self, held: HeldBack) -> None:
        """Count what waits after all."""
        self.actions = self.actions - held.actions + Counter(wait=held.actions.total())
        self.codes -= held.codes
        self.writes -= held.writes

    def done(self, counts: Mapping[str, int]) -> Counter[str]:
        """As `apply` counts them; `counts` are what came of those that were carried out."""
        found = Counter(counts)
        found["pending"] += self.due - sum(counts.values()) + self.actions["wait"]
        for action in ("unchanged", "skip", "conflict"):
            found[_APPLIED[action]] += self.actions[action]
        return found


class Memberships:
    """The memberships of one run. `table` is of a snapshot whose users are decided on."""

    def __init__(self, spec: Spec, workos: WorkOSPorts, kinds: KindsInMemory, table: MembershipTable) -> None:
        section = spec.organizations
        self.rules = MembershipRules(
            remove_missing=section.remove_missing,
            unverified=section.unverified,
            disabled=spec.disabled,
            left=spec.left,
        )
        self.table = table
        self._workos = workos
        self._kinds = kinds
        self._conflicts = {one.key for one in kinds.organizations.changes if one.action == "conflict"}
        self._ids = {one.key: one.workos_id for one in kinds.organizations.changes}

    async def plan(self) -> PlannedMemberships:
        """Look at what cannot be decided without, and decide on everything. Raises CallFailed."""
        await asyncio.to_thread(self.table.prepare)
        await asyncio.to_thread(self._ask)
        await self._look()
        return await asyncio.to_thread(self._decide_all)

    def performer(self) -> MembershipPerformer:
        """Carries out what was decided."""
        ports = self._workos
        return MembershipPerformer(
            ports.memberships, ports.sessions, self.rules, organization=self._kinds.organizations.workos_id
        )

    def _decide(self, case: Case) -> tuple[Case, MembershipChange]:
        name = case.organization
        known_id = self._ids.get(name)
        found = case.found
        if found == "unknown" and known_id is None and case.known is None:
            # An organization that is not there yet has no members.
            found = "absent"
        standing = replace(
            case.standing,
            organization=(name in self._ids and name not in self._conflicts) or case.known is not None,
            inside=domain_of(case.email) in self._domains(name),
        )
        case = replace(case, found=found, standing=standing)
        return case, self.rules.decide(case.desired, case.known, found, standing)

    def _domains(self, name: str) -> frozenset[str]:
        wanted = self._kinds.wanted_organizations.get(name)
        held = self._kinds.held_organizations.get(name)
        return (wanted.verified if wanted else frozenset()) | (held.verified if held else frozenset())

    def _ask(self) -> None:
        """Note whose memberships have to be looked at before they can be decided on."""
        wanted = []
        for case, change in map(self._decide, self.table.cases()):
            if case.found != "unknown" or case.user_id is None or self._ids.get(case.organization) is None:
                continue
            begun = case.known is not None and case.known.claimed is not None and not case.standing.waits
            if begun or (change.action in LOOK_FIRST and case.known is None):
                wanted.append((case.user_id, case.organization))
            if len(wanted) >= _BATCH:
                self.table.ask_for(wanted)
                wanted.clear()
        self.table.ask_for(wanted)

    async def _look(self) -> None:
        port = self._workos.memberships
        for name, number in self.table.asked():
            organization_id = self._ids[name] or ""
            if number >= _LISTED_FROM:
                async for page in every_page(partial(self._page, organization_id)):
                    self.table.store_held((one.user_id, name, one) for one in page)
            else:
                users = self.table.asked_of(name)
                for at in range(0, len(users), _SIDE_BY_SIDE):
                    chunk = users[at : at + _SIDE_BY_SIDE]
                    held = await asyncio.gather(*(port.find(user, organization_id) for user in chunk))
                    self.table.store_held((user, name, one) for user, one in zip(chunk, held, strict=True))
        self.table.store_absent()

    async def _page(self, organization_id: str, after: str | None) -> tuple[Sequence[HeldMembership], str | None]:
        return await self._workos.memberships.list_page(after, organization_id=organization_id)

    def _decide_all(self) -> PlannedMemberships:
        planned, digest = PlannedMemberships(), sha256()
        batch: list[tuple[Case, MembershipChange]] = []
        for case, change in self._changes():
            planned.actions[change.action] += 1
            if change.code is not None:
                planned.codes[change.code] += 1
            planned.writes += change.action in _WRITES and (change.action != "update" or change.roles is not None)
            if case.standing.waits:
                continue
            if change.action != "unchanged":
                digest.update(membership_content(case.key, change.action, change.workos_id, change.code, change.roles))
            if change.action != "unchanged" or change.code is not None or case.unsettled:
                batch.append((case, change))
            if len(batch) >= _BATCH:
                self.table.store(batch)
                batch.clear()
        self.table.store(batch)
        planned.digest = digest.hexdigest()
        return planned

    def _changes(self) -> Iterator[tuple[Case, MembershipChange]]:
        return map(self._decide, self.table.cases())
