"""What WorkOS should hold of an organization against what it holds, field by field (rules 11 and 17). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.resources.organizations.organization import lacking_domains
from engine.resources.organizations.port import HeldOrganization, Organization


def compare_organization(wanted: Organization, held: HeldOrganization | None) -> Iterator[tuple[str, str]]:
    """(field, verdict) of what is not as the plan has it; the field is empty where the organization is missing.

    A name is WorkOS's people's to change; what the plan vouches for or relies on has to be there.
    """
    if held is None:
        yield "", "missing"
        return
    if lacking_domains(wanted, held):
        yield "domains", "different"
    if held.name != wanted.name:
        yield "name", "drift"
    if any(held.metadata.get(key) != value for key, value in wanted.metadata.items()):
        yield "metadata", "drift"
