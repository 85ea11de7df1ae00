"""One `resets send`, from an open snapshot and state to a result: settle, judge, mail."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.model.call_errors import CallFailed
from engine.model.errors import MigrateError, TargetError
from engine.model.keys import written_user
from engine.model.moments import iso_moment
from engine.model.ports import Progress
from engine.model.resets import CREATED, SUCCEEDED, Recipient, ResetTarget
from engine.plan_file.model import Spec
from engine.quota.metered import MeteredTarget
from engine.resets.campaign import Campaign
from engine.resets.candidates import find_due
from engine.resets.eligibility import Rules, allowed_addresses
from engine.resets.history import read_history
from engine.resets.hours import Calendar
from engine.resets.outbox import Outbox
from engine.resets.pace import next_turn
from engine.resets.recipients import Due, SendTally
from engine.resets.results import SendResult
from engine.resets.settlement import KEPT, SKEW
from engine.resets.settling import Settler
from engine.resources.users.discovery import list_all
from engine.run.sources import pool_names
from engine.run.stopping import FailureGuard, Stop
from engine.snapshot.candidates import CandidateTable
from engine.snapshot.passwordless import FindPasswordless
from engine.state.file import StateFile
from engine.state.resets import ResetLedger

# People asked for at once in a dry run.
_ASKED = 400


class EventsUnreadable(TargetError):
    """Without events nobody knows who was mailed before: nobody is mailed."""

    def __init__(self, error: CallFailed) -> None:
        status = f" ({error.status} {error.code})" if error.status else f" ({error.code})"
        super().__init__(
            f"WorkOS's events cannot be read{status}, so who was mailed before is not known; nobody was mailed",
            remedy="use an API key that may read events (GET /events), then run `migrate resets send` again",
            code="events_unreadable",
        )


@dataclass(frozen=True, slots=True)
class SendOptions:
    """What the command line says. `only` are subs; `out` is the folder of `deliver: file`."""

    out: Path
    limit: int | None = None
    only: Collection[str] | None = None
    dry_run: bool = False
    wait: bool = False
    resend_after: float | None = None
    resend_unknown: bool = False


class Sending:
    """What a run works with; `candidates` are of a snapshot with the state attached."""

    def __init__(
        self,
        *,
        spec: Spec,
        sandbox: bool,
        candidates: CandidateTable,
        state: StateFile,
        metered: MeteredTarget,
        target: ResetTarget,
        stop: Stop,
        run_id: str,
        find_passwordless: FindPasswordless | None = None,
    ) -> None:
        self._spec = spec
        self._email = spec.password_reset.email
        self._sandbox = sandbox
        self._candidates = candidates
        self._state = state
        self._ledger = ResetLedger(state)
        self._metered = metered
        self._target = target
        self._clock = target.clock
        self._stop = stop
        self._run_id = run_id
        self._find_passwordless = find_passwordless
        self._read_until: float | None = None
        # In files of one's own: who stands in no file was not mailed, whatever WorkOS has made. Only a state that
        # knows of nobody takes the events' word there.
        self._reported_all = True
        self._warnings: list[str] = []

    async def run(self, options: SendOptions, *, listing: Progress, sending: Callable[[int], Progress]) -> SendResult:
        """Send what is due. Raises the errors of `engine.model.call_errors` and StateError before anything is sent."""
        began = time.monotonic()
        outbox = Outbox(options.out) if self._email.deliver == "file" else None
        await list_all(self._candidates, self._metered, listing)
        self._reported_all = outbox is None or self._ledger.is_empty()
        try:
            await self._learn(write=not options.dry_run)
        except CallFailed as error:
            if error.status == 401:
                raise
            raise EventsUnreadable(error) from error
        settler = Settler(
            ledger=self._ledger,
            target=self._target,
            metered=self._metered,
            clock=self._clock,
            stop=self._stop,
            outbox=outbox,
        )
        if not options.dry_run:
            await settler.settle()
        if options.only is not None and (wrong := sorted(set(options.only) - self._candidates.people())):
            raise MigrateError(
                f"--only names {len(wrong):,} whom the plan does not select: {', '.join(wrong[:5])}",
                remedy="name subs of users that the plan selects; `migrate resets send --dry-run` lists who is due",
                code="bad_usage",
            )
        rules = Rules(
            status=self._email.status,
            unverified=self._email.unverified,
            allowed=allowed_addresses(self._email, self._spec.destination, sandbox=self._sandbox),
            resend_after=options.resend_after,
            resend_unknown=options.resend_unknown,
        )
        due = self._due(rules, options)
        if options.dry_run:
            await self._leave_passwordless(due, options.limit)
            tally = self._foresee(due, options)
        else:

            async def still_due() -> set[str]:
                await list_all(self._candidates, self._metered, listing)
                await self._learn(write=True)
                return {one.workos_id for one in self._due(rules, options).people}

            campaign = Campaign(
                email=self._email,
                ledger=self._ledger,
                target=self._target,
                metered=self._metered,
                settler=settler,
                clock=self._clock,
                stop=self._stop,
                run_id=self._run_id,
                guard=FailureGuard(self._spec.safety.max_failures),
                progress=sending(min(len(due.people), options.limit or len(due.people))),
                still_due=still_due,
                outbox=outbox,
                without_password=self._without_password if self._find_passwordless is not None else None,
            )
            tally = await campaign.run(due.people, limit=options.limit, wait=options.wait)
        return self._result(due, tally, options, time.monotonic() - began)

    def _due(self, rules: Rules, options: SendOptions) -> Due:
        self._candidates.store_ledger(self._ledger.mails(), self._ledger.who_returned())
        return find_due(self._candidates.candidates(), rules, self._clock.now(), only=options.only)

    async def _without_password(self, people: Sequence[Recipient]) -> set[str]:
        find = self._find_passwordless
        return await asyncio.to_thread(self._candidates.without_password, people, find) if find is not None else set()

    async def _leave_passwordless(self, due: Due, limit: int | None) -> None:
        """What the real run finds out just before an e-mail; nobody is asked for beyond the limit."""
        if self._find_passwordless is None:
            return
        kept: list[Recipient] = []
        at = 0
        while at < len(due.people) and (limit is None or len(kept) < limit):
            chunk = due.people[at : at + _ASKED]
            without = await self._without_password(chunk)
            kept += [one for one in chunk if one.key not in without]
            at += len(chunk)
        due.reasons["no_password"] += at - len(kept)
        due.people = kept + due.people[at:]

    async def _learn(self, *, write: bool) -> None:
        """Who was mailed and who has come back, by WorkOS's events: the state may be lost, or an older copy.

        A dry run judges by them as well, and writes nothing. Raises the errors of `engine.model.call_errors`.
        """
        now = self._clock.now()
        since = now - KEPT if self._read_until is None else self._read_until - SKEW
        history = await read_history(self._target, self._metered, (CREATED, SUCCEEDED), since=since, now=now)
        if history.since > since:
            self._warnings.append(
                f"WorkOS gives out the events since {iso_moment(history.since)} alone: who was mailed or came back "
                "before that is known from the state"
            )
        self._read_until = now
        reset = [one.user_id for one in history.events if one.name == SUCCEEDED]
        asked = {one.user_id: one.at for one in history.events if one.name == CREATED and self._reported_all}
        self._candidates.store_history(mailed=asked, returned=reset)
        if not write:
            return
        self._ledger.returned(
            [(one, "reset") for one in reset] + [(one, "signed_in") for one in self._candidates.signed_in()]
        )
        keys = self._candidates.keys()
        self._ledger.adopt_sent([(one, keys[one], at) for one, at in asked.items() if one in keys])

    def _foresee(self, due: Due, options: SendOptions) -> SendTally:
        now = self._clock.now()
        turn = next_turn(self._ledger.last_batch(), now, batch=self._email.batch, every=self._email.every)
        at = Calendar(self._email.hours, self._email.timezone).next_open(turn.at)
        number = len(due.people) if options.limit is None else min(options.limit, len(due.people))
        return SendTally(left=number, next_at=at if number else None)

    def _result(self, due: Due, tally: SendTally, options: SendOptions, duration: float) -> SendResult:
        pools = pool_names(self._spec.pools)
        unknown = {
            written_user(pools, key) for status in ("unknown", "intended") for key, _ in self._ledger.of_status(status)
        }
        if options.only is not None:
            unknown = {one for one in unknown if one in options.only or one.rpartition("/")[2] in options.only}
        reasons = Counter(due.reasons)
        reasons["no_password"] += tally.passwordless
        # They are counted where somebody has to decide on them.
        reasons.pop("unknown", None)
        reasons += Counter()  # without zeros
        return SendResult(
            plan=self._spec.name,
            sandbox=self._sandbox,
            dry_run=options.dry_run,
            deliver=self._email.deliver,
            due=len(due.people) - tally.passwordless,
            recipients=tuple(due.people[: options.limit]) if options.dry_run else (),
            sent=tally.sent,
            left=tally.left,
            unknown=tuple(sorted(unknown)),
            failures=tuple((written_user(pools, key), code) for key, code in tally.failures),
            not_mailed=reasons,
            stopped=tally.stopped,
            next_at=tally.next_at,
            files=tuple(tally.files),
            requests=replace(self._metered.requests),
            duration_s=duration,
            warnings=(*self._warnings, *tally.warnings),
        )
