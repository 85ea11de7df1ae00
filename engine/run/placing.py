"""Where the records of a source belong, read beside them: groups, attributes, pools, SSO connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.model.ports import UserSource
from engine.model.users import SourceUser
from engine.plan_file.model import Spec
from engine.plan_file.providers import ConnectionSpec
from engine.resources.memberships.placements import Placer, check_groups
from engine.resources.memberships.trust import check_trust, feeds
from engine.resources.organizations.desired import DesiredOrganizations
from engine.resources.organizations.port import Organization
from engine.snapshot.placements import Placements


@dataclass(slots=True)
class Placing:
    """One reading's. `groups` are those that organizations come from, None where they come from none."""

    placer: Placer
    placements: Placements
    desired: DesiredOrganizations
    groups: Collection[str] | None
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, spec: Spec, source: UserSource, connection: sqlite3.Connection) -> Placing | None:
        """What a plan asks for; None where nobody is to be a member of anything. Blocking.

        Raises SourceError, and GuardRefused where users could choose their organization, or a group is not there.
        """
        section, pool = spec.organizations, spec.pools[0]
        connections = connections_of(spec)
        warnings = _check_trust(spec, source)
        if section.source == "none" and not any(one.members for one in connections.values()):
            return None
        groups = source.groups() if section.source == "group" else ()
        names = [one.name for one in groups or ()]
        if section.source == "group" and groups is not None:
            check_groups(section.rules, names)
        placer = Placer(
            section,
            groups=groups or (),
            pool_name=pool.name,
            pool_organization=pool.organization,
            connections=connections,
            id_length=spec.destination.limits.external_id_length,
        )
        desired = DesiredOrganizations(section, connections.values())
        placements = Placements(connection, desired, section.default)
        return cls(placer, placements, desired, names if section.source == "group" else None, warnings)

    def place(self, record: int, user: SourceUser, providers: Collection[str]) -> str | None:
        """See `PlaceRecord`."""
        return self.placements.place(self.placer, record, user, providers).fault

    def settle(self) -> None:
        """Once records have become people."""
        self.placements.settle()

    def organizations(self) -> Mapping[str, Organization]:
        """Those that somebody needs."""
        return self.desired.all()


def connections_of(spec: Spec) -> dict[str, ConnectionSpec]:
    """The plan's SSO connections, by identity provider."""
    return {name: one.connection for name, one in (spec.providers or {}).items() if one.connection is not None}


def _check_trust(spec: Spec, source: UserSource) -> list[str]:
    pool = spec.pools[0]
    found = feeds(spec.organizations, pool)
    if not found:
        return []
    described = source.describe()
    return check_trust(found, source.writable_attributes(), live=described.live, pool=described.label)
