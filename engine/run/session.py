"""What a `plan` or `apply` works with: plan file, workspace, source, target. Who opens it is others' business."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date

from engine.model.clock import SystemClock, today
from engine.model.identity_providers import IdentityProvider
from engine.model.keys import CONNECTION, connection_key
from engine.model.outcomes import StateIdentity
from engine.model.ports import Clock, SourceDescription
from engine.model.resets import ResetTarget
from engine.oauth.checks import Check
from engine.oauth.ports import ProviderProbe
from engine.plan_file.model import Destination, Spec
from engine.quota.metered import MeteredTarget
from engine.resources.organizations.organization import organizations
from engine.resources.organizations.port import Organization
from engine.run.canary import Canary
from engine.run.environment import WorkOSPorts
from engine.run.kinds import KindsInMemory, KnownRows, kinds_in_memory
from engine.run.placing import Placing
from engine.run.preparation import Prepared, prepare
from engine.run.reading import Watch, read_people
from engine.run.sign_in import SignInFacts, SignInPlan, SignInStage
from engine.run.sources import Sources
from engine.run.target_errors import as_target_error
from engine.snapshot import database
from engine.snapshot.passwordless import FindPasswordless
from engine.snapshot.sign_ins import count_addresses, count_left_out, count_sign_ins
from engine.snapshot.waves import needed_organizations
from engine.state.file import StateFile
from engine.workspace.folder import Workspace

OpenResets = Callable[[Destination], AbstractAsyncContextManager[ResetTarget]]
"""Opens WorkOS's password resets; contacts nobody."""


@dataclass(slots=True)
class Session:
    """What a command works with. `spec.destination` is the one in use, the sandbox's under `--sandbox`."""

    spec: Spec
    sandbox: bool
    workspace: Workspace
    identity: StateIdentity
    key: bytes
    source: Sources
    described: SourceDescription
    target: MeteredTarget
    workos: WorkOSPorts
    resets: OpenResets
    probe: ProviderProbe
    known: KnownRows = field(default_factory=dict)  # of the kinds that fit in memory
    notes: list[str] = field(default_factory=list)
    refresh: bool = True  # look who was deleted in WorkOS
    clock: Clock = field(default_factory=SystemClock)
    canary: Canary | None = None  # an `apply` of a few people
    as_of: date = field(default_factory=today)  # the day whose cohorts are due

    async def sign_in_stage(self) -> SignInStage:
        """What the plan says of signing in, with the pool's providers read. Raises SourceError."""
        pools: Mapping[str, Sequence[IdentityProvider] | None] = {}
        if self.spec.providers is not None:
            pools = await asyncio.to_thread(self.source.identity_providers)
        return SignInStage(self.spec, self.workos, pools, label=self.source.label)

    async def foresee(
        self, stage: SignInStage, snapshot: sqlite3.Connection, placing: Placing | None
    ) -> tuple[SignInPlan, KindsInMemory]:
        """Who in a snapshot signs in how, and what becomes of the resources that are not users. Raises MigrateError."""
        people = await asyncio.to_thread(count_sign_ins, snapshot, self.source.label_of_record)
        left_out = await asyncio.to_thread(count_left_out, snapshot, self.source.label_of_record)
        plan = stage.foresee(people, left_out)
        kinds = kinds_in_memory(
            self.spec, self.workos, key=self.key, designs=plan.designs,
            organizations=lambda: _organizations(plan, placing),
        )  # fmt: skip
        with as_target_error(self.spec.destination):
            await kinds.foresee(self.known)
        if self.spec.filters.in_waves and placing is not None:
            # A connection is for its identity provider's administrator, who needs time; members come with their wave.
            needed = await asyncio.to_thread(needed_organizations, snapshot)
            kinds.organizations.hold_back(needed | {one.organization.organization for one in plan.designs})
        if plan.connections:
            plan.addresses = await asyncio.to_thread(
                count_addresses, snapshot, plan.connections, _domains(kinds), self.source.label_of_record
            )
        return plan, kinds

    def sign_in_facts(self, plan: SignInPlan, kinds: KindsInMemory) -> SignInFacts:
        """What the checks of providers go by."""
        known, label = self.known.get(CONNECTION, {}), self.source.label
        ids = {label(one.pool, one.provider): known.get(connection_key(one.pool, one.provider)) for one in plan.designs}
        wanted, held = kinds.wanted_organizations, kinds.held_organizations
        named = {label(one.pool, one.provider): one.organization.organization for one in plan.designs}
        return SignInFacts(
            {name: row.workos_id for name, row in ids.items() if row is not None and row.workos_id is not None},
            {provider: (wanted[name], held.get(name)) for provider, name in named.items()},
            coming=any(one.action == "create" for one in kinds.redirect_uris.changes),
        )

    async def check_sign_in(self, stage: SignInStage, watch: Watch) -> list[Check]:
        """Read who signs in how, and check every provider by what `apply` would go by. Raises MigrateError."""
        path = self.workspace.snapshot_path
        snapshot = database.create(path)
        try:
            with database.disk_errors(path):
                people = await asyncio.to_thread(read_people, self.spec, self.source, snapshot, self.key, watch)
                plan, kinds = await self.foresee(stage, snapshot, people.placing)
            with as_target_error(self.spec.destination):
                return await stage.check(plan, self.sign_in_facts(plan, kinds), self.probe)
        finally:
            snapshot.close()
            database.remove(path)

    async def prepare(self, watch: Watch) -> Prepared:
        """Compute the plan. Raises MigrateError for everything that ends the command."""
        state = self.read_state()
        try:
            with as_target_error(self.spec.destination):
                return await prepare(
                    self.spec,
                    source=self.source,
                    target=self.target,
                    snapshot=self.workspace.snapshot_path,
                    state=state,
                    key=self.key,
                    watch=watch,
                    now=self.clock.now(),
                    refresh=self.refresh,
                    find_passwordless=self.find_passwordless()
                    if self.spec.password_reset.strategy == "on_next_sign_in"
                    else None,
                    canary=self.canary,
                    as_of=self.as_of,
                )
        finally:
            if state is not None:
                state.close()

    def read_state(self) -> StateFile | None:
        """The state, for reading; None where there is none yet. It was found whole when the session was opened."""
        return StateFile.read(self.workspace.state_path, self.identity, checked=True)

    def state_key(self) -> bytes | None:
        """The state's secret; None where there is no state yet."""
        state = self.read_state()
        if state is None:
            return None
        with state:
            return state.key

    def find_passwordless(self) -> FindPasswordless | None:
        """How to find users without a password, under `mfa: report` in a pool that allows them; None elsewhere."""
        if self.spec.mfa != "report" or self.described.passwordless is False:
            return None
        factors = self.source.factors()
        return factors.passwordless if factors is not None else None

    def doubt_passwords(self, number: int, what: str) -> list[str]:
        """A warning where people may be flagged or mailed for a password that they never had."""
        if not number or not self.described.live or self.spec.mfa == "report" or self.described.passwordless is False:
            return []
        who = "1 user" if number == 1 else f"{number:,} users"
        return [
            f"the pool lets users sign in without a password (passkey, one-time code): up to {who} {what} may never "
            "have had one; with mfa: report they are asked for, and those are left alone"
        ]


def _organizations(plan: SignInPlan, placing: Placing | None) -> Mapping[str, Organization]:
    """By external ID: those of connections, and those that somebody belongs to."""
    found = organizations(one.organization for one in plan.designs)
    return found if placing is None else {**found, **placing.organizations()}


def _domains(kinds: KindsInMemory) -> set[str]:
    """Domains of the organizations, planned and held."""
    planned = {name for one in kinds.wanted_organizations.values() for name in one.domains}
    return planned | {name for one in kinds.held_organizations.values() for name in one.domains}
