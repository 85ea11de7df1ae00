"""A target with the quota around it: every call waits for its slot and is counted; reads are tried again.

Writes are not tried again here: who repeats a write has to look first, and that is the business of its caller.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from engine.model.call_errors import Ambiguous, CallFailed, Terminal, Throttled
from engine.model.ports import Clock, UserChanges, UserTarget
from engine.model.retries import TRIES, Tries, patiently
from engine.model.users import TargetUser
from engine.quota.budget import Quota, RequestKind
from engine.quota.concurrency import InFlight

_T = TypeVar("_T")


class CallsStopped(Exception):
    """The run is being stopped; the call was not made."""


@dataclass(slots=True)
class Requests:
    """Requests sent in a run. `throttled` were answered with 429; `retried` repeated an earlier one."""

    writes: int = 0
    reads: int = 0
    throttled: int = 0
    retried: int = 0

    def to_json(self) -> dict[str, int]:
        """As every result has them."""
        return {
            "writes": self.writes,
            "reads": self.reads,
            "throttled": self.throttled,
            "retried": self.retried,
        }


class MeteredTarget:
    """`UserTarget` around another one. Reads raise only when their tries are used up."""

    def __init__(
        self, target: UserTarget, quota: Quota, *, clock: Clock, rng: random.Random, in_flight: InFlight | None = None
    ) -> None:
        self._target = target
        self._quota = quota
        self._clock = clock
        self._in_flight = in_flight or InFlight()
        self._calling: set[asyncio.Task[object] | None] = set()
        self._stopped = False
        self.rng = rng
        # Fewer suit a first contact: somebody waits to be told that an address is wrong.
        self.read_tries = TRIES
        self.requests = Requests()

    async def create(self, user: Mapping[str, object]) -> TargetUser:
        """See the port."""
        return await self._once("write", lambda: self._target.create(user))

    async def update(self, user_id: str, changes: UserChanges) -> TargetUser:
        """See the port."""
        return await self._once("write", lambda: self._target.update(user_id, changes))

    async def get(self, user_id: str) -> TargetUser | None:
        """See the port."""
        return await self._patiently(lambda: self._target.get(user_id))

    async def find_by_external_id(self, external_id: str) -> TargetUser | None:
        """See the port."""
        return await self._patiently(lambda: self._target.find_by_external_id(external_id))

    async def find_by_email(self, email: str) -> TargetUser | None:
        """See the port."""
        return await self._patiently(lambda: self._target.find_by_email(email))

    async def count_identities(self, user_id: str) -> int:
        """See the port."""
        return await self._patiently(lambda: self._target.count_identities(user_id))

    async def count_factors(self, user_id: str) -> int:
        """See the port."""
        return await self._patiently(lambda: self._target.count_factors(user_id))

    async def resets_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        """See the port."""
        return await self._patiently(lambda: self._target.resets_page(since, until, after))

    async def delete(self, user_id: str) -> None:
        """See the port."""
        await self._once("write", lambda: self._target.delete(user_id))

    async def list_page(self, after: str | None) -> tuple[Sequence[TargetUser], str | None]:
        """See the port."""
        return await self._patiently(lambda: self._target.list_page(after))

    async def deleted_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        """See the port."""
        return await self._patiently(lambda: self._target.deleted_page(since, until, after))

    async def write(self, call: Callable[[], Awaitable[_T]], kind: RequestKind = "write") -> _T:
        """Any other write under the same quota. `call` runs once its slot is free; it is not tried again."""
        return await self._once(kind, call)

    async def read(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Any other read under the same quota, tried again as reads are."""
        return await self._patiently(call)

    async def close(self) -> None:
        """See the port."""
        await self._target.close()

    async def pause(self, seconds: float) -> None:
        """Wait before another try, and count it."""
        self.requests.retried += 1
        await self._clock.sleep(seconds)

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        # A read changes nothing, so one that may have been done is as good as one that was not.
        return await patiently(lambda: self._once("read", call), Tries(self.rng, tries=self.read_tries), self.pause)

    def stop(self) -> None:
        """Begin no further call: from now on each raises CallsStopped. Calls in flight go on to their end."""
        self._stopped = True

    def calling(self, task: asyncio.Task[None]) -> bool:
        """Whether this task waits for an answer right now."""
        return task in self._calling

    async def _once(self, kind: RequestKind, call: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await self._admitted(kind, call)
        except CallFailed as error:
            # A write that may have been done stays one: who made it has to know.
            if kind == "read" or not isinstance(error, Ambiguous):
                suspended = self._quota.suspended()
                if suspended is not None:
                    raise suspended from error
            raise

    async def _admitted(self, kind: RequestKind, call: Callable[[], Awaitable[_T]]) -> _T:
        # The quota first: a write that waits for its window must not hold a place that a read could use.
        await self._quota.enter(kind)
        error: CallFailed | None = None
        latency: float | None = None
        try:
            await self._in_flight.enter()
            try:
                if self._stopped:
                    raise CallsStopped
                started = self._clock.monotonic()
                answer = await self._counted(kind, call)
                latency = self._clock.monotonic() - started
                return answer
            except CallFailed as failed:
                error = failed
                raise
            finally:
                self._in_flight.leave(latency)
        finally:
            throttled = isinstance(error, Throttled)
            self.requests.throttled += throttled
            self._quota.leave(
                kind,
                throttled=throttled,
                retry_after=error.retry_after if error else None,
                answered=latency is not None or isinstance(error, Terminal),
            )

    async def _counted(self, kind: RequestKind, call: Callable[[], Awaitable[_T]]) -> _T:
        if kind != "read":
            self.requests.writes += 1
        else:
            self.requests.reads += 1
        task = asyncio.current_task()
        self._calling.add(task)
        try:
            return await call()
        finally:
            self._calling.discard(task)
