"""What `explain` says of one person, as values: from the records in Cognito to what the next `apply` would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from engine.model.codes import explain
from engine.model.rules import Because
from engine.run.diff import FieldChange

Step = Literal["create", "update", "adopt", "unchanged", "skip", "conflict", "merge", "exclude", "keep", "wait"]


@dataclass(frozen=True, slots=True)
class Value:
    """Something personal: shown with `--values`, else by its length."""

    name: str
    value: str

    def to_json(self, *, values: bool) -> dict[str, object]:
        """With its length, and the value where that is asked for."""
        return {"field": self.name, "length": len(self.value)} | ({"value": self.value} if values else {})


@dataclass(frozen=True, slots=True)
class ExplainedRecord:
    """One record of the pool. `failed` are the filters that it does not pass, `reason` why it is excluded.

    `into` is the record that it is merged into, `relation` how. `personal` are username, address and mapped fields;
    `invalid` those that WorkOS would not take, by name, and why.
    """

    source_id: str
    pool: str | None
    status: str
    enabled: bool
    created: float  # seconds since the epoch
    native: bool
    provider: str | None
    verified: bool
    reason: str | None
    failed: tuple[str, ...]
    into: str | None
    relation: str
    personal: tuple[Value, ...]
    invalid: Mapping[str, str]

    def to_json(self, *, values: bool) -> dict[str, object]:
        """As explain.v1 has it."""
        message, remedy = explain(self.reason) if self.reason is not None else (None, None)
        return {
            **_pool(self.pool),
            "source_id": self.source_id,
            "status": self.status,
            "enabled": self.enabled,
            "created": iso_time(self.created),
            "native": self.native,
            "provider": self.provider,
            "verified": self.verified,
            "excluded": None
            if self.reason is None
            else {"reason": self.reason, "filters": list(self.failed), "message": message, "remedy": remedy},
            "into": self.into,
            "relation": self.relation,
            "fields": [one.to_json(values=values) for one in self.personal],
            "invalid": dict(self.invalid),
        }


@dataclass(frozen=True, slots=True)
class ExplainedState:
    """One row of the state. `fields` are the names of those that were written last."""

    source_id: str
    pool: str | None
    workos_id: str | None
    relation: str
    primary: str | None
    status: str
    code: str | None
    operation: str | None
    created_here: bool
    verified: bool
    left_source: bool
    changed_at: float | None
    fields: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """As explain.v1 has it."""
        return {
            **_pool(self.pool),
            "source_id": self.source_id,
            "workos_id": self.workos_id,
            "relation": self.relation,
            "primary": self.primary,
            "status": self.status,
            "code": self.code,
            "operation": self.operation,
            "created_here": self.created_here,
            "verified": self.verified,
            "left_source": self.left_source,
            "changed_at": iso_time(self.changed_at) if self.changed_at is not None else None,
            "fields": list(self.fields),
        }


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """A membership that WorkOS holds. `organization` is its external ID, None where the plan does not know it."""

    organization: str | None
    organization_id: str
    workos_id: str
    status: str
    roles: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """As explain.v1 has it."""
        return {
            "organization": self.organization,
            "organization_id": self.organization_id,
            "workos_id": self.workos_id,
            "status": self.status,
            "roles": list(self.roles),
        }


@dataclass(frozen=True, slots=True)
class ExplainedUser:
    """A user of WorkOS. `found_by`: state, external_id, address, decision. `differs`: fields unlike those desired."""

    workos_id: str
    found_by: tuple[str, ...]
    external_id: str | None
    verified: bool
    signed_in: bool
    updated_at: str | None
    personal: tuple[Value, ...]
    differs: tuple[str, ...]
    places: tuple[HeldPlace, ...] = ()

    def to_json(self, *, values: bool) -> dict[str, object]:
        """As explain.v1 has it."""
        return {
            "workos_id": self.workos_id,
            "found_by": list(self.found_by),
            "external_id": self.external_id,
            "verified": self.verified,
            "signed_in": self.signed_in,
            "updated_at": self.updated_at,
            "fields": [one.to_json(values=values) for one in self.personal],
            "differs": list(self.differs),
            "memberships": [one.to_json() for one in self.places],
        }


@dataclass(frozen=True, slots=True)
class NextStep:
    """What the next `apply` would do about a record, or about a user whose record is gone, and why.

    `exclude`: not migrated. `keep`: left as it is in WorkOS. `wait`: it is not their turn.
    """

    source_id: str
    pool: str | None
    action: Step
    because: tuple[Because, ...]
    workos_id: str | None = None
    into: str | None = None
    code: str | None = None
    changes: tuple[FieldChange, ...] = ()

    @property
    def rules(self) -> list[int]:
        """The numbers of the rules that act, in order."""
        return list(dict.fromkeys(one.rule for one in self.because if one.rule is not None))

    def to_json(self, *, values: bool) -> dict[str, object]:
        """As explain.v1 has it."""
        message, remedy = explain(self.code, [self.source_id]) if self.code is not None else (None, None)
        return {
            **_pool(self.pool),
            "source_id": self.source_id,
            "action": self.action,
            "workos_id": self.workos_id,
            "into": self.into,
            "code": self.code,
            "message": message,
            "remedy": remedy,
            "changes": [one.to_json(values=values) for one in self.changes],
            "because": reasons_json(self.because),
        }


@dataclass(frozen=True, slots=True)
class ExplainedMembership:
    """A membership that is asked for or known. `roles` are those that the plan gives, None where nothing asks."""

    source_id: str
    pool: str | None
    organization: str
    roles: tuple[str, ...] | None
    known: str | None  # the state's word on it
    workos_id: str | None
    action: str
    code: str | None
    because: tuple[Because, ...]

    def to_json(self) -> dict[str, object]:
        """As explain.v1 has it."""
        message, remedy = explain(self.code, [self.source_id]) if self.code is not None else (None, None)
        return {
            **_pool(self.pool),
            "source_id": self.source_id,
            "organization": self.organization,
            "roles": None if self.roles is None else list(self.roles),
            "known": self.known,
            "workos_id": self.workos_id,
            "action": self.action,
            "code": self.code,
            "message": message,
            "remedy": remedy,
            "because": reasons_json(self.because),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of one person; of several where records that share an address are not one."""

    plan: str
    sandbox: bool
    records: Sequence[ExplainedRecord]
    state: Sequence[ExplainedState]
    workos: Sequence[ExplainedUser]
    steps: Sequence[NextStep]
    memberships: Sequence[ExplainedMembership] = ()
    guards: Sequence[Mapping[str, object]] = ()  # for which `apply` would refuse as a whole
    warnings: Sequence[str] = field(default_factory=tuple)

    def to_json(self, *, values: bool) -> dict[str, object]:
        """explain.v1"""
        return {
            "schema": "explain.v1",
            "plan": self.plan,
            "command": "explain",
            "sandbox": self.sandbox,
            "records": [one.to_json(values=values) for one in self.records],
            "state": [one.to_json() for one in self.state],
            "workos": [one.to_json(values=values) for one in self.workos],
            "next": [one.to_json(values=values) for one in self.steps],
            "memberships": [one.to_json() for one in self.memberships],
            "guards": list(self.guards),
            "warnings": list(self.warnings),
        }


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def reasons_json(reasons: Sequence[Because]) -> list[dict[str, object]]:
    """Each with its rule."""
    return [{"rule": one.rule, "title": one.title, "text": one.text} for one in reasons]


def _pool(pool: str | None) -> dict[str, object]:
    return {"pool": pool} if pool is not None else {}
