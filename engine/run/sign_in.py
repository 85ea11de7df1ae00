"""Signing in, for `plan` and `apply`: who depends on which provider, and what WorkOS lacks for them.

Foreseen once for both commands; `apply` refuses before it writes, and carries out what was foreseen before any user
is written: a connection that is there a minute early harms nobody, a user without one cannot sign in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.model.call_errors import CallFailed
from engine.model.diagnostics import Diagnostic
from engine.model.errors import GuardRefused, StateError
from engine.model.identity_providers import IdentityProvider
from engine.oauth.checking import Checking
from engine.oauth.checks import Check
from engine.oauth.handling import Problem, ProviderUse, SignsInBy, find_problems, handle
from engine.oauth.ports import ProviderProbe
from engine.oauth.results import ConnectionItem, SignIn
from engine.plan_file.model import Spec
from engine.resources.connections.design import Action, Design, Known, decide, design
from engine.resources.connections.directions import read_directions
from engine.resources.organizations.organization import (
    Addresses,
    complete_domains,
    organizations,
)
from engine.resources.organizations.organization import decide as decide_organization
from engine.resources.organizations.port import HeldOrganization, Organization, OrganizationChanges
from engine.run.environment import WorkOSPorts
from engine.state.connections import record_connection
from engine.state.file import StateFile

_DONE: Mapping[Action, str] = {"create": "created", "update": "updated", "unchanged": "unchanged"}


class SignInRefused(GuardRefused):
    """Users would be stranded, or a check fails: one diagnostic each."""

    def __init__(self, found: Sequence[Diagnostic]) -> None:
        self._found = list(found)
        super().__init__("; ".join(str(one) for one in found))

    def diagnostics(self) -> list[Diagnostic]:
        return self._found


@dataclass(frozen=True, slots=True)
class _Step:
    """One connection to bring about."""

    design: Design
    action: Action
    connection_id: str | None


@dataclass(frozen=True, slots=True)
class _OrganizationStep:
    """One organization to bring about."""

    wanted: Organization
    held: HeldOrganization | None
    action: Action


@dataclass(slots=True)
class Foreseen:
    """What is to be done, in order; organizations by external ID. `addresses` are those of who signs in by SSO."""

    uses: Sequence[ProviderUse] = ()
    problems: list[Problem] = field(default_factory=list)
    addresses: Addresses = field(default_factory=Addresses)
    held_uris: list[str] = field(default_factory=list)
    missing_uris: list[str] = field(default_factory=list)
    organizations: dict[str, _OrganizationStep] = field(default_factory=dict)
    steps: list[_Step] = field(default_factory=list)

    @property
    def connections(self) -> list[str]:
        """The providers that are connections."""
        return [one.design.provider for one in self.steps]

    @property
    def domains(self) -> set[str]:
        """Domains of the organizations, planned and held."""
        steps = self.organizations.values()
        return {name for one in steps for name in (*one.wanted.domains, *(one.held.domains if one.held else ()))}

    def result(self) -> SignIn:
        """As `plan` shows it."""
        return SignIn(
            providers=self.uses,
            problems=self.problems,
            connections=[
                ConnectionItem(
                    step.design.provider, step.design.organization.organization, step.action, step.connection_id
                )
                for step in self.steps
            ],
            organizations=Counter(one.action for one in self.organizations.values()),
            redirect_uris={"create": len(self.missing_uris), "unchanged": len(self.held_uris)},
        )

    def refuse(self) -> None:
        """Raise SignInRefused where users would be stranded (contract: `fallback: error`)."""
        if self.problems:
            raise SignInRefused([Diagnostic(one.code, one.message, one.remedy) for one in self.problems])


class SignInStage:
    """One command's. `pool` is None where providers cannot be asked for; `known` and `key` are the state's."""

    def __init__(
        self,
        spec: Spec,
        workos: WorkOSPorts,
        *,
        pool: Sequence[IdentityProvider] | None,
        pool_id: str | None,
        known: dict[str, Known],
        key: bytes,
    ) -> None:
        self._spec = spec
        self._workos = workos
        self.pool = pool
        self._pool_id = pool_id
        self._known = known
        self._key = key

    @property
    def secrets(self) -> list[str]:
        """What must be masked wherever it would appear."""
        return [one.client_secret for one in self.pool or () if one.client_secret]

    async def foresee(self, people: Sequence[SignsInBy], left_out: dict[str, int]) -> Foreseen:
        """Compute; changes nothing. Raises GuardRefused and the errors of `engine.model.call_errors`."""
        uses = handle(self.pool, self._spec.providers, people, left_out)
        foreseen = Foreseen(uses=uses)
        if self._spec.providers is not None:
            names = [one.name for one in self.pool] if self.pool is not None else []
            foreseen.problems += find_problems(uses, names)
        wanted = self._spec.destination.redirect_uris
        if wanted:
            held = await self._uris()
            foreseen.held_uris = [uri for uri in wanted if uri in held]
            foreseen.missing_uris = [uri for uri in wanted if uri not in held]
        designs = self._designs(foreseen)
        for wanted_organization in organizations(one.organization for one in designs).values():
            found = await self._workos.organizations.find(wanted_organization.external_id)
            action = decide_organization(wanted_organization, found)
            foreseen.organizations[wanted_organization.external_id] = _OrganizationStep(
                wanted_organization, found, action
            )
        for one in designs:
            await self._foresee_connection(foreseen, one)
        return foreseen

    async def check(self, foreseen: Foreseen, probe: ProviderProbe) -> list[Check]:
        """The rows of `migrate oauth check`, and what `oauth.require` goes by."""
        spec = self._spec
        staging = spec.destination.environment == "staging" or spec.destination.api_key.startswith("sk_test_")
        checking = Checking(
            plan=spec.providers or {},
            options=spec.oauth,
            pool=self.pool,
            known=self._known,
            redirect_uris=await self._uris(),
            sign_in=self._workos.sign_in,
            probe=probe,
            staging=staging,
            coming=bool(foreseen.missing_uris),
            problems=foreseen.problems,
            organizations={
                one.design.provider: (step.wanted, step.held)
                for one in foreseen.steps
                for step in (foreseen.organizations[one.design.organization.organization],)
            },
            addresses=foreseen.addresses,
        )
        return await checking.run(foreseen.uses)

    async def gate(self, foreseen: Foreseen, probe: ProviderProbe) -> None:
        """`oauth.require`: raise SignInRefused while a check fails."""
        if not self._spec.oauth.require:
            return
        failed = [one for one in await self.check(foreseen, probe) if one.verdict == "fail"]
        if failed:
            raise SignInRefused(
                [Diagnostic(one.code, f"oauth.require: {one.provider}: {one.message}", one.remedy) for one in failed]
            )

    async def carry_out(self, foreseen: Foreseen, state: StateFile) -> SignIn:
        """Do it. What fails is counted, and the users go on; the next run takes it up."""
        uris, done = Counter(unchanged=len(foreseen.held_uris)), Counter[str]()
        for uri in foreseen.missing_uris:
            try:
                await self._workos.redirect_uris.create(uri)
                uris["created"] += 1
            except CallFailed:
                uris["failed"] += 1
        ids: dict[str, str] = {}
        for external_id, one in foreseen.organizations.items():
            try:
                ids[external_id] = await self._carry_out_organization(one)
                done[_DONE[one.action]] += 1
            except CallFailed:
                # What is there can still hold its connection.
                ids |= {external_id: one.held.id} if one.held is not None else {}
                done["failed"] += 1
        items = [await self._carry_out_step(step, ids, state) for step in foreseen.steps]
        return SignIn(True, foreseen.uses, (), items, done, uris)

    async def _carry_out_organization(self, one: _OrganizationStep) -> str:
        """Its WorkOS id. Domains are completed also where the organization was made by somebody else meanwhile."""
        port = self._workos.organizations
        held = one.held or (await port.create(one.wanted)).held
        if decide_organization(one.wanted, held) == "update":
            await port.update(held.id, OrganizationChanges(domains=complete_domains(one.wanted, held)))
        return held.id

    async def _uris(self) -> list[str]:
        return [one.uri for one in await self._workos.redirect_uris.all()]

    def _designs(self, foreseen: Foreseen) -> list[Design]:
        """The connections; one that cannot be made is a problem of its provider."""
        pool = {one.name: one for one in self.pool or ()}
        found: list[Design] = []
        if self.pool is None or self._pool_id is None:
            return found
        for use in foreseen.uses:
            wanted = (self._spec.providers or {})[use.name].connection if use.handling == "connection" else None
            if wanted is None:
                continue
            try:
                found.append(design(pool[use.name], wanted, self._pool_id))
            except GuardRefused as error:
                foreseen.problems.append(Problem(error.code, use.name, error.message, error.remedy))
        return found

    async def _foresee_connection(self, foreseen: Foreseen, wanted: Design) -> None:
        organization = foreseen.organizations[wanted.organization.organization].held
        organization_id = organization.id if organization is not None else None
        known = self._known.get(wanted.provider)
        held = await self._workos.connections.get(known.connection_id) if known is not None else None
        # Of another organization by now: the plan has moved it, and WorkOS cannot.
        moved = held is not None and held.organization_id != organization_id
        held = None if moved else held
        namesakes = []
        if held is None and organization_id is not None:
            there = await self._workos.connections.of_organization(organization_id)
            namesakes = [one for one in there if one.name == wanted.name]
        action = decide(wanted, known, held=held is not None, same_name=bool(namesakes), key=self._key)
        found = held.id if held is not None else namesakes[0].id if namesakes else None
        foreseen.steps.append(_Step(wanted, action, found))

    async def _carry_out_step(self, step: _Step, organizations: dict[str, str], state: StateFile) -> ConnectionItem:
        wanted = step.design
        organization = wanted.organization.organization
        item = ConnectionItem(wanted.provider, organization, "failed", step.connection_id)
        try:
            if organization not in organizations:
                return replace(item, code="no_organization")
            connection_id, action = step.connection_id, step.action
            if connection_id is None:
                connection_id, action = await self._create(organizations[organization], wanted)
            if action == "update":
                await self._workos.connections.update(connection_id, wanted)
            if action != "unchanged":
                known = Known(connection_id, wanted.fingerprint(self._key))
                await asyncio.to_thread(record_connection, state, wanted.provider, known)
        except (CallFailed, StateError) as error:
            # A connection that the state could not note is found again by its external ID.
            return replace(item, code=error.code)
        return replace(
            item, action=_DONE[action], connection_id=connection_id, tell=await self._directions(connection_id)
        )

    async def _create(self, organization_id: str, wanted: Design) -> tuple[str, Action]:
        """WorkOS gives the connection of this external ID where it has one (a lost state): that one is updated."""
        made = await self._workos.connections.create(organization_id, wanted)
        return made.held.id, "create" if made.ours else "update"

    async def _directions(self, connection_id: str) -> dict[str, str]:
        """What to tell the identity provider's administrator; empty where WorkOS does not say."""
        try:
            uris = await self._uris()
            if not uris:
                return {}
            return read_directions(await self._workos.sign_in.find(uris[0], connection_id=connection_id))
        except CallFailed:
            return {}
