"""The organizations that SSO connections belong to, and their domains: what is wanted, and what is missing. Pure.

WorkOS lets in through a connection only addresses of its organization's verified domains (docs, SSO domains).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.plan_file.providers import ConnectionSpec, DomainState
from engine.resources.organizations.port import HeldOrganization, Organization

Action = Literal["create", "update", "unchanged"]


def organizations(connections: Iterable[ConnectionSpec]) -> dict[str, Organization]:
    """By external ID: the first name given, all domains, verified where anybody says so."""
    found: dict[str, Organization] = {}
    named: set[str] = set()
    for one in connections:
        key = one.organization
        before = found.get(key)
        name = before.name if before else key
        if one.organization_name and key not in named:
            named.add(key)
            name = one.organization_name
        domains = dict(before.domains) if before else {}
        for domain in one.domains:
            if domains.get(domain.name) != "verified":
                domains[domain.name] = domain.state
        found[key] = Organization(key, name, domains)
    return found


def decide(wanted: Organization, held: HeldOrganization | None) -> Action:
    """The one change. What WorkOS holds beyond the plan is left, and nothing is made less verified."""
    if held is None:
        return "create"
    missing = wanted.domains.keys() - held.domains.keys()
    return "update" if missing or wanted.verified - held.verified else "unchanged"


def complete_domains(wanted: Organization, held: HeldOrganization) -> dict[str, DomainState]:
    """All domains to send: whether WorkOS replaces or merges what it is sent is documented nowhere."""
    verified = wanted.verified | held.verified
    names = sorted({*wanted.domains, *held.domains})
    return {name: "verified" if name in verified else "pending" for name in names}


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
