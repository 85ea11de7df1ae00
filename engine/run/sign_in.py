"""Signing in, for `plan` and `apply`: who depends on which provider, and what stands against going on.

What it takes in WorkOS (redirect URIs, organizations, connections) are resources like others; here is what they are
to be, and the gate that `oauth.require` closes. Foreseen once for both commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.diagnostics import Diagnostic
from engine.model.errors import GuardRefused
from engine.model.identity_providers import IdentityProvider
from engine.oauth.checking import Checking
from engine.oauth.checks import Check
from engine.oauth.handling import Problem, ProviderUse, SignsInBy, find_problems, handle
from engine.oauth.ports import ProviderProbe
from engine.plan_file.model import Spec
from engine.resources.connections.design import Design, design
from engine.resources.organizations.organization import Addresses
from engine.resources.organizations.port import HeldOrganization, Organization
from engine.run.environment import WorkOSPorts


class SignInRefused(GuardRefused):
    """Users would be stranded, or a check fails: one diagnostic each."""

    def __init__(self, found: Sequence[Diagnostic]) -> None:
        self._found = list(found)
        super().__init__("; ".join(str(one) for one in found))

    def diagnostics(self) -> list[Diagnostic]:
        return self._found


@dataclass(slots=True)
class SignInPlan:
    """Who signs in how, and what is wrong with it. `addresses` are those of who signs in by SSO."""

    uses: Sequence[ProviderUse] = ()
    problems: list[Problem] = field(default_factory=list)
    designs: list[Design] = field(default_factory=list)
    addresses: Addresses = field(default_factory=Addresses)

    @property
    def connections(self) -> list[str]:
        """The providers that are connections."""
        return [one.provider for one in self.designs]

    def refuse(self) -> None:
        """Raise SignInRefused where users would be stranded (contract: `fallback: error`)."""
        if self.problems:
            raise SignInRefused([Diagnostic(one.code, one.message, one.remedy) for one in self.problems])


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """What checks go by beside the plan: as planned and held in WorkOS.

    `connections` are WorkOS ids that the state knows, `organizations` those of the connections, both by provider.
    `coming`: `apply` adds a redirect URI.
    """

    connections: Mapping[str, str]
    organizations: Mapping[str, tuple[Organization, HeldOrganization | None]]
    coming: bool = False


class SignInStage:
    """One command's. `pool` is None where providers cannot be asked for."""

    def __init__(
        self, spec: Spec, workos: WorkOSPorts, *, pool: Sequence[IdentityProvider] | None, pool_id: str | None
    ) -> None:
        self._spec = spec
        self._workos = workos
        self.pool = pool
        self._pool_id = pool_id

    @property
    def secrets(self) -> list[str]:
        """What must be masked wherever it would appear."""
        return [one.client_secret for one in self.pool or () if one.client_secret]

    def foresee(self, people: Sequence[SignsInBy], left_out: dict[str, int]) -> SignInPlan:
        """Compute; asks nobody."""
        plan = SignInPlan(uses=handle(self.pool, self._spec.providers, people, left_out))
        if self._spec.providers is not None:
            names = [one.name for one in self.pool] if self.pool is not None else []
            plan.problems += find_problems(plan.uses, names)
        plan.designs += self._designs(plan)
        return plan

    async def check(self, plan: SignInPlan, facts: SignInFacts, probe: ProviderProbe) -> list[Check]:
        """The rows of `migrate oauth check`, and what `oauth.require` goes by."""
        spec = self._spec
        checking = Checking(
            plan=spec.providers or {},
            options=spec.oauth,
            pool=self.pool,
            known=facts.connections,
            redirect_uris=[one.uri for one in await self._workos.redirect_uris.all()],
            sign_in=self._workos.sign_in,
            probe=probe,
            staging=spec.destination.environment == "staging" or spec.destination.api_key.startswith("sk_test_"),
            coming=facts.coming,
            problems=plan.problems,
            organizations=facts.organizations,
            addresses=plan.addresses,
        )
        return await checking.run(plan.uses)

    async def gate(self, plan: SignInPlan, facts: SignInFacts, probe: ProviderProbe) -> None:
        """`oauth.require`: raise SignInRefused while a check fails."""
        if not self._spec.oauth.require:
            return
        failed = [one for one in await self.check(plan, facts, probe) if one.verdict == "fail"]
        if failed:
            raise SignInRefused(
                [Diagnostic(one.code, f"oauth.require: {one.provider}: {one.message}", one.remedy) for one in failed]
            )

    def _designs(self, plan: SignInPlan) -> list[Design]:
        """The connections; one that cannot be made is a problem of its provider."""
        found: list[Design] = []
        if self.pool is None or self._pool_id is None:
            return found
        pool = {one.name: one for one in self.pool}
        for use in plan.uses:
            wanted = (self._spec.providers or {})[use.name].connection if use.handling == "connection" else None
            if wanted is None:
                continue
            try:
                found.append(design(pool[use.name], wanted, self._pool_id))
            except GuardRefused as error:
                plan.problems.append(Problem(error.code, use.name, error.message, error.remedy))
        return found
