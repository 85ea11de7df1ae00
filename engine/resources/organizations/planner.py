"""Decides what becomes of one organization: desired, known, found in WorkOS: change (rule 17). Pure.

Organizations are found by external ID, never by name. What changed in the plan is sent; what was changed in WorkOS
is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.model.users import METADATA
from engine.plan_file.providers import DomainState
from engine.resources.fingerprints import Fingerprints
from engine.resources.organizations.organization import complete_domains, lacking_domains
from engine.resources.organizations.port import HeldOrganization, Organization, OrganizationChanges

OrganizationAction = Literal["create", "update", "adopt", "unchanged", "conflict"]
# "absent": looked for by external ID (or by the known WorkOS id) and not there; "unknown": nobody has looked.
FoundOrganization = HeldOrganization | Literal["absent", "unknown"]

NAME = "name"
DOMAIN = "domain."


@dataclass(frozen=True, slots=True)
class KnownOrganization:
    """What the state says. `fields` are fingerprints of what the plan said when it was last written, by flat name.

    `gone`: it was deleted in WorkOS. `claimed` is the operation that a run began and did not record; a claimed one
    must be looked for before it is decided about.
    """

    workos_id: str | None
    fields: Mapping[str, str] = field(default_factory=dict)
    created_here: bool = False
    gone: bool = False
    claimed: str | None = None


@dataclass(frozen=True, slots=True)
class OrganizationChange:
    """What to do. `send` is None where nothing is written; a creation writes all that is wanted.

    `needs_look`: `send` has to name all domains, and nobody has seen those that WorkOS holds: look, then decide again.
    """

    action: OrganizationAction
    workos_id: str | None = None
    send: OrganizationChanges | None = None
    code: str | None = None
    created_here: bool = False
    needs_look: bool = False


def organization_fields(wanted: Organization) -> dict[str, str]:
    """All that the plan says of an organization, by flat name: what the state keeps fingerprints of."""
    domains = {f"{DOMAIN}{name}": state for name, state in wanted.domains.items()}
    metadata = {f"{METADATA}{key}": value for key, value in wanted.metadata.items()}
    return {NAME: wanted.name, **domains, **metadata}


class OrganizationPlanner:
    """Decides under one state's fingerprints."""

    def __init__(self, fingerprints: Fingerprints, *, create_missing: bool = True) -> None:
        self._fingerprints = fingerprints
        self._create_missing = create_missing

    def marks(self, wanted: Organization) -> dict[str, str]:
        """Fingerprints for the state, by flat name."""
        return {name: self._fingerprints.field(name, value) for name, value in organization_fields(wanted).items()}

    def decide(
        self, wanted: Organization, known: KnownOrganization | None, found: FoundOrganization
    ) -> OrganizationChange:
        """The one change; same input, same change."""
        if known is not None and known.claimed == "remove" and found == "absent":
            # Removed by us, as was begun: asked for anew, it is made anew.
            known = None
        if known is not None and known.workos_id is not None:
            if known.gone or found == "absent":
                return OrganizationChange(
                    "conflict", known.workos_id, code="organization_gone", created_here=known.created_here
                )
            return self._update(wanted, known, found)
        if isinstance(found, HeldOrganization):
            begun = known is not None and known.claimed == "create"
            return _adopt(wanted, found, begun=begun)
        if not self._create_missing:
            # Not seen yet is not missing yet: `found` says so in the end.
            return OrganizationChange("conflict", code="organization_missing", needs_look=found == "unknown")
        return OrganizationChange("create", created_here=True, needs_look=found == "unknown")

    def _update(self, wanted: Organization, known: KnownOrganization, found: FoundOrganization) -> OrganizationChange:
        marks = self.marks(wanted)
        changed = {name for name, mark in marks.items() if known.fields.get(name) != mark}
        dropped = [name for name in known.fields if name not in marks and name.startswith(METADATA)]
        metadata: dict[str, str | None] = {
            key: value for key, value in wanted.metadata.items() if f"{METADATA}{key}" in changed
        }
        metadata.update({name.removeprefix(METADATA): None for name in dropped})
        domains, needs_look = _domains(wanted, changed, found)
        send = OrganizationChanges(wanted.name if NAME in changed else None, domains, metadata or None)
        if isinstance(found, HeldOrganization):
            send = _without_held(send, found)
        empty = send == OrganizationChanges()
        # A domain or key that left the plan changes the marks; they are recorded though nothing is sent.
        recorded = changed or known.fields.keys() - marks.keys() or known.claimed is not None
        return OrganizationChange(
            "update" if recorded or not empty else "unchanged",
            known.workos_id,
            None if empty else send,
            created_here=known.created_here,
            needs_look=needs_look,
        )


def _domains(
    wanted: Organization, changed: set[str], found: FoundOrganization
) -> tuple[dict[str, DomainState] | None, bool]:
    """(domains to send, whether those of WorkOS have to be looked at first). What left the plan stays in WorkOS."""
    names = {name for name in wanted.domains if f"{DOMAIN}{name}" in changed}
    if not names:
        return None, False
    if not isinstance(found, HeldOrganization):
        return dict(wanted.domains), True
    if not names & lacking_domains(wanted, found):
        return None, False
    return complete_domains(wanted, found, names=names), False


def _without_held(send: OrganizationChanges, held: HeldOrganization) -> OrganizationChanges:
    """What WorkOS holds already is not sent again: an earlier try may have been done."""
    metadata = {key: value for key, value in (send.metadata or {}).items() if held.metadata.get(key) != value}
    return OrganizationChanges(None if send.name == held.name else send.name, send.domains, metadata or None)


def _adopt(wanted: Organization, held: HeldOrganization, *, begun: bool) -> OrganizationChange:
    """Found by external ID: what it lacks is filled, its name and what it holds are left.

    `begun`: a run began to make it, and did not see the end. It is ours then: its external ID was free before.
    """
    metadata: dict[str, str | None] = {key: value for key, value in wanted.metadata.items() if key not in held.metadata}
    domains = complete_domains(wanted, held) if lacking_domains(wanted, held) else None
    send = OrganizationChanges(None, domains, metadata or None)
    return OrganizationChange("adopt", held.id, None if send == OrganizationChanges() else send, created_here=begun)
