"""A snapshot beside a state, driven the way `prepare` and `apply` drive them, with WorkOS as a fake."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from engine.model.keys import NO_POOL, sub_of, user_key
from engine.model.outcomes import StateIdentity
from engine.model.users import SourceUser
from engine.plan_file.model import Attributes, Duplicates, Filters, Limits
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change
from engine.resources.users.discovery import discover
from engine.resources.users.mapper import Mapper, Mappers
from engine.resources.users.plan import PlanSummary, compute_plan
from engine.resources.users.planner import Planner
from engine.run.preparation import know
from engine.snapshot import database
from engine.snapshot.ingest import Ingest
from engine.snapshot.known import refresh_known
from engine.snapshot.people import merge_people
from engine.snapshot.plan_table import PlanTable
from engine.snapshot.reconcile import count_left_source, reconcile, settlement
from engine.state.file import StateFile
from tests.support.fake_source import FakeSource
from tests.support.fake_target import FakeTarget
from tests.support.state_rows import user_rows

IDENTITY = StateIdentity("plan", NO_POOL, "https://api.example client_1")
KEY = b"k" * 32


class World:
    """`plan` reads the users and decides; `apply` carries the plan out as the runner would, with no faults."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.target = FakeTarget()
        self.marks = Fingerprints(KEY)
        self.state_path = folder / "state.db"
        self.snapshot_path = folder / "snapshot.db"
        self.options = options
        self.connection: sqlite3.Connection | None = None
        self.table: PlanTable | None = None
        self.runs = 0

    def read(self, users: Sequence[SourceUser], **more: Any) -> sqlite3.Connection:
        """A sealed snapshot of these users."""
        self.close()
        connection = self.connection = database.create(self.snapshot_path)
        attributes, duplicates, filters = (
            self.options.get("attributes", Attributes()),
            self.options.get("duplicates", Duplicates()),
            self.options.get("filters", Filters()),
        )
        mapper = Mapper(attributes, Limits())
        source = more.get("source") or FakeSource(users=users, size=2)
        ingest = Ingest(connection, filters=filters, mapper=mapper, fingerprints=self.marks)
        inline = more.get("inline_groups", True)
        ingest.read(source, inline_groups=inline, progress=lambda _: None, placing=more.get("placing"))
        merge_people(connection, duplicates=duplicates, mappers=Mappers({NO_POOL: mapper}), fingerprints=self.marks)
        flags = self.options.get("flags", {})
        self.table = PlanTable(connection, defaults=lambda _: mapper.defaults, flags=flags)
        return connection

    async def plan(self, *users: SourceUser) -> PlanSummary:
        connection = self.read(users)
        assert self.table is not None
        state = StateFile.read(self.state_path, IDENTITY)
        with state or nullcontext():
            know(connection, state)
        self.table.prepare()
        self.table.settle_unchanged()
        await discover(self.table, self.target, progress=lambda _: None)
        planner = Planner(self.marks, existing_users=self.options.get("existing_users", "adopt"))
        return compute_plan(self.table, planner)

    async def apply(self, *users: SourceUser) -> dict[str, tuple[str, str | None]]:
        """Plan, carry out, record. What was decided: sub to (action, code)."""
        from engine.quota.metered import MeteredTarget
        from engine.resources.users.performer import Performer
        from tests.support.metered import metered

        await self.plan(*users)
        decided = self.decided()
        target: MeteredTarget = metered(self.target)
        planner = Planner(self.marks, existing_users=self.options.get("existing_users", "adopt"))
        performer = Performer(target, planner, self.marks, target._clock)
        self.runs += 1
        assert self.table is not None
        with StateFile.open(self.state_path, IDENTITY, key=KEY) as state:
            for phase in (0, 1):
                for batch in self.table.work(phase):
                    outcomes = [(await performer.perform(work))[0] for work in batch]
                    state.advance(outcomes, [], run_id=f"run-{self.runs}")
            assert self.connection is not None
            refresh_known(self.connection, state.rows(run_id=f"run-{self.runs}"), state.orphaned())
            reconcile(self.connection, run_id=f"run-{self.runs}", now=1_700_000_000.0 + self.runs)
            state.settle(settlement(self.connection, {}))
        return decided

    def decided(self) -> dict[str, tuple[str, str | None]]:
        assert self.connection is not None
        rows = self.connection.execute("SELECT key, action, code FROM change ORDER BY key")
        return {sub_of(key): (action, code) for key, action, code in rows}

    def changes(self) -> list[Change]:
        assert self.table is not None
        return [work.change for phase in (0, 1) for batch in self.table.work(phase) for work in batch]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the snapshot, with subs in place of keys."""
        assert self.connection is not None
        pool = user_key(NO_POOL, "")
        return [
            tuple(one.removeprefix(pool) if isinstance(one, str) else one for one in row)
            for row in self.connection.execute(query)
        ]

    def state(self, query: str) -> list[tuple[Any, ...]]:
        return user_rows(self.state_path, query)

    def left_source(self) -> int:
        assert self.connection is not None
        return count_left_source(self.connection)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
