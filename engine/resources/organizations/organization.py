"""The organizations that SSO connections belong to, and their domains: what is wanted, and what is missing. Pure.

WorkOS lets in through a connection only addresses of its organization's verified domains (docs, SSO domains).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from engine.plan_file.organizations import Organizations
from engine.plan_file.providers import ConnectionSpec, DomainState
from engine.resources.organizations.desired import DesiredOrganizations
from engine.resources.organizations.port import HeldOrganization, Organization


def organizations(connections: Iterable[ConnectionSpec]) -> dict[str, Organization]:
    """By external ID: the first name given, all domains, verified where anybody says so."""
    return DesiredOrganizations(Organizations(), connections).all()


def lacking_domains(wanted: Organization, held: HeldOrganization) -> frozenset[str]:
    """Domains of the plan that WorkOS does not have, or not as verified as the plan says."""
    return frozenset(wanted.domains.keys() - held.domains.keys()) | (wanted.verified - held.verified)


def complete_domains(
    wanted: Organization, held: HeldOrganization, *, names: Collection[str] | None = None
) -> dict[str, DomainState]:
    """All domains to send: whether WorkOS replaces or merges what it is sent is documented nowhere.

    Of the plan's those in `names`, where some are named.
    """
    added = wanted.domains.keys() if names is None else wanted.domains.keys() & set(names)
    verified = (wanted.verified & added) | held.verified
    return {name: "verified" if name in verified else "pending" for name in sorted({*added, *held.domains})}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where people's addresses are, by domain.

    `by_provider` counts people who sign in with a provider; `others` those with a password or a provider that is no
    connection.
    """

    by_provider: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)


def domain_of(email: str | None) -> str:
    """The domain of an address, lower-cased; empty where there is none."""
    return (email or "").strip().rpartition("@")[2].lower()
