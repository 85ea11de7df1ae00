"""The port to what outlives a run. The state file is one; a remote store can be another, without SQL of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from engine.model.errors import LockHolder
from engine.model.outcomes import Claim, Orphan, Outcome, ResourceRow, StateIdentity


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a run leaves in the state beside its calls.

    `changed` replace or add rows. `orphaned` and `left_out` ((key, reason) of each) are the whole lists from now on.
    """

    changed: Iterable[ResourceRow] = ()
    orphaned: Iterable[Orphan] = ()
    left_out: Iterable[tuple[str, str]] = ()
    meta: Mapping[str, str] = field(default_factory=dict)


class Journal(Protocol):
    """Where the runner writes. Who calls it may do so from another thread, one call at a time."""

    def advance(self, outcomes: Sequence[Outcome], claims: Sequence[Claim], *, run_id: str) -> None:
        """Record outcomes and claim resources together. On return both are durable: they survive a kill of the process.

        Must be all or nothing. Raises `engine.model.errors.StateError` where it cannot be written.
        """
        ...


class Store(Journal, Protocol):
    """An open state; one writer at a time. Every writing method is all or nothing, and durable on return.

    Every method raises `engine.model.errors.StateError` for what is wrong with the store.
    """

    @property
    def identity(self) -> StateIdentity:
        """Whom this state belongs to."""
        ...

    @property
    def key(self) -> bytes:
        """The 32 secret bytes that fingerprints are made with."""
        ...

    def rows(self, kind: str | None = None, *, run_id: str | None = None) -> Iterator[ResourceRow]:
        """Rows in order of kind and key, one by one: all, those of a kind, or those that a run wrote last."""
        ...

    def orphaned(self) -> Iterator[Orphan]:
        """Users of WorkOS who are nobody's any more, in order of key."""
        ...

    def meta(self, name: str) -> str | None:
        """A word that a run has left for the next ones."""
        ...

    def note(self, texts: Mapping[str, str]) -> None:
        """Leave words for the next runs, by name."""
        ...

    def some_workos_ids(self) -> list[str]:
        """Up to 20 WorkOS ids of users that should exist, the newest first, to prove the environment with (rule 13)."""
        ...

    def has_converged(self) -> bool:
        """Whether any run has ended with everybody in place."""
        ...

    def settle(self, settlement: Settlement) -> None:
        """Bring the state in line after a run's calls."""
        ...

    def begin_run(self, run_id: str, command: str, started: float) -> None:
        """Note that a run has begun."""
        ...

    def end_run(self, run_id: str, ended: float, result: bytes) -> None:
        """Note how a run ended; `result` is its JSON without users in it."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...


class HeldLock(Protocol):
    """The lock of a state, while it is held."""

    def remove(self) -> None:
        """Leave nothing of the lock behind: nothing was attempted, and no state was made."""
        ...


class StatePlace(Protocol):
    """Where one plan's state is kept. Every method raises `engine.model.errors.StateError` for what is wrong there."""

    def lock(self, holder: LockHolder) -> AbstractContextManager[HeldLock]:
        """Be the only one who writes, until the context ends; whoever is refused is told of `holder`.

        Must free itself when its holder crashes. Raises `engine.model.errors.StateLocked` where it is held.
        """
        ...

    def holder(self) -> LockHolder | None:
        """Who holds the lock, or left it behind; None where nobody did."""
        ...

    def exists(self) -> bool:
        """Whether there is a state."""
        ...

    def read(self, identity: StateIdentity | None, *, checked: bool = False) -> Store | None:
        """The state for reading alone; None where there is none yet. One of an older version is read as upgraded.

        Must refuse another identity's. `checked`: this command has found it whole before.
        """
        ...

    def open(self, identity: StateIdentity, *, key: bytes, checked: bool = False) -> Store:
        """The state for a run that holds the lock; made, with this key, where there is none.

        Must refuse another identity's, upgrade one of an older version in one transaction, and keep a copy of that.
        """
        ...
