"""What a command found and did, as values: views render them for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.model.codes import explain
from engine.model.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_OK
from engine.model.round_counts import RoundCounts
from engine.oauth.results import SignIn
from engine.quota.metered import Requests
from engine.resources.users.coverage import PoolCoverage
from engine.resources.users.departures import Refresh
from engine.run.diff import Diff
from engine.run.wave_figures import WavesFigures

APPLIED = ("created", "updated", "adopted", "merged", "unchanged", "skipped", "conflicts", "failed", "pending")
PLANNED = ("create", "update", "adopt", "merge", "unchanged", "skip", "conflicts")


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """Records seen and selected; those excluded, by reason. `pools`: the same of each of several, by name."""

    seen: int
    selected: int
    filtered: Mapping[str, int]
    pools: Mapping[str, SourceCounts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """One user who failed or is in conflict, by Cognito sub; `workos_id` is whom it is about in WorkOS, if known."""

    source_id: str
    code: str
    workos_id: str | None = None
    organization: str | None = None  # of a membership: its external ID
    pool: str | None = None  # where the plan has several

    def to_json(self) -> dict[str, str]:
        """With the code's sentence and way out."""
        message, remedy = explain(self.code, [self.source_id])
        if self.workos_id is not None:
            message += f" (WorkOS: {self.workos_id})"
        if self.organization is not None:
            message += f" (organization {self.organization})"
        pool = {"pool": self.pool} if self.pool is not None else {}
        return {**pool, "source_id": self.source_id, "code": self.code, "message": message, "remedy": remedy}


@dataclass(frozen=True, slots=True)
class Reported:
    """Things to know that change nothing: left the source (rule 10), orphaned by a merge, attributes that
    vanished (rule 9), users under an address that Cognito has not verified, users without any under a placeholder
    (None where the plan makes none).
    """

    left_source: int = 0
    orphaned: int = 0
    attribute_vanished: int = 0
    unverified_address: int = 0
    placeholder: int | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guard of `safety` that stands against the plan: how many users it allows, and how many it found."""

    code: str
    limit: int
    found: int
    message: str
    remedy: str

    def to_json(self) -> dict[str, object]:
        """With its sentence and way out."""
        return {
            "code": self.code,
            "limit": self.limit,
            "found": self.found,
            "message": self.message,
            "remedy": self.remedy,
        }


class Agreed(Protocol):
    """How an `apply` agreed with what was reviewed."""

    def to_json(self) -> dict[str, object]:
        """As the result shows it."""
        ...

    def sentence(self) -> str:
        """For people."""
        ...


class Afterwards(Protocol):
    """What was done once an `apply` had ended: password resets."""

    @property
    def exit_code(self) -> int:
        """As the contract says."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences without users' data."""
        ...

    def summary(self) -> dict[str, object]:
        """As the apply's result shows it."""
        ...


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """One `apply`. `users` has every name of APPLIED, and they add up to `source.selected`.

    `stopped` says why the run ended early: interrupted, max_failures, a code of the services; None when it did not.
    """

    plan: str
    run_id: str
    sandbox: bool
    source: SourceCounts
    users: Mapping[str, int]
    failures: tuple[Failure, ...]
    failures_total: int
    requests: Requests
    duration_s: float
    reported: Reported = Reported()
    warnings: tuple[str, ...] = ()
    stopped: str | None = None
    resets: Afterwards | None = None  # under `send: after_apply`
    sign_in: SignIn = SignIn(applied=True)  # noqa: RUF009 - frozen
    refreshed: Refresh = "not_needed"  # how the run looked who was deleted in WorkOS
    agreement: Agreed | None = None  # under --expect
    rounds: RoundCounts | None = None  # under --every: this is what the last of them found and did
    waiting: Mapping[str, int] = field(default_factory=dict)  # of the pending: whose turn it is not, by reason
    waves: WavesFigures | None = None  # where the plan has any
    chosen: int | None = None  # people of a canary run; None for a run of everybody

    @property
    def in_place(self) -> bool:
        """Everybody who was asked for is where the plan wants them, and so is what they sign in with."""
        missed = self.users["pending"] - sum(self.waiting.values())
        # Where nobody could look who was deleted, nobody can say that everybody is in place.
        looked = self.refreshed != "failed"
        open_users = self.users["conflicts"] or self.users["failed"] or missed
        return self.stopped is None and looked and not open_users and not self.sign_in.failed

    @property
    def converged(self) -> bool:
        """Every selected user is in place: what no canary run can say."""
        return self.in_place and self.chosen is None and not self.users["pending"]

    @property
    def exit_code(self) -> int:
        """As the contract says."""
        if self.stopped == "interrupted":
            return EXIT_INTERRUPTED
        if self.in_place and self.resets is not None:
            return self.resets.exit_code
        return EXIT_OK if self.in_place else EXIT_INCOMPLETE

    def to_json(self) -> dict[str, object]:
        """result.v1"""
        return {
            "schema": "result.v1",
            "plan": self.plan,
            "run_id": self.run_id,
            "command": "apply",
            "sandbox": self.sandbox,
            "converged": self.converged,
            "stopped": self.stopped,
            "source": source_json(self.source),
            "users": {name: self.users[name] for name in APPLIED},
            **({"waiting": dict(sorted(self.waiting.items()))} if self.waiting else {}),
            **({"canary": {"people": self.chosen}} if self.chosen is not None else {}),
            **({"waves": self.waves.to_json()} if self.waves is not None else {}),
            "failures": [one.to_json() for one in self.failures],
            "failures_total": self.failures_total,
            "requests": requests_json(self.requests),
            "reported": _reported(self.reported),
            "refreshed": self.refreshed,
            "resets": None if self.resets is None else self.resets.summary(),
            **({} if self.rounds is None else {"rounds": self.rounds.to_json()}),
            "reviewed": None if self.agreement is None else self.agreement.to_json(),
            "warnings": list(self.warnings),
            "duration_s": round(self.duration_s, 3),
            **self.sign_in.to_json(),
        }


@dataclass(frozen=True, slots=True)
class PlanResult:
    """One `plan`. `writes` and `estimated_s` say what `apply` would take under the plan's quota."""

    plan: str
    sandbox: bool
    source: SourceCounts
    users: Mapping[str, int]
    failures: tuple[Failure, ...]
    failures_total: int
    requests: Requests
    writes: int
    estimated_s: float
    digest: str
    duration_s: float
    reported: Reported = Reported()
    warnings: tuple[str, ...] = ()
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sign_in: SignIn = SignIn()  # noqa: RUF009 - frozen
    guards: tuple[Guarded, ...] = ()  # for which `apply` would refuse
    refreshed: Refresh = "not_needed"
    waiting: Mapping[str, int] = field(default_factory=dict)  # people whose turn it is not, by reason
    waves: WavesFigures | None = None  # where the plan has any
    diff: Diff = Diff()  # noqa: RUF009 - frozen
    coverage: tuple[PoolCoverage, ...] = ()  # one a pool, in the plan's order
    by_name: int = 0  # people who may sign in to Cognito with a name: WorkOS knows addresses alone

    @property
    def changes(self) -> bool:
        """Whether `apply` would change anything."""
        return bool(self.sign_in.writes or self.sign_in.membership_changes) or any(
            self.users[name] for name in ("create", "update", "adopt")
        )

    def to_json(self) -> dict[str, object]:
        """plan.v1"""
        return {
            "schema": "plan-result.v1",
            "plan": self.plan,
            "command": "plan",
            "sandbox": self.sandbox,
            "changes": self.changes,
            "source": source_json(self.source),
            "users": {name: self.users[name] for name in PLANNED},
            **({"waiting": dict(sorted(self.waiting.items()))} if self.waiting else {}),
            **({"waves": self.waves.to_json()} if self.waves is not None else {}),
            "failures": [one.to_json() for one in self.failures],
            "failures_total": self.failures_total,
            "estimate": {"writes": self.writes, "duration_s": round(self.estimated_s, 1)},
            "requests": requests_json(self.requests),
            "reported": _reported(self.reported),
            "guards": [one.to_json() for one in self.guards],
            "refreshed": self.refreshed,
            "sign_in_by_name": self.by_name,
            "coverage": [one.to_json() for one in self.coverage],
            "warnings": list(self.warnings),
            "diff": self.diff.to_json(),
            "digest": self.digest,
            "duration_s": round(self.duration_s, 3),
            **self.sign_in.to_json(),
        }


def source_json(source: SourceCounts) -> dict[str, object]:
    """As every result has it."""
    counts: dict[str, object] = {
        "seen": source.seen, "selected": source.selected, "filtered": dict(sorted(source.filtered.items())),
    }  # fmt: skip
    return counts | ({"pools": {name: source_json(one) for name, one in source.pools.items()}} if source.pools else {})


def requests_json(requests: Requests) -> dict[str, int]:
    """As every result has them."""
    return {
        "writes": requests.writes,
        "reads": requests.reads,
        "throttled": requests.throttled,
        "retried": requests.retried,
    }


def _reported(reported: Reported) -> dict[str, int]:
    return {
        "left_source": reported.left_source,
        "orphaned": reported.orphaned,
        "attribute_vanished": reported.attribute_vanished,
        "unverified_address": reported.unverified_address,
        **({"placeholder": reported.placeholder} if reported.placeholder is not None else {}),
    }
