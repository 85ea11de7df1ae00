"""What `plan` and `apply` report of signing in: providers, connections, organizations, redirect URIs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.errors import EXIT_INCOMPLETE, EXIT_OK
from engine.oauth.checks import Check
from engine.oauth.handling import Problem, ProviderUse

FORESEEN = ("create", "update", "unchanged", "conflicts")
MEMBERS_FORESEEN = ("create", "update", "deactivate", "reactivate", "remove", "unchanged", "skip", "conflicts")
MEMBERS_DONE = (
    "created", "updated", "deactivated", "reactivated", "removed", "unchanged", "skipped", "conflicts", "failed",
    "pending",
)  # fmt: skip
DONE = ("created", "updated", "unchanged", "failed", "conflicts", "pending")


@dataclass(frozen=True, slots=True)
class ConnectionItem:
    """One connection. `tell` is what the identity provider's administrator has to enter; `code` why it failed."""

    provider: str
    organization: str
    action: str
    connection_id: str | None = None
    tell: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None

    def to_json(self) -> dict[str, object]:
        tell = {name: self.tell.get(name) for name in ("redirect_uri", "acs_url", "entity_id")}
        return {"provider": self.provider, "organization": self.organization, "action": self.action,
                "connection_id": self.connection_id, "code": self.code, "tell": tell}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignIn:
    """The part of a result that is not users. Figures are of FORESEEN in `plan`, of DONE in `apply`."""

    applied: bool = False
    providers: Sequence[ProviderUse] = ()
    problems: Sequence[Problem] = ()
    connections: Sequence[ConnectionItem] = ()
    organizations: Mapping[str, int] = field(default_factory=dict)
    redirect_uris: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    memberships: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0  # of the pending: nobody of this run needs them

    @property
    def writes(self) -> int:
        """Requests that it takes at least."""
        made = sum(counts.get(name, 0) for counts in self._counted for name in ("create", "update"))
        return made + sum(one.action in ("create", "update") for one in self.connections)

    @property
    def changed(self) -> int:
        """What `apply` did."""
        made = sum(counts.get(name, 0) for counts in self._counted for name in ("created", "updated"))
        return made + sum(one.action in ("created", "updated") for one in self.connections)

    @property
    def failed(self) -> int:
        """What `apply` could not do, or did not come to, of what was asked for."""
        lacking = sum(counts.get(name, 0) for counts in self._counted for name in ("failed", "conflicts", "pending"))
        lacking += sum(self.memberships.get(name, 0) for name in ("failed", "conflicts", "pending"))
        return lacking + sum(one.action in ("failed", "pending") for one in self.connections) - self.waiting

    @property
    def membership_changes(self) -> int:
        """Memberships that `apply` would change."""
        return sum(self.memberships.get(name, 0) for name in ("create", "update", "deactivate", "reactivate", "remove"))

    @property
    def _counted(self) -> tuple[Mapping[str, int], ...]:
        return self.organizations, self.redirect_uris, self.roles

    def to_json(self) -> dict[str, object]:
        """The keys that it adds to result.v1 and plan-result.v1."""
        names = DONE if self.applied else FORESEEN
        actions = Counter(one.action for one in self.connections)
        problems = {} if self.applied else {"problems": [one.to_json() for one in self.problems]}
        return {
            "oauth": {"providers": [one.to_json() for one in self.providers], **problems},
            "connections": {name: actions[name] for name in names}
            | {"items": [one.to_json() for one in self.connections]},
            "organizations": {name: self.organizations.get(name, 0) for name in names},
            "redirect_uris": {name: self.redirect_uris.get(name, 0) for name in names if name[:6] != "update"},
            "roles": {name: self.roles.get(name, 0) for name in names},
            "memberships": {
                name: self.memberships.get(name, 0) for name in (MEMBERS_DONE if self.applied else MEMBERS_FORESEEN)
            },
        }


KEYS = tuple(SignIn().to_json())
"""The keys that this adds to a result."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One `migrate oauth check`."""

    plan: str
    checks: Sequence[Check]
    duration_s: float

    @property
    def counts(self) -> Counter[str]:
        """Rows by verdict."""
        return Counter(one.verdict for one in self.checks)

    @property
    def exit_code(self) -> int:
        """0 when nothing fails, 3 when something does."""
        return EXIT_INCOMPLETE if self.counts["fail"] else EXIT_OK

    def to_json(self) -> dict[str, object]:
        """oauth-check.v1"""
        counts = self.counts
        return {
            "schema": "oauth-check.v1",
            "plan": self.plan,
            "command": "oauth check",
            "ok": not counts["fail"],
            "counts": {"pass": counts["pass"], "fail": counts["fail"], "cannot_tell": counts["cannot-tell"]},
            "checks": [one.to_json() for one in self.checks],
            "duration_s": round(self.duration_s, 3),
        }
