"""The organizations that a plan asks for, by external ID: connections and placements describe the same ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.plan_file.organizations import Organizations, Placement
from engine.plan_file.providers import ConnectionSpec, DomainSpec, DomainState
from engine.resources.organizations.port import Organization


@dataclass(slots=True)
class _Description:
    """What has been said of one organization; what stands first in the plan counts, in whatever order it is heard."""

    names: tuple[int, str] | None = None
    domains: dict[str, DomainState] = field(default_factory=dict)
    metadata: dict[str, tuple[int, str]] = field(default_factory=dict)

    def hear(self, order: int, name: str | None, domains: Iterable[DomainSpec]) -> None:
        if name:
            self.names = min(self.names or (order, name), (order, name))
        for domain in domains:
            if self.domains.get(domain.name) != "verified":
                self.domains[domain.name] = domain.state


class DesiredOrganizations:
    """Collects what is wanted. Memory grows with the number of organizations, not with that of users.

    Whoever names an organization describes it: the first name given, all domains, verified where anybody says so, and
    the first value of each metadata key. Connections come before `organizations`, so that a plan's organizations
    keep their names when it gains that section. An entry of `map` makes none unless a record belongs to it.
    """

    def __init__(self, section: Organizations, connections: Iterable[ConnectionSpec] = ()) -> None:
        self._said: dict[str, _Description] = {}
        self._needed: set[str] = set()
        listed = list(connections)
        for order, connection in enumerate(listed):
            self._needed.add(connection.organization)
            said = self._said.setdefault(connection.organization, _Description())
            said.hear(order - len(listed), connection.organization_name, connection.domains)
        for order, rule in enumerate(section.rules):
            # One that is not filled in speaks of that organization whoever the names are that lead to it.
            if "{" not in f"{rule.placement.organization}{rule.placement.name}":
                self._describe(rule.placement, order)
        if section.default is not None:
            self._describe(section.default, len(section.rules))

    def need(self, placement: Placement, order: int) -> None:
        """A record belongs there; `placement` is filled in, `order` the place of its rule in the plan."""
        self._needed.add(placement.organization)
        self._describe(placement, order)

    def _describe(self, placement: Placement, order: int) -> None:
        said = self._said.setdefault(placement.organization, _Description())
        said.hear(order, placement.name, placement.domains)
        for key, value in placement.metadata.items():
            said.metadata[key] = min(said.metadata.get(key, (order, value)), (order, value))

    def all(self) -> dict[str, Organization]:
        """Those that somebody needs, by external ID and in its order."""
        found = {}
        for key in sorted(self._needed):
            said = self._said[key]
            metadata = {name: value for name, (_, value) in sorted(said.metadata.items())}
            name = said.names[1] if said.names else key
            found[key] = Organization(key, name, dict(sorted(said.domains.items())), metadata)
        return found
