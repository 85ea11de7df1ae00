"""One `apply` as a command carries it out, and one after another until the cut-over: under one lock, on one sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from engine.cli.day import day_of
from engine.cli.opening import Kept, open_session
from engine.cli.wiring import destination_for, open_spec, watch_of
from engine.model.clock import SystemClock
from engine.model.errors import MigrateError
from engine.plan_file.model import Spec
from engine.resets.session import send_after_apply, sends_after_apply
from engine.run.canary import Canary
from engine.run.estimate import write_limits
from engine.run.expectation import Expectation
from engine.run.migration import run_apply
from engine.run.readiness import Readiness, run_ready
from engine.run.results import ApplyResult
from engine.run.rounds import Schedule, run_rounds
from engine.run.stopping import Stop, signals
from engine.views.console import Console
from engine.views.progress import Stages
from engine.views.rounds import RoundLines
from engine.workspace.folder import Workspace


class Applying:
    """What both ways have in common."""

    def __init__(
        self,
        console: Console,
        *,
        sandbox: bool,
        pace: bool,
        refresh: bool,
        canary: Canary | None = None,
        expected: Expectation | None = None,
        as_of: str | None = None,
    ) -> None:
        """`as_of` is the day as it was written, of every round; None: each round's own."""
        self.clock = SystemClock()
        self.ready: Readiness | None = None  # once the rounds are over
        self._console = console
        self._sandbox = sandbox
        self._pace = pace
        self._refresh = refresh
        self._canary = canary
        self._expected = expected
        self._as_of = as_of

    async def once(self, path: Path) -> ApplyResult:
        """One. Raises MigrateError where nothing was attempted."""
        spec = self._opened(path)
        with self._held(spec) as (workspace, stop):
            async with destination_for(spec, sandbox=self._sandbox, workspace=workspace, pace=self._pace) as used:
                result = await self._round(used, workspace, stop, Kept(self.clock), self._console.stages())
        tell_mfa(self._console, spec, result.source.selected)
        return result

    async def until(self, path: Path, schedule: Schedule) -> ApplyResult:
        """One after another, then the verdict. The plan is the one that was read at the start.

        Raises MigrateError where no round was completed.
        """
        if self._canary is not None:
            raise _misused(
                "--limit and --target are of one run, and --every is of many",
                "leave --every and --until out, or the others",
            )
        if self._expected is not None:
            raise _misused(
                "--expect is of one run, and --every is of many",
                "apply what was reviewed first, and go on with --every afterwards",
            )
        spec = self._opened(path)
        kept, views = Kept(self.clock), RoundLines(self._console)
        views.announce(schedule)
        with self._held(spec) as (workspace, stop):
            async with destination_for(spec, sandbox=self._sandbox, workspace=workspace, pace=self._pace) as used:
                result = await run_rounds(
                    schedule,
                    lambda within: self._round(used, workspace, within, kept, self._console.stages(sparse=True)),
                    clock=self.clock,
                    stop=stop,
                    tells=views,
                )
                if result.rounds is not None and result.stopped != "interrupted":
                    self.ready = await self._verdict(used, stop, kept)
                    verdict = None if self.ready is None else "go" if self.ready.go else "no-go"
                    result = replace(result, rounds=replace(result.rounds, verdict=verdict))
        tell_mfa(self._console, spec, result.source.selected)
        return result

    def _opened(self, path: Path) -> Spec:
        spec = open_spec(self._console, path, sandbox=self._sandbox)
        # Before anybody is contacted.
        self._day(spec)
        return spec

    def _day(self, spec: Spec) -> date:
        return day_of(self._as_of, spec, self.clock.now())

    @contextmanager
    def _held(self, spec: Spec) -> Iterator[tuple[Workspace, Stop]]:
        """The lock, and who wants it to end."""
        with ExitStack() as stack:
            stop = Stop()
            stack.enter_context(signals(stop))
            workspace = Workspace(spec.state_path)
            stack.enter_context(workspace.locked())
            try:
                yield workspace, stop
            except MigrateError:
                workspace.discard()
                raise

    async def _round(self, spec: Spec, workspace: Workspace, stop: Stop, kept: Kept, shown: Stages) -> ApplyResult:
        console, sandbox = self._console, self._sandbox
        with shown as stages:
            async with open_session(
                spec, sandbox=sandbox, workspace=workspace, tell=console.warn, trace=console.trace, kept=kept
            ) as session:
                session.refresh, session.canary, session.as_of = self._refresh, self._canary, self._day(spec)
                limits = write_limits(session.spec.destination)
                result = await run_apply(
                    session,
                    watch=watch_of(stages, session, stop),
                    writing=lambda label, total: stages.begin(label, total, limits=limits),
                    stop=stop,
                    expected=self._expected,
                )
                if not sends_after_apply(spec):
                    return result
                if self._canary is not None:
                    # They go to everybody who has come by then: that is no matter of a few.
                    note = "no reset e-mails are sent after --limit or --target: `migrate resets send` sends them"
                    result = replace(result, warnings=(*result.warnings, note))
                elif result.stopped is None:
                    watch, sending = watch_of(stages, session, stop), lambda total: stages.begin("sending", total)
                    resets = await send_after_apply(session, watch=watch, sending=sending, stop=stop)
                    result = replace(result, resets=resets, warnings=(*result.warnings, *resets.warnings))
                return result

    async def _verdict(self, spec: Spec, stop: Stop, kept: Kept) -> Readiness | None:
        """Go or no-go, as `migrate ready` says it; None where it cannot be said."""
        console, sandbox = self._console, self._sandbox
        workspace = Workspace(spec.state_path, preview=True)
        try:
            workspace.prepare()
            async with open_session(
                spec, sandbox=sandbox, workspace=workspace, tell=console.warn, trace=console.trace, kept=kept
            ) as session:
                session.as_of = self._day(spec)
                with console.stages(sparse=True) as stages:
                    return await run_ready(session, watch=watch_of(stages, session, stop), hide=console.hide)
        except MigrateError as error:
            console.warn(f"whether all is ready cannot be said: {error}")
            return None
        finally:
            workspace.discard()


def schedule_of(every: str | None, until: str | None, now: float) -> Schedule | None:
    """What `--every` and `--until` say; None where neither is given. Raises MigrateError."""
    from engine.plan_file.values import parse_duration

    if every is None and until is None:
        return None
    if every is None or until is None:
        raise _misused(
            "--every and --until go together, and only one is given",
            "write both, such as --every 15m --until 2026-12-01T06:00Z, or neither",
        )
    try:
        apart = parse_duration(every)
    except ValueError as error:
        right = "write a whole number and a unit (s, m, h or d), for example 15m"
        raise _misused(f"--every {every} is no duration", right) from error
    end = _moment(until)
    if end.timestamp() <= now:
        raise _misused(f"--until {until} is over", f"name a later moment; it is {_written(now)}")
    return Schedule(apart, end.timestamp())


def tell_mfa(console: Console, spec: Spec, selected: int) -> None:
    """How to see who must enrol a second factor again, where the plan asks for it."""
    if spec.mfa == "report":
        console.say(f"mfa: `migrate resets mfa` lists who must enrol again; at most {selected:,} calls to Cognito")


def _moment(text: str) -> datetime:
    right = "write it in ISO 8601 with its zone, for example 2026-12-01T06:00Z or 2026-12-01T07:00+01:00"
    try:
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _misused(f"--until {text} is no moment", right) from error
    raise _misused(f"--until {text} has no time zone, and every machine would take it for another moment", right)


def _written(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _misused(wrong: str, right: str) -> MigrateError:
    return MigrateError(wrong, remedy=right, code="bad_usage")
