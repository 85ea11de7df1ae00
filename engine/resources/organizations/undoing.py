"""The way back of an organization: ours goes if it is empty, and others' lose what this plan wrote on them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.model.keys import ORGANIZATION
from engine.model.outcomes import ResourceRow
from engine.model.users import METADATA
from engine.resources.fingerprints import Fingerprints
from engine.resources.organizations.port import HeldOrganization, OrganizationChanges
from engine.resources.undoing import UndoAction, Undoing, undo_whole


@dataclass(frozen=True, slots=True)
class OrganizationTraces:
    """What this plan wrote on an organization that it did not make.

    `added` are fingerprints of metadata by flat name whose key was not there before; `left` names what cannot be taken
    off: domains (whether an update removes one is documented nowhere), and what held something else before.
    """

    added: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()

    @classmethod
    def of(cls, detail: str | None) -> OrganizationTraces:
        """From what the state keeps."""
        held: Mapping[str, Any] = orjson.loads(detail) if detail else {}
        return cls(held.get("added", {}), tuple(held.get("left", ())))

    def to_detail(self) -> dict[str, object]:
        """As the state keeps it; what is empty is left out."""
        content: dict[str, object] = {"added": dict(self.added), "left": list(self.left)}
        return {name: value for name, value in content.items() if value}

    def after(
        self, send: OrganizationChanges | None, held: HeldOrganization, marks: Mapping[str, str]
    ) -> OrganizationTraces:
        """After one more write; `held` is what WorkOS held before, `marks` fingerprints of what the plan says."""
        added, left = dict(self.added), set(self.left)
        for key, value in ((send.metadata if send is not None else None) or {}).items():
            name = f"{METADATA}{key}"
            if name in added or (value is not None and key not in held.metadata and name not in left):
                added[name] = marks.get(name, added.get(name, ""))
            else:
                left.add(name)
        if send is not None and send.domains is not None and send.domains != held.domains:
            left.add("domains")
        if send is not None and send.name is not None:
            left.add("name")
        return OrganizationTraces(added, tuple(sorted(left)))


def undo_organization(
    row: ResourceRow, held: HeldOrganization | None, fingerprints: Fingerprints, *, occupied: bool
) -> Undoing:
    """What becomes of one. `held` is what WorkOS has under its external ID; `occupied`: others are in it still."""
    ours = undo_whole(row, found=held.id if held else None, kept="not_empty" if occupied and held else None)
    if ours.action != "forget" or held is None or row.workos_id not in (None, held.id):
        return ours
    traces = OrganizationTraces.of(row.detail)
    send = {
        name: None
        for name, mark in traces.added.items()
        if (value := held.metadata.get(name.removeprefix(METADATA))) is not None
        and fingerprints.field(name, value) == mark
    }
    action: UndoAction = "restore" if send else "forget"
    return Undoing(ORGANIZATION, row.key, action, held.id, begun=ours.begun, send=send, left=traces.left)


def without_metadata(undoing: Undoing) -> OrganizationChanges:
    """The update that takes off what `undoing` names."""
    return OrganizationChanges(metadata={name.removeprefix(METADATA): None for name in undoing.send})
