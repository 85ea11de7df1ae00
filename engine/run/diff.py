"""The diff of a computed plan: what `apply` would change, resource by resource and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, by its flat name. The values are JSON; None is no value. `old` of users is what WorkOS holds."""

    name: str
    old: object = None
    new: object = None

    def to_json(self, *, values: bool) -> dict[str, object]:
        """Values are personal data, and shown only to who asks for them."""
        return {"field": self.name} | ({"old": self.old, "new": self.new} if values else {})


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One resource's change. `name` is the sub of a user and of a membership's user, else what the plan calls it.

    `into` is the sub of the record that one is merged into, `organization` that of a membership.
    """

    kind: str
    name: str
    action: str
    pool: str | None = None  # where the plan has several
    organization: str | None = None
    workos_id: str | None = None
    into: str | None = None
    code: str | None = None
    fields: tuple[FieldChange, ...] = ()
    rules: tuple[int, ...] = ()

    def to_json(self, *, values: bool) -> dict[str, object]:
        """As change.v1 has it, without its schema's name."""
        return {
            "kind": self.kind,
            "action": self.action,
            **({"pool": self.pool} if self.pool is not None else {}),
            "name": self.name,
            "organization": self.organization,
            "workos_id": self.workos_id,
            "into": self.into,
            "code": self.code,
            "fields": [one.to_json(values=values) for one in self.fields],
            "rules": list(self.rules),
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """What a plan shows of its changes: the first `limit` of each action and kind, and how many change which field."""

    limit: int = 0
    values: bool = False
    shown: tuple[ShownChange, ...] = ()
    cut: bool = False  # there are more than are shown
    totals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # of users: field to update, adopt

    def to_json(self) -> dict[str, object]:
        """As plan-result.v1 has it."""
        return {
            "limit": self.limit,
            "shown": [one.to_json(values=self.values) for one in self.shown],
            "fields": {
                name: {action: counts.get(action, 0) for action in ("update", "adopt")}
                for name, counts in self.totals.items()
            },
        }
