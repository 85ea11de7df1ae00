"""What a rollback found and did, as values: views render them for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from engine.model.codes import explain
from engine.model.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_OK
from engine.model.keys import CONNECTION, MEMBERSHIP, ORGANIZATION, REDIRECT_URI, USER
from engine.quota.metered import Requests
from engine.resources.undoing import ORPHAN

UNDONE_COUNTS = ("removed", "restored", "forgotten", "kept", "gone", "conflicts", "failed", "pending")
SECTIONS = {
    USER: "users", ORPHAN: "orphaned", MEMBERSHIP: "memberships", CONNECTION: "connections",
    ORGANIZATION: "organizations", REDIRECT_URI: "redirect_uris",
}  # fmt: skip
"""Kinds as the result calls them."""
# Without its options it would be another rollback; so the command that only shows is named.
AGAIN = "run `migrate rollback` again with the same options: it takes up what is left"


def explain_undo(code: str, names: Sequence[str] = ()) -> tuple[str, str]:
    """(what it means, what to do) where a rollback met it: most codes speak of what `apply` does."""
    message, remedy = explain(code, names)
    return message, AGAIN if "apply" in remedy or "forget" in remedy else remedy


@dataclass(frozen=True, slots=True)
class UndoFailure:
    """One resource that could not be taken back. `name` is what people know it by: a sub, an external ID, a URI."""

    kind: str
    name: str
    code: str
    organization: str | None = None  # of a membership: its external ID

    def to_json(self) -> dict[str, str | None]:
        """With the code's sentence and way out."""
        message, remedy = explain_undo(self.code, [self.name])
        return {"kind": self.kind, "name": self.name, "organization": self.organization, "code": self.code,
                "message": message, "remedy": remedy}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What cannot be taken back.

    `roles` are slugs. `users` and `organizations` count those that were there before, by the field that keeps what
    this plan wrote; `connections` those whose options were written over.
    """

    roles: tuple[str, ...] = ()
    users: Mapping[str, int] = field(default_factory=dict)
    organizations: Mapping[str, int] = field(default_factory=dict)
    connections: int = 0

    def to_json(self) -> dict[str, object]:
        """As the schema has it."""
        return {"roles": list(self.roles), "users": dict(self.users), "organizations": dict(self.organizations),
                "connections": self.connections}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """One rollback, foreseen or carried out (`applied`). `counts` has UNDONE_COUNTS for every kind of SECTIONS.

    `kept` counts by kind and reason; `held_back`: --target or --limit left some for later. `stopped` says why the run
    ended early, None where it did not.
    """

    plan: str
    sandbox: bool
    applied: bool
    counts: Mapping[str, Mapping[str, int]]
    kept: Mapping[str, Mapping[str, int]]
    left: LeftBehind
    requests: Requests
    duration_s: float
    run_id: str | None = None
    failures: tuple[UndoFailure, ...] = ()
    failures_total: int = 0
    held_back: bool = False
    stopped: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """All that was asked for is done."""
        open_ = ("conflicts", "failed") if self.held_back else ("conflicts", "failed", "pending")
        return self.applied and self.stopped is None and not any(
            counts[name] for counts in self.counts.values() for name in open_
        )  # fmt: skip

    @property
    def exit_code(self) -> int:
        """As the contract says."""
        if self.stopped == "interrupted":
            return EXIT_INTERRUPTED
        return EXIT_OK if self.complete or not self.applied else EXIT_INCOMPLETE

    def summary(self) -> bytes:
        """The result without anybody in it, for the state's list of runs."""
        content = self.to_json()
        content.pop("failures")
        return orjson.dumps(content)

    def to_json(self) -> dict[str, object]:
        """rollback.v1"""
        return {
            "schema": "rollback.v1",
            "plan": self.plan,
            "command": "rollback",
            "run_id": self.run_id,
            "sandbox": self.sandbox,
            "applied": self.applied,
            "complete": self.complete,
            "stopped": self.stopped,
            **{name: dict(self.counts[kind]) for kind, name in SECTIONS.items()},
            "kept_because": {SECTIONS[kind]: dict(codes) for kind, codes in self.kept.items() if codes},
            "cannot_be_taken_back": self.left.to_json(),
            "failures": [one.to_json() for one in self.failures],
            "failures_total": self.failures_total,
            "requests": self.requests.to_json(),
            "warnings": list(self.warnings),
            "duration_s": round(self.duration_s, 3),
        }  # fmt: skip
