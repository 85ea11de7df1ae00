"""Carries out a plan: claims resources in the state, lets workers call, records what came of it. Of any kind.

Crash order: a claim is on disk before its call is made, an outcome only after its answer. Both go into the state in
batches, many resources a commit; a kill at any instant leaves at most the claimed ones open, and the next run looks
each of them up before it writes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from engine.model.call_errors import CallFailed, Refused
from engine.model.errors import MigrateError
from engine.model.outcomes import Claim, NotDone, Outcome
from engine.model.ports import Progress
from engine.model.store import Journal
from engine.quota.concurrency import MOST
from engine.quota.metered import CallsStopped, MeteredTarget
from engine.run.stopping import FailureGuard, Stop

_LOW_WATER = 128
_RECORD_EVERY = 128  # outcomes, or
_RECORD_AFTER = 0.1  # seconds, whichever comes first
# Calls in flight when a run is stopped get this long to end (seconds).
_GRACE = 10.0
_LISTED_FAILURES = 1000
# Refusals that may pass once others of phase 0 are done.
_WAITS = frozenset({"email_not_available"})
_T = TypeVar("_T")


class OnDisk(Protocol):
    """Runs a blocking call in the thread that owns the databases."""

    def __call__(self, call: Callable[[], _T], /) -> Awaitable[_T]: ...


class Work(Protocol):
    """One change to carry out; `operation` and `intent` are what its claim says."""

    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def intent(self) -> Mapping[str, object] | None: ...


_W = TypeVar("_W", bound=Work)
_W_contra = TypeVar("_W_contra", bound=Work, contravariant=True)


class WorkList(Protocol[_W]):
    """Where the changes of a kind come from, in lists of bounded length."""

    def work(self, phase: int) -> Iterator[list[_W]]:
        """Phase 0 frees what the others may be waiting for (users: an address); phase 1 is the rest."""
        ...


class Performs(Protocol[_W_contra]):
    """Carries out one change, with as many calls as it takes."""

    async def perform(self, work: _W_contra) -> tuple[Outcome, str]:
        """What the state has to record, and what the result counts.

        Raises Refused when the run must stop. Any other CallFailed leaves the claim open.
        """
        ...


@dataclass(slots=True)
class Tally:
    """What came of a run's changes: counts by the result's names, and the first failures."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[NotDone] = field(default_factory=list)
    failures_total: int = 0

    def add(self, outcome: Outcome, counts_as: str) -> None:
        """Count one outcome."""
        self.counts[counts_as] += 1
        if isinstance(outcome, NotDone) and counts_as in ("failed", "conflicts"):
            self.failures_total += 1
            if len(self.failures) < _LISTED_FAILURES:
                self.failures.append(outcome)


class Runner(Generic[_W]):
    """One run's execution. `run` returns when all is done or the run was stopped; `stop` says which."""

    def __init__(
        self,
        *,
        work: WorkList[_W],
        state: Journal,
        performer: Performs[_W],
        target: MeteredTarget,
        run_id: str,
        stop: Stop,
        guard: FailureGuard,
        progress: Progress,
    ) -> None:
        self._work = work
        self._state = state
        self._performer = performer
        self._target = target
        self._run_id = run_id
        self._stop = stop
        self._guard = guard
        self._progress = progress
        self._queue: asyncio.Queue[_W] = asyncio.Queue()
        self._ended: list[tuple[Outcome, str]] = []
        self._holding = False
        self._held: list[_W] = []  # claimed, and waiting for an address
        self._open = 0  # claimed, and not yet among the ended
        self._wake = asyncio.Event()
        self._fault: BaseException | None = None
        self.tally = Tally()

    async def run(self) -> Tally:
        """Carry out everything. Addresses that are given up come first: somebody else may be waiting for one.

        Raises what is not a user's fault: Refused, StateError, or a bug.
        """
        # SQLite's commits wait for the disk: in a thread of their own they hold nobody up.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="state") as disk:
            await self._free(disk)
            if not self._stop:
                await self._phase(self._work.work(1), disk)
        if self._fault is not None:
            raise self._fault
        return self.tally

    async def _free(self, disk: ThreadPoolExecutor) -> None:
        """Changes of address, over and over while that helps: one may wait for what another gives up."""
        self._holding = True
        batches = self._work.work(0)
        while not self._stop:
            before = self.tally.counts.total()
            await self._phase(batches, disk)
            held, self._held = self._held, []
            if not held:
                break
            # Nobody moved: they wait for each other, or for somebody who stays. Now it is said.
            self._holding = self.tally.counts.total() > before
            batches = iter([held])
        self._holding = False

    async def _phase(self, batches: Iterator[list[_W]], disk: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()

        def on_disk(call: Callable[[], _T]) -> Awaitable[_T]:
            return loop.run_in_executor(disk, call)

        workers: list[asyncio.Task[None]] = []
        watch = asyncio.create_task(self._watch_stop())
        more = True
        try:
            while more or self._open or self._ended:
                batch: list[_W] = []
                if more and not self._stop and self._queue.qsize() < _LOW_WATER:
                    batch = await on_disk(lambda: next(batches, []))
                    more = bool(batch)
                if self._stop:
                    break
                await self._advance(batch, on_disk)
                # No more than there is work for: most runs of most kinds have a handful of changes, or none.
                while len(workers) < min(MOST, self._open):
                    workers.append(asyncio.create_task(self._worker()))
                if more and self._queue.qsize() < _LOW_WATER:
                    continue
                await self._pause()
            if self._stop:
                await self._wind_down(workers, on_disk)
        except MigrateError as error:
            # The state cannot be written, so nothing more may begin. What is in flight stands there as claimed.
            self._stop.request(error.code)
            self._fault = self._fault or error
            self._target.stop()
        finally:
            watch.cancel()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(watch, *workers, return_exceptions=True)

    async def _advance(self, batch: list[_W], on_disk: OnDisk) -> None:
        ended, self._ended = self._ended, []
        outcomes = [outcome for outcome, _ in ended]
        claims = [Claim(work.kind, work.key, work.operation, work.intent) for work in batch]
        if outcomes or claims:
            await on_disk(lambda: self._state.advance(outcomes, claims, run_id=self._run_id))
        self._open += len(batch) - len(ended)
        for work in batch:
            self._queue.put_nowait(work)
        for outcome, counts_as in ended:
            self.tally.add(outcome, counts_as)
        if ended:
            self._progress(self.tally.counts.total())

    async def _pause(self) -> None:
        """Until there is enough to record, or work runs low, or some time has passed."""
        self._wake.clear()
        if len(self._ended) >= _RECORD_EVERY or len(self._ended) == self._open:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), _RECORD_AFTER)
        except TimeoutError:
            return

    async def _worker(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                ended = await self._performer.perform(work)
            except Refused as error:
                self._give_up(error)
                return
            except CallFailed as error:
                # No answer to one user's call says anything of the others.
                ended = NotDone(work.kind, work.key, "claimed", error.code, 1), "failed"
            except CallsStopped:
                # It stays claimed: an earlier try of it may have been done.
                return
            except Exception as error:
                # A bug of ours must stop the run, not vanish with its task.
                self._give_up(error)
                return
            if self._holding and isinstance(ended[0], NotDone) and ended[0].code in _WAITS:
                self._held.append(work)
                self._open -= 1
            else:
                self._ended.append(ended)
            if self._guard.count(failed=ended[1] == "failed"):
                self._stop.request("max_failures")
            if len(self._ended) >= _RECORD_EVERY or self._queue.empty() or len(self._ended) == self._open:
                self._wake.set()
            if self._stop:
                return

    def _give_up(self, error: Exception) -> None:
        self._fault = self._fault or error
        self._stop.request(error.code if isinstance(error, Refused) else "internal_error")
        self._wake.set()

    async def _watch_stop(self) -> None:
        await self._stop.event.wait()
        self._wake.set()

    async def _wind_down(self, workers: list[asyncio.Task[None]], on_disk: OnDisk) -> None:
        """Let calls in flight end, begin none, give back what was claimed and not begun."""
        self._target.stop()
        released: list[tuple[Outcome, str]] = []
        while not self._queue.empty():
            work = self._queue.get_nowait()
            released.append((NotDone(work.kind, work.key, "released", None), ""))
        calling = [worker for worker in workers if self._target.calling(worker)]
        for worker in workers:
            if worker not in calling:
                worker.cancel()
        if calling:
            await asyncio.wait(calling, timeout=_GRACE)
        outcomes = [outcome for outcome, _ in (*self._ended, *released)]
        await on_disk(lambda: self._state.advance(outcomes, [], run_id=self._run_id))
        for outcome, counts_as in self._ended:
            self.tally.add(outcome, counts_as)
        self._ended = []
