"""A state that is kept in memory, as a remote store would keep it: rows, words and a lock, without SQL of ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType

from engine.model.errors import LockHolder, StateError, StateLocked
from engine.model.keys import USER
from engine.model.outcomes import Claim, Done, NotDone, Orphan, Outcome, ResourceRow, StateIdentity
from engine.model.store import Settlement


@dataclass
class Kept:
    """What outlives a process: rows by kind and key, orphans by WorkOS id, who was left out, words, runs."""

    identity: StateIdentity
    key: bytes
    rows: dict[tuple[str, str], ResourceRow] = field(default_factory=dict)
    orphaned: dict[str, Orphan] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    runs: dict[str, tuple[str, float, float | None, bytes | None]] = field(default_factory=dict)


class MemoryLock:
    """See the port."""

    def remove(self) -> None:
        """Nothing of it lies anywhere."""


class MemoryPlace:
    """The port `engine.model.store.StatePlace` on nothing but Python's own."""

    def __init__(self) -> None:
        self._kept: Kept | None = None
        self._holder: LockHolder | None = None

    @contextmanager
    def lock(self, holder: LockHolder) -> Iterator[MemoryLock]:
        """See the port."""
        if self._holder is not None:
            raise StateLocked("in memory", self._holder)
        self._holder = holder
        try:
            yield MemoryLock()
        finally:
            self._holder = None

    def holder(self) -> LockHolder | None:
        """See the port."""
        return self._holder

    def exists(self) -> bool:
        """See the port."""
        return self._kept is not None

    def read(self, identity: StateIdentity | None, *, checked: bool = False) -> MemoryStore | None:
        """See the port."""
        if self._kept is None:
            return None
        if identity is not None and identity != self._kept.identity:
            raise StateError("the state belongs to another plan", remedy="name it so", code="state_of_another_plan")
        return MemoryStore(self._kept)

    def open(self, identity: StateIdentity, *, key: bytes, checked: bool = False) -> MemoryStore:
        """See the port."""
        found = self.read(identity)
        if found is not None:
            return found
        self._kept = Kept(identity, key)
        return MemoryStore(self._kept)


class MemoryStore:
    """The port `engine.model.store.Store`."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.identity, self.key = kept.identity, kept.key

    def advance(self, outcomes: Sequence[Outcome], claims: Sequence[Claim], *, run_id: str) -> None:
        """See the port."""
        for one in outcomes:
            if isinstance(one, Done):
                self._done(one, run_id)
            else:
                self._not_done(one, run_id)
        for claim in claims:
            was = self._row(claim.kind, claim.key)
            again = was.status == "claimed" and was.operation == claim.operation
            self._keep(was._replace(
                status="claimed", operation=claim.operation, run_id=run_id, error_code=None, attempts=was.attempts + 1,
                changed_at=was.changed_at if again else time.time(),
                detail=json.dumps(dict(claim.detail)) if claim.detail else was.detail,
            ))  # fmt: skip

    def _done(self, one: Done, run_id: str) -> None:
        was = self._row(one.kind, one.key)
        self._keep(was._replace(
            workos_id=one.workos_id, status="done", operation=one.operation, fingerprint=one.fingerprint,
            fields=json.dumps(dict(one.fields)), verified=int(one.verified), created_here=int(one.created_here),
            flagged=max(was.flagged, int(one.flagged)), stamp=one.stamp, attempts=one.attempts, run_id=run_id,
            changed_at=time.time(), detail=json.dumps(dict(one.detail)) if one.detail else None, error_code=None,
            relation="primary", primary_key=None, left_source=0,
        ))  # fmt: skip

    def _not_done(self, one: NotDone, run_id: str) -> None:
        was, at = self._row(one.kind, one.key), (one.kind, one.key)
        if one.status == "removed":
            self._kept.orphaned.pop(one.leftover or "", None)
            self._drop(lambda row: (row.kind, row.primary_key) == at and row.workos_id == was.workos_id)
            self._kept.rows.pop(at, None)
            return
        if one.leftover:
            self._kept.orphaned[one.leftover] = Orphan(one.leftover, one.key, run_id)
        if one.status != "released":
            still = was.status == one.status == "claimed"
            self._keep(was._replace(
                status=one.status, error_code=one.code, attempts=one.attempts, run_id=run_id, left_source=0,
                changed_at=was.changed_at if still else time.time(),
            ))  # fmt: skip
        elif was.status == "claimed" and was.workos_id is None and was.attempts <= 1:
            del self._kept.rows[at]
        elif was.status == "claimed" and was.workos_id is not None:
            began = self._kept.runs.get(was.run_id or "", ("", 0.0))[1]
            if (was.changed_at or 0.0) >= began:
                self._keep(was._replace(status="done"))

    def _row(self, kind: str, key: str) -> ResourceRow:
        return self._kept.rows.get((kind, key)) or ResourceRow(kind, key)

    def _keep(self, row: ResourceRow) -> None:
        self._kept.rows[row.kind, row.key] = row

    def _drop(self, goes: Callable[[ResourceRow], bool]) -> None:
        for at in [at for at, row in self._kept.rows.items() if goes(row)]:
            del self._kept.rows[at]

    def rows(self, kind: str | None = None, *, run_id: str | None = None) -> Iterator[ResourceRow]:
        """See the port."""
        for _, row in sorted(self._kept.rows.items()):
            if kind in (None, row.kind) and run_id in (None, row.run_id):
                yield row

    def orphaned(self) -> Iterator[Orphan]:
        """See the port."""
        yield from sorted(self._kept.orphaned.values(), key=lambda one: (one.key, one.workos_id))

    def meta(self, name: str) -> str | None:
        """See the port."""
        return self._kept.meta.get(name)

    def note(self, texts: Mapping[str, str]) -> None:
        """See the port."""
        self._kept.meta.update(texts)

    def some_workos_ids(self) -> list[str]:
        """See the port."""
        found = [row for row in self.rows(USER) if row.workos_id is not None and row.status == "done"]
        found.sort(key=lambda row: row.changed_at or 0.0, reverse=True)
        return [row.workos_id for row in found[:20] if row.workos_id is not None]

    def has_converged(self) -> bool:
        """See the port."""
        return any(json.loads(result or b"{}").get("converged") for *_, result in self._kept.runs.values())

    def settle(self, settlement: Settlement) -> None:
        """See the port."""
        for row in list(settlement.changed):
            self._keep(row)
        self._kept.orphaned = {one.workos_id: one for one in settlement.orphaned}
        self._kept.left_out = dict(settlement.left_out)
        self._kept.meta.update(settlement.meta)

    def begin_run(self, run_id: str, command: str, started: float) -> None:
        """See the port."""
        self._kept.runs[run_id] = (command, started, None, None)

    def end_run(self, run_id: str, ended: float, result: bytes) -> None:
        """See the port."""
        command, started, *_ = self._kept.runs[run_id]
        self._kept.runs[run_id] = (command, started, ended, result)

    def close(self) -> None:
        """See the port."""

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
