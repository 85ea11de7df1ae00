"""People of a snapshot beside the WorkOS users who should be them: what `verify` compares."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.model.users import TargetUser
from engine.resources.users.changes import Desired
from engine.snapshot.plan_table import PlanTable
from engine.snapshot.rows import named
from engine.snapshot.targets import load_target

_SAMPLE = "CREATE TEMP TABLE checked AS SELECT * FROM person ORDER BY random() LIMIT ?"
# Linked records have an address of their own beside that of their person, so `record_address` does not serve.
_EMAILS = "CREATE INDEX person_email ON record (email) WHERE reason IS NULL AND primary_key IS NULL"
_ALL = "CREATE TEMP VIEW checked AS SELECT * FROM person"
_PAIRS = """
SELECT r.key, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins) AS password,
    t.user, coalesce(k.created_here, 0) AS created_here,
    EXISTS (SELECT 1 FROM waiting w WHERE w.key = r.key) AS waits
FROM checked r
LEFT JOIN target t ON t.id = coalesce(
    (SELECT min(id) FROM target WHERE external_id = r.external_id), (SELECT min(id) FROM target WHERE email = r.email)
)
LEFT JOIN known_user k ON k.key = r.key
ORDER BY r.key
"""
_EXTRA = """
SELECT count(*) FROM target t
WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.external_id = t.external_id)
  AND NOT EXISTS (SELECT 1 FROM person p WHERE p.email = t.email)
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """One person, and whom WorkOS has under their external ID, else under their address."""

    desired: Desired
    held: TargetUser | None
    created_here: bool
    waits: bool = False  # it is not their turn


class _RecordRow(NamedTuple):
    key: str
    email: str
    verified: int
    fields: bytes
    invalid: bytes | None
    password: int
    user: bytes | None
    created_here: int
    waits: int


class Pairs:
    """The people to check, all or a sample of them."""

    def __init__(self, connection: sqlite3.Connection, table: PlanTable, *, sample: int | None) -> None:
        self._connection = connection
        self._table = table
        if sample is None:
            connection.execute(_ALL)
        else:
            connection.execute(_SAMPLE, (sample,))

    def wanted(self) -> Iterator[tuple[str, str]]:
        """(external ID, address) of everyone to check."""
        yield from self._connection.execute("SELECT external_id, email FROM checked WHERE external_id IS NOT NULL")

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        """Keep what WorkOS holds."""
        self._table.store_targets(users)

    def pairs(self) -> Iterator[Pair]:
        """Everyone to check, in order of key; to be called once all targets are stored."""
        self._table.index_targets()
        cursor = named(self._connection, _RecordRow, _PAIRS)
        while rows := cursor.fetchmany(500):
            for row in rows:
                held, waits = load_target(row.user), bool(row.waits)
                yield Pair(self._table.desired(row), held, bool(row.created_here), waits)

    def count_extra(self) -> int:
        """WorkOS users who are nobody's of the people."""
        self._connection.execute(_EMAILS)
        return int(self._connection.execute(_EXTRA).fetchone()[0])
