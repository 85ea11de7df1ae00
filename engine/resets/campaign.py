"""Mails the people who are due, in batches and hours, so that a kill at any instant mails nobody twice.

Order: an intent is on disk before its call is made, the end only after its answer. What a kill leaves open, and what
WorkOS answered unclearly, is settled by `engine.resets.settling` before anybody of it is asked for again.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Literal

from engine.model.call_errors import Ambiguous, CallFailed, QuotaSpent, Refused, Terminal, Transient
from engine.model.errors import MigrateError, SourceError
from engine.model.moments import iso_moment
from engine.model.ports import Clock, Progress
from engine.model.resets import IssuedReset, Ledger, Recipient, ResetTarget
from engine.model.retries import Tries, patiently
from engine.plan_file.model import ResetEmail
from engine.quota.metered import MeteredTarget
from engine.resets.hours import Calendar
from engine.resets.outbox import Outbox
from engine.resets.pace import AddressLimit, Turn, next_turn
from engine.resets.recipients import QUOTA_SPENT, SendTally
from engine.resets.settling import Settler
from engine.resets.waiting import wait_or_stop
from engine.run.stopping import FailureGuard, Stop

# Intents of one commit, asked for side by side: as many as a kill can leave to be settled.
_CHUNK = 16
# An intent older than this (seconds) when its call begins gets a new time: settling counts from there.
_FRESH = 5.0
# So often is somebody asked for again in one run whose request turned out not to have been made.
_ROUNDS = 3
# With --wait, after the day's quota (seconds): when it is renewed is not documented.
_QUOTA_PAUSE = 3600.0

# WorkOS ids of all who are due by now.
StillDue = Callable[[], Awaitable[Collection[str]]]
# Subs of those of some people who have no password in Cognito; raises SourceError.
WithoutPassword = Callable[[Sequence[Recipient]], Awaitable[Collection[str]]]
_End = Literal["sent", "withdrawn", "open"] | tuple[Literal["failed"], str]


class _NotNow(Exception):
    """The hours are over, or the run is: the call was not made."""


class Campaign:
    """One run of a campaign."""

    def __init__(
        self,
        *,
        email: ResetEmail,
        ledger: Ledger,
        target: ResetTarget,
        metered: MeteredTarget,
        settler: Settler,
        clock: Clock,
        stop: Stop,
        run_id: str,
        guard: FailureGuard,
        progress: Progress,
        still_due: StillDue,
        outbox: Outbox | None = None,
        without_password: WithoutPassword | None = None,
    ) -> None:
        self._email = email
        self._ledger = ledger
        self._target = target
        self._metered = metered
        self._settler = settler
        self._clock = clock
        self._stop = stop
        self._run_id = run_id
        self._guard = guard
        self._progress = progress
        self._still_due = still_due
        self._outbox = outbox
        self._without_password = without_password
        self._calendar = Calendar(email.hours, email.timezone)
        self._addresses = AddressLimit()
        self._intents: dict[str, float] = {}
        self._open: dict[str, Recipient] = {}
        self._rounds: Counter[str] = Counter()
        self._doubtful = 0  # asked for, and nobody can say how it ended
        self._issued: dict[str, IssuedReset] = {}
        self._over: str | None = None
        self._asked = False  # somebody may have been mailed by this run
        self.tally = SendTally()

    async def run(self, people: Sequence[Recipient], *, limit: int | None = None, wait: bool = False) -> SendTally:
        """Mail them, in their order. Ends when all are mailed, nothing more is due for now, or the run has to stop.

        Raises StateError where the state or the outbox cannot be written, as long as nobody was asked for.
        """
        queue = deque(people)
        try:
            await self._run(queue, limit=limit, wait=wait)
        except MigrateError as error:
            if not self._asked:
                raise
            # Mails are out: that is no run in which nothing was attempted. What is open the next run settles.
            self._over = error.code
            self.tally.warnings.append(str(error))
        self.tally.left = len(queue)
        self.tally.stopped = self._over or self._stop.reason
        return self.tally

    async def _run(self, queue: deque[Recipient], *, limit: int | None, wait: bool) -> None:
        while not self._stop:
            if self._over == QUOTA_SPENT and wait:
                self._over = None
                if not await self._wait(_QUOTA_PAUSE, queue):
                    break
            if self._over or not (queue or self._open) or (limit is not None and self._limited(limit) <= 0):
                break
            turn = self._turn()
            if self._open and (not queue or turn.at > self._clock.now()):
                queue.extendleft(await self._settle())
                if self._open:
                    break
                continue
            if turn.at > self._clock.now():
                self._close_file(turn)
                self.tally.next_at = turn.at
                if not wait or not await self._wait(turn.at - self._clock.now(), queue):
                    break
                continue
            self.tally.next_at = None
            room = min(turn.room, _CHUNK, len(queue), self._limited(limit) if limit is not None else _CHUNK)
            chunk = await self._with_password([queue.popleft() for _ in range(room)], queue)
            if chunk:
                await self._mail(chunk, turn, queue)
        if self._open and not self._stop:
            queue.extend(await self._settle())
        self._close_file(self._turn())

    async def _wait(self, seconds: float, queue: deque[Recipient]) -> bool:
        """Let time pass, and leave out who has come back meanwhile; False where the run is over."""
        if not await wait_or_stop(self._clock, seconds, self._stop):
            return False
        try:
            due = await self._still_due()
        except CallFailed as error:
            self._over = error.code
            return False
        left = [one for one in queue if one.workos_id in due]
        queue.clear()
        queue.extend(left)
        return True

    async def _with_password(self, chunk: list[Recipient], queue: deque[Recipient]) -> list[Recipient]:
        if self._without_password is None:
            return chunk
        try:
            without = await self._without_password(chunk)
        except SourceError as error:
            # Nobody is mailed on a guess.
            queue.extendleft(reversed(chunk))
            self._over = error.code
            self.tally.warnings.append(str(error))
            return []
        self.tally.passwordless += len(without)
        return [one for one in chunk if one.key not in without]

    def _limited(self, limit: int) -> int:
        return limit - self.tally.sent - self._doubtful - len(self._open)

    def _turn(self) -> Turn:
        email, now = self._email, self._clock.now()
        turn = next_turn(self._ledger.last_batch(), now, batch=email.batch, every=email.every)
        opens = self._calendar.next_open(turn.at)
        # The rest of a batch that the hours cut off may be overdue by the time they begin again.
        return turn if opens <= turn.at else Turn(opens, turn.room, turn.began)

    async def _mail(self, chunk: list[Recipient], turn: Turn, queue: deque[Recipient]) -> None:
        now = self._clock.now()
        # Commit before the call: a kill must leave evidence.
        self._ledger.intend(
            [(one.workos_id, one.key) for one in chunk], at=now, batch_at=turn.began, run_id=self._run_id
        )
        self._intents = dict.fromkeys((one.workos_id for one in chunk), now)
        self._issued = {}
        self._asked = True
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ask(one)) for one in chunk]
        except BaseExceptionGroup as errors:
            # The first one's fault, as if they had been asked for one after the other.
            raise errors.exceptions[0] from errors
        self._record(chunk, [task.result() for task in tasks], queue)

    def _record(self, chunk: list[Recipient], ends: list[_End], queue: deque[Recipient]) -> None:
        now = self._clock.now()
        by_end: dict[str, list[Recipient]] = {"sent": [], "withdrawn": [], "open": []}
        failed: list[tuple[Recipient, str]] = []
        for person, end in zip(chunk, ends, strict=True):
            if isinstance(end, tuple):
                failed.append((person, end[1]))
            else:
                by_end[end].append(person)
            if self._guard.count(failed=isinstance(end, tuple)):
                self._over = self._over or "max_failures"
        if self._outbox is not None:
            # Before the state says so: a link that is in no file would reach nobody.
            self._outbox.write([(one, self._issued[one.workos_id]) for one in by_end["sent"]], now)
        self._ledger.record(
            sent=[(one.workos_id, now) for one in by_end["sent"]],
            withdrawn=[one.workos_id for one in by_end["withdrawn"]],
            failed=[(one.workos_id, code) for one, code in failed],
        )
        self.tally.sent += len(by_end["sent"])
        self.tally.failures += [(one.key, code) for one, code in failed]
        self._open |= {one.workos_id: one for one in by_end["open"]}
        queue.extendleft(reversed(by_end["withdrawn"]))
        self._progress(self.tally.sent)

    async def _ask(self, person: Recipient) -> _End:
        async def ask_once() -> IssuedReset:
            if pause := self._addresses.delay(person.workos_id, self._clock.now()):
                await self._pause(pause)
            return await self._metered.write(lambda: self._request(person))

        async def pause_again(seconds: float) -> None:
            self._metered.requests.retried += 1
            await self._pause(seconds)

        tries = Tries(self._metered.rng)
        try:
            self._issued[person.workos_id] = await patiently(ask_once, tries, pause_again, again_after=(Transient,))
            return "sent"
        except _NotNow:
            return "withdrawn"
        except (QuotaSpent, Refused) as error:
            # The same for everybody, today or until a setting is changed.
            self._over = self._over or error.code
            return "withdrawn"
        except Terminal as error:
            return "failed", "gone" if error.status == 404 else error.code
        except Ambiguous:
            return "open"
        except Transient as error:
            return "failed", error.code

    async def _pause(self, seconds: float) -> None:
        if not await wait_or_stop(self._clock, seconds, self._stop):
            raise _NotNow

    async def _request(self, person: Recipient) -> IssuedReset:
        """Runs once the quota has given a slot, which may have taken minutes: the hours count now."""
        now = self._clock.now()
        if self._over or self._stop or not self._calendar.is_open(now):
            raise _NotNow
        if now - self._intents[person.workos_id] > _FRESH:
            self._ledger.postpone(person.workos_id, now)
            self._intents[person.workos_id] = now
        self._addresses.note(person.workos_id, now)
        return await self._target.request(person.email, self._email.locale)

    async def _settle(self) -> list[Recipient]:
        """Those of the open ones who were not mailed and may be asked for again, in no order."""
        try:
            back = set(await self._settler.settle())
        except Refused as error:
            self._over = self._over or error.code
            return []
        unsettled = {one.workos_id for one in self._ledger.open_intents()}
        again: list[Recipient] = []
        for workos_id, person in list(self._open.items()):
            if workos_id in back:
                self._rounds[workos_id] += 1
                if self._rounds[workos_id] < _ROUNDS:
                    again.append(person)
                else:
                    self.tally.failures.append((person.key, "unsettled"))
            elif workos_id in unsettled:
                self._doubtful += 1
            else:
                self.tally.sent += 1
            del self._open[workos_id]
        return again

    def _close_file(self, turn: Turn) -> None:
        if self._outbox is None:
            return
        expiry = self._outbox.earliest_expiry
        path = self._outbox.close()
        if path is None:
            return
        self.tally.files.append(str(path))
        last = self._ledger.last_batch()
        next_batch = max(turn.at, last.began + self._email.every if last else 0.0)
        if expiry is not None and expiry < next_batch:
            minutes = max(0, int((expiry - self._clock.now()) / 60))
            self.tally.warnings.append(
                f"the first links of {path.name} expire at {iso_moment(expiry)}, "
                f"before the next batch is due: send it within {minutes} minutes, or make smaller batches more often"
            )
