"""The errors that end a command: each carries its code, what to do, and its exit code.

Faults of single users are not errors of a command; they are outcomes (`engine.model.users`). `engine.cli` is the one
place that catches these.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.diagnostics import Diagnostic

EXIT_OK = 0
EXIT_NOTHING_ATTEMPTED = 1
EXIT_CHANGES = 2
EXIT_INCOMPLETE = 3
EXIT_LOCKED = 4
EXIT_INTERRUPTED = 130


class MigrateError(Exception):
    """Base of everything that ends a command.

    `code` is stable and machine-readable; `message` says what is wrong, `remedy` what would be right. Neither
    ever holds a secret or a user's data.
    """

    exit_code = EXIT_NOTHING_ATTEMPTED
    code = "error"

    def __init__(self, message: str, *, remedy: str = "", code: str | None = None) -> None:
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code
        super().__init__(f"{message}; {remedy}" if remedy else message)

    def diagnostics(self) -> list[Diagnostic]:
        """The error as a list of one or more places, faults and remedies."""
        return [Diagnostic(code=self.code, wrong=self.message, right=self.remedy)]


class OutputError(MigrateError):
    """Standard output took only a part of what was asked for. The run itself may have done all of its work."""

    exit_code = EXIT_INCOMPLETE
    code = "output_not_written"


class InvalidPlanFile(MigrateError):
    """The plan file is not one: every fault found, with its place."""

    code = "invalid_plan"

    def __init__(self, found: list[Diagnostic]) -> None:
        self.found = found
        super().__init__("\n".join(str(one) for one in found))

    def diagnostics(self) -> list[Diagnostic]:
        return self.found


class SourceError(MigrateError):
    """The user pool or the export cannot be read."""

    code = "source_error"

    def of_pool(self, name: str) -> SourceError:
        """The same, said of one pool of several."""
        return SourceError(f"pool {name}: {self.message}", remedy=self.remedy, code=self.code)


class TargetError(MigrateError):
    """WorkOS cannot be used as the plan says."""

    code = "target_error"


class StateError(MigrateError):
    """The state cannot be used: damaged, of another plan, or not writable."""

    code = "state_error"


class GuardRefused(MigrateError):
    """A guard of the plan (`safety`, `environment`) refuses to go on; nothing was changed."""

    code = "guard_refused"


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds the state's lock: process id, host, user and since when (ISO 8601, UTC)."""

    pid: int
    host: str
    user: str
    since: str


class StateLocked(MigrateError):
    """Another run holds the state."""

    exit_code = EXIT_LOCKED
    code = "state_locked"

    def __init__(self, path: str, holder: LockHolder | None) -> None:
        self.holder = holder
        who = (
            f"by process {holder.pid} of {holder.user} on {holder.host} since {holder.since}"
            if holder
            else "by another run"
        )
        super().__init__(f"the state {path} is locked {who}", remedy="wait for that run to end, then run again")


class Interrupted(MigrateError):
    """SIGINT or SIGTERM: the state is saved, the rest is for the next run."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"
