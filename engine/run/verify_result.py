"""What a `verify` found, as a value: views render it for people and for machines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model.errors import EXIT_INCOMPLETE, EXIT_OK
from engine.model.keys import within_pool
from engine.model.remedies import ComparedKind, remedy_of
from engine.quota.metered import Requests
from engine.run.results import SourceCounts, requests_json, source_json
from engine.run.wave_figures import WavesFigures


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one user, membership or organization that is not as it should be; empty where the whole is meant."""

    source_id: str | None  # None of an organization
    workos_id: str | None
    field: str
    verdict: str  # missing, different, drift
    pool: str | None = None  # where the plan has several
    organization: str | None = None  # the external ID of the organization, or of a membership's
    wanted: object = None  # the field's values, as JSON: what Cognito and the plan say, and what WorkOS holds
    held: object = None

    @property
    def who(self) -> str:
        """The user as a command line takes them; empty of an organization."""
        return within_pool(self.pool, self.source_id or "")

    @property
    def kind(self) -> ComparedKind:
        """Of the resource."""
        if self.source_id is None:
            return "organization"
        return "user" if self.organization is None else "membership"

    def to_json(self, *, values: bool) -> dict[str, object]:
        """Values are personal data, and shown only to who asks for them."""
        return {
            **({"pool": self.pool} if self.pool is not None else {}),
            **({"organization": self.organization} if self.organization is not None else {}),
            "source_id": self.source_id,
            "workos_id": self.workos_id,
            "field": self.field or None,
            "verdict": self.verdict,
            "remedy": remedy_of(self.kind, self.verdict, self.field, shlex.quote(self.who)),
            **({"wanted": self.wanted, "held": self.held} if values else {}),
        }


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """One `verify`. `users` counts equal, different, missing, drift; with waves also pending: not as in Cognito, and it
    is not their turn. `extra` are users of WorkOS who are nobody's.

    `fields` counts equal, different and drift by field. `extra` is None for a sample, which cannot know. `members`
    counts organizations and memberships as `users` does; empty where the plan has none, and for a sample.
    """

    plan: str
    source: SourceCounts
    checked: int
    users: Mapping[str, int]
    extra: int | None
    fields: Mapping[str, Mapping[str, int]]
    differences: tuple[Difference, ...]
    differences_total: int
    requests: Requests
    duration_s: float
    strict: bool = False
    sandbox: bool = False
    warnings: tuple[str, ...] = ()
    members: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    waves: WavesFigures | None = None  # where the plan has any
    values: bool = False  # both values of what differs are shown

    @property
    def ok(self) -> bool:
        """Rule 11; drift and extra users count only under --strict."""
        found = (self.users, *self.members.values())
        wrong = sum(one["missing"] + one["different"] for one in found)
        return not (wrong or (self.strict and (self.extra or any(one["drift"] for one in found))))

    @property
    def exit_code(self) -> int:
        """As the contract says."""
        return EXIT_OK if self.ok else EXIT_INCOMPLETE

    def to_json(self) -> dict[str, object]:
        """verify.v1"""
        return {
            "schema": "verify.v1",
            "plan": self.plan,
            "command": "verify",
            "sandbox": self.sandbox,
            "ok": self.ok,
            "strict": self.strict,
            "source": source_json(self.source),
            "checked": self.checked,
            "users": dict(self.users) | {"extra": self.extra},
            **({"waves": self.waves.to_json()} if self.waves is not None else {}),
            **{name: dict(counts) for name, counts in self.members.items()},
            "fields": {name: dict(counts) for name, counts in self.fields.items()},
            "differences": [one.to_json(values=self.values) for one in self.differences],
            "differences_total": self.differences_total,
            "requests": requests_json(self.requests),
            "warnings": list(self.warnings),
            "duration_s": round(self.duration_s, 3),
        }
