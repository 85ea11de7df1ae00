"""Reads several chains in threads and gives their pages to one consumer. Knows nothing of what a page holds."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Sleep = Callable[[float], object]

_AHEAD = 16  # pages that wait for the consumer at most: bounds memory
_PATIENCE_S = 0.2  # how often a thread that waits for the consumer looks whether it is still wanted


class ReadingStopped(Exception):
    """The consumer left; the threads end with this."""


class ReadingStop:
    """Ends the threads of one reading; its `sleep` is cut short by it."""

    def __init__(self, sleep: Sleep | None = None) -> None:
        self._event = threading.Event()
        self._sleep = sleep or self._event.wait

    def set(self) -> None:
        self._event.set()

    @property
    def wanted(self) -> bool:
        """Whether the stop was asked for."""
        return self._event.is_set()

    def sleep(self, seconds: float) -> None:
        """Wait; raises ReadingStopped when the reading ends meanwhile."""
        if not self.wanted:
            self._sleep(seconds)
        if self.wanted:
            raise ReadingStopped


@dataclass(frozen=True, slots=True)
class _Delivered(Generic[T]):
    content: T


def read_side_by_side(chains: Sequence[Iterable[T]], *, workers: int, stop: ReadingStop) -> Generator[T, None, None]:
    """The pages of all chains as they come. The first error ends all chains and is raised, once.

    Closing the iterator sets `stop`. Threads are daemons and are not waited for longer than a moment: one may be
    in a request that only its time-out ends, and nobody should wait for an answer that nobody wants.
    """
    waiting = deque(chains)
    pages: queue.Queue[_Delivered[T] | BaseException | None] = queue.Queue(_AHEAD)

    def put(item: _Delivered[T] | BaseException | None) -> None:
        while not stop.wanted:
            try:
                pages.put(item, timeout=_PATIENCE_S)
                return
            except queue.Full:
                continue
        raise ReadingStopped

    def work() -> None:
        try:
            for chain in _drain(waiting):
                for page in chain:
                    put(_Delivered(page))
            put(None)
        except ReadingStopped:
            pass
        except BaseException as error:
            # Raised in the consumer's thread, unless that has left or has another one already.
            with suppress(ReadingStopped):
                put(error)

    threads = [
        threading.Thread(target=work, name=f"cognito-chain-{number}", daemon=True)
        for number in range(min(workers, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            item = pages.get()
            if item is None:
                running -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item.content
    finally:
        stop.set()
        deadline = time.monotonic() + 2 * _PATIENCE_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _drain(waiting: deque[T]) -> Iterator[T]:
    while True:
        try:
            yield waiting.popleft()
        except IndexError:
            return
