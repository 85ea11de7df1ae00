"""Where the records of a source belong, read beside them: groups, attributes, pools, SSO connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.model.users import SourceUser
from engine.plan_file.model import Spec
from engine.plan_file.providers import ConnectionSpec
from engine.resources.memberships.placements import Placer, check_groups
from engine.resources.memberships.trust import check_trust, feeds
from engine.resources.organizations.desired import DesiredOrganizations
from engine.resources.organizations.port import Organization
from engine.run.sources import PoolSource, Sources
from engine.snapshot.placements import Placements


@dataclass(frozen=True, slots=True)
class PoolPlacing:
    """One pool's. `groups` are those that organizations come from, None where they come from none."""

    placer: Placer
    placements: Placements
    groups: Collection[str] | None

    def place(self, record: int, user: SourceUser, providers: Collection[str]) -> str | None:
        """See `PlaceRecord`."""
        return self.placements.place(self.placer, record, user, providers).fault


@dataclass(slots=True)
class Placing:
    """One reading's, over all pools."""

    placements: Placements
    desired: DesiredOrganizations
    pools: dict[str, PoolPlacing] = field(default_factory=dict)  # by the pool's key
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, spec: Spec, sources: Sources, connection: sqlite3.Connection) -> Placing | None:
        """What a plan asks for; None where nobody is to be a member of anything. Blocking.

        Raises SourceError, and GuardRefused where users could choose their organization, or a group is not there.
        """
        section, connections = spec.organizations, connections_of(spec)
        warnings: list[str] = []
        for one in sources.pools:
            warnings += _check_trust(spec, one, sources)
        if section.source == "none" and not any(one.members for one in connections.values()):
            return None
        desired = DesiredOrganizations(section, connections.values())
        made = cls(Placements(connection, desired, section.default), desired, warnings=warnings)
        names: set[str] = set()
        told = section.source == "group"
        for one in sources.pools:
            with sources.naming(one):
                groups = one.source.groups() if section.source == "group" else ()
            # Records of an export carry the groups that they are in; which others there are nobody can say.
            told = told and groups is not None
            mine = [group.name for group in groups or ()]
            names.update(mine)
            placer = Placer(
                section,
                groups=groups or (),
                pool_name=one.pool.name,
                pool_organization=one.pool.organization,
                connections=connections,
                id_length=spec.destination.limits.external_id_length,
            )
            made.pools[one.pool.key] = PoolPlacing(placer, made.placements, mine if section.source == "group" else None)
        if told:
            check_groups(section.rules, names)
        return made

    def of_pool(self, key: str) -> PoolPlacing:
        """One pool's, by its key."""
        return self.pools[key]

    def settle(self) -> None:
        """Once records have become people."""
        self.placements.settle()

    def organizations(self) -> Mapping[str, Organization]:
        """Those that somebody needs."""
        return self.desired.all()


def connections_of(spec: Spec) -> dict[str, ConnectionSpec]:
    """The plan's SSO connections, by identity provider."""
    return {name: one.connection for name, one in (spec.providers or {}).items() if one.connection is not None}


def _check_trust(spec: Spec, one: PoolSource, sources: Sources) -> list[str]:
    found = feeds(spec.organizations, one.pool)
    if not found:
        return []
    described = sources.describe_each()[one.pool.key]
    with sources.naming(one):
        writable = one.source.writable_attributes()
    return check_trust(found, writable, live=described.live, pool=described.label)
