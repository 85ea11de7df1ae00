"""What a report shows, as values: no page and no Markdown, and nobody's address, name or username.

Every part but the pool is optional: None, or empty, where nobody knows. Parts that must add up are checked when they
are made, so that no report with wrong sums can exist. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.model.errors import MigrateError

Verdict = Literal["pass", "fail", "cannot-tell"]
DutyKind = Literal["reset_password", "enrol_mfa", "enrol_passkey", "unproven_provider", "type_address"]
DUTIES: tuple[DutyKind, ...] = ("reset_password", "enrol_mfa", "enrol_passkey", "unproven_provider", "type_address")

# Who has to do something, and by when.
YOU = "whoever runs the migration"
FIRST_APPLY = "before the next apply"
CUT_OVER = "before the cut-over"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several; without any nobody can tell."""
    found = set(verdicts)
    if "fail" in found:
        return "fail"
    return "cannot-tell" if "cannot-tell" in found or not found else "pass"


class ReportMismatch(MigrateError):
    """Figures of a report contradict each other: that is a fault of this program, and no report is written."""

    code = "report_does_not_add_up"

    def __init__(self, what: str) -> None:
        super().__init__(f"the report does not add up: {what}", remedy="please report it; nothing was written")


@dataclass(frozen=True, slots=True)
class GoLine:
    """One line of go or no-go. `who` has to do the remedy, `by_when`; both "" where nothing is to be done.

    `name` is one of `engine.run.go_lines.NAMES`, `subject` the provider that it is about. `count` are users, or what
    the message counts; None where nobody has counted. A verdict of cannot-tell asks somebody to look.
    """

    name: str
    verdict: Verdict
    message: str
    remedy: str = ""
    who: str = ""
    by_when: str = ""
    count: int | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class PoolBalance:
    """Every record of the pool, once: seen = migrated + excluded + merged + pending + conflicts.

    `outdated` are those of the migrated whose changes the next `apply` brings over; `excluded` is by reason.
    Raises ReportMismatch.
    """

    seen: int
    migrated: int
    excluded: Mapping[str, int]
    merged: int
    pending: int
    conflicts: int
    outdated: int = 0

    def __post_init__(self) -> None:
        parts = (self.migrated, *self.excluded.values(), self.merged, self.pending, self.conflicts)
        if sum(parts) != self.seen:
            raise ReportMismatch(f"the pool has {self.seen} users, its parts have {sum(parts)}")
        if min(self.seen, self.outdated, *parts) < 0 or self.outdated > self.migrated:
            raise ReportMismatch("a part of the pool is less than nothing, or more than the whole")

    @property
    def left_out(self) -> int:
        """Excluded for any reason."""
        return sum(self.excluded.values())

    @property
    def people(self) -> int:
        """Who is in WorkOS, or is to be."""
        return self.migrated + self.pending + self.conflicts


@dataclass(frozen=True, slots=True)
class Duty:
    """What people must do because of the move. `people` is None where nobody has counted; `hint` says how to.

    `done` are those of them who have done it already, None where that is not known.
    """

    kind: DutyKind
    people: int | None
    done: int | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Duties:
    """How many of `people` must do anything; one person may have several duties. Raises ReportMismatch."""

    people: int
    acting: int
    duties: Sequence[Duty]

    def __post_init__(self) -> None:
        counted = [one.people for one in self.duties if one.people is not None]
        if not max(counted, default=0) <= self.acting <= min(self.people, sum(counted)):
            raise ReportMismatch(f"{self.acting} of {self.people} users must act, by duty {counted}")

    def of_100(self, people: int) -> float:
        """A number of people as so many of 100."""
        return 100 * people / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class PastRun:
    """One `apply`; the counts are None where it did not end. `left` were pending, failed or in conflict afterwards."""

    started: float
    ended: float | None
    created: int | None = None
    updated: int | None = None
    adopted: int | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class RunHistory:
    """Runs, oldest first; `earlier` are older ones that are not listed. What is left takes `writes` and `seconds`."""

    runs: Sequence[PastRun]
    writes: int
    seconds: float
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """One check of a provider, as `migrate oauth check` has it."""

    check: str
    verdict: Verdict
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ProviderProof:
    """An identity provider, its users, what the plan does with it, and what is proven; no proofs: not checked."""

    name: str
    kind: str | None
    handling: str
    users: int
    stranded: int = 0
    proofs: Sequence[Proof] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its checks; nobody can tell of a provider that was not checked."""
        return worst(one.verdict for one in self.proofs)


@dataclass(frozen=True, slots=True)
class CoveredField:
    """A field of WorkOS, or an attribute that is not mapped (`target` is None). `invalid` counts by fault.

    `filled` counts users who have a value of their own, so without the plan's default; `invalid` those whose value is
    not taken, a conflict or left out as the plan says.
    """

    target: str | None
    source: str
    filled: int
    invalid: Mapping[str, int] = field(default_factory=dict)
    default: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """All fields, over so many `people`, each selected user for one. Raises ReportMismatch."""

    people: int
    fields: Sequence[CoveredField]

    def __post_init__(self) -> None:
        for one in self.fields:
            if one.filled + sum(one.invalid.values()) > self.people:
                raise ReportMismatch(f"{one.target or one.source} is filled by more users than there are")


@dataclass(frozen=True, slots=True)
class ConflictGroup:
    """Users in conflict for one reason. `examples` are (sub, WorkOS id or ""): personal, only shown when asked for."""

    code: str
    users: int
    message: str
    remedy: str
    examples: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ResetDay:
    """One day in UTC, YYYY-MM-DD: e-mails sent, and new passwords set; None where nobody knows when."""

    day: str
    sent: int
    set: int | None = None


@dataclass(frozen=True, slots=True)
class ResetHistory:
    """Password resets so far. `needed` people had a password; `returned` of them have set a new one or signed in.

    `mails` counts e-mails by status (sent, intended, unknown, failed); `days` are those with any, in order.
    """

    needed: int
    returned: int
    mails: Mapping[str, int]
    days: Sequence[ResetDay] = ()

    def __post_init__(self) -> None:
        if self.returned > self.needed:
            raise ReportMismatch(f"{self.returned} users returned, and {self.needed} had to")


@dataclass(frozen=True, slots=True)
class Wave:
    """A cohort of the plan: so many people, of whom so many are migrated; `when` it is to begin."""

    name: str
    when: str
    people: int
    migrated: int


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `versions` are names and versions of what made it. Raises ReportMismatch."""

    plan: str
    digest: str
    pool_label: str
    destination: str
    generated_at: float
    versions: Mapping[str, str]
    pool: PoolBalance
    lines: Sequence[GoLine] = ()
    duties: Duties | None = None
    history: RunHistory | None = None
    providers: Sequence[ProviderProof] | None = None
    coverage: Coverage | None = None
    conflicts: Sequence[ConflictGroup] = ()
    resets: ResetHistory | None = None
    waves: Sequence[Wave] = ()
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        grouped = sum(one.users for one in self.conflicts)
        if grouped != self.pool.conflicts:
            raise ReportMismatch(f"{self.pool.conflicts} users are in conflict, by code {grouped}")
        if self.duties is not None and self.duties.people != self.pool.people:
            raise ReportMismatch(f"{self.duties.people} users were asked about, and {self.pool.people} move")

    @property
    def verdict(self) -> Verdict:
        """Go (pass) only where every line passes; without lines nobody can tell."""
        return worst(one.verdict for one in self.lines)
