"""Signing in, for `plan` and `apply`: who depends on which provider, and what stands against going on.

What it takes in WorkOS (redirect URIs, organizations, connections) are resources like others; here is what they are
to be, and the gate that `oauth.require` closes. Foreseen once for both commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from engine.snapshot.sign_ins import Label, own_name


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
    label: Label = own_name

    @property
    def connections(self) -> list[str]:
        """The providers that are connections."""
        return [self.label(one.pool, one.provider) for one in self.designs]

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
    """One command's. `pools` are the providers by user pool ID, None where they cannot be asked for.

    `label` makes the name under which a provider is shown of its pool's ID and its own.
    """

    def __init__(
        self,
        spec: Spec,
        workos: WorkOSPorts,
        pools: Mapping[str, Sequence[IdentityProvider] | None],
        *,
        label: Label = own_name,
    ) -> None:
        self._spec = spec
        self._workos = workos
        self._label = label
        self._pools = {pool: found for pool, found in pools.items() if found is not None}
        named = spec.providers or {}
        # By label: the pool's ID, and the provider's own name there.
        self._own = {label(one.key, name): (one.key, name) for one in spec.pools for name in named}
        self._own |= {label(pool, one.name): (pool, one.name) for pool, found in self._pools.items() for one in found}
        self._plan = {label(one.key, name): wanted for one in spec.pools for name, wanted in named.items()}

    @property
    def pool(self) -> list[IdentityProvider] | None:
        """The providers of all pools, under their labels; None where no pool can be asked."""
        if not self._pools:
            return None
        return [replace(one, name=self._label(pool, one.name)) for pool, found in self._pools.items() for one in found]

    @property
    def secrets(self) -> list[str]:
        """What must be masked wherever it would appear."""
        return [one.client_secret for one in self.pool or () if one.client_secret]

    def foresee(self, people: Sequence[SignsInBy], left_out: dict[str, int]) -> SignInPlan:
        """Compute; asks nobody."""
        plan, pool = SignInPlan(label=self._label), self.pool
        wanted = self._plan if self._spec.providers is not None else None
        uses = handle(pool, wanted, people, left_out, asked=self._asked, own_name=self._own_name)
        plan.uses = self._without_absent(uses)
        if self._spec.providers is not None:
            names = [one.name for one in pool] if pool is not None else []
            plan.problems += find_problems(plan.uses, names, own_name=self._own_name)
        plan.designs += self._designs(plan)
        return plan

    async def check(self, plan: SignInPlan, facts: SignInFacts, probe: ProviderProbe) -> list[Check]:
        """The rows of `migrate oauth check`, and what `oauth.require` goes by."""
        spec = self._spec
        checking = Checking(
            plan=self._plan,
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

    def _own_name(self, label: str) -> str:
        if label in self._own:
            return self._own[label][1]
        # One that was deleted from its pool, and stands on users still.
        for pool in self._spec.pools:
            before = self._label(pool.key, "")
            if before and label.startswith(before):
                return label.removeprefix(before)
        return label

    def _asked(self, label: str) -> bool:
        return any(label == self._label(pool, self._own_name(label)) for pool in self._pools)

    def _without_absent(self, uses: Sequence[ProviderUse]) -> list[ProviderUse]:
        """A provider of the plan need not be in every pool: it is unknown where no pool has it, and is said once."""
        own = {use.name: self._own_name(use.name) for use in uses}
        there = {own[use.name] for use in uses if use.handling != "unknown"}
        said, kept = set[str](), list[ProviderUse]()
        for use in uses:
            if use.handling == "unknown":
                if own[use.name] in there or own[use.name] in said:
                    continue
                said.add(own[use.name])
            kept.append(use)
        return kept

    def _designs(self, plan: SignInPlan) -> list[Design]:
        """The connections; one that cannot be made is a problem of its provider."""
        found: list[Design] = []
        providers = {(pool, one.name): one for pool, every in self._pools.items() for one in every}
        for use in plan.uses:
            wanted = self._plan[use.name].connection if use.handling == "connection" else None
            if wanted is None or self._own[use.name] not in providers:
                continue
            try:
                found.append(design(providers[self._own[use.name]], wanted, self._own[use.name][0]))
            except GuardRefused as error:
                plan.problems.append(Problem(error.code, use.name, error.message, error.remedy))
        return found
