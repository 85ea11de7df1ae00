"""People of a snapshot beside the WorkOS users who should be them: what `verify` compares."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.model.users import TargetUser
from engine.resources.users.changes import Desired
from engine.snapshot.plan_table import PlanTable, load_target

_SAMPLE = "CREATE TEMP TABLE checked AS SELECT sub, external_id, email FROM person ORDER BY random() LIMIT ?"
# Linked records have an address of their own beside that of their person, so `record_address` does not serve.
_EMAILS = "CREATE INDEX person_email ON record (email) WHERE reason IS NULL AND primary_sub IS NULL"
_ALL = "CREATE TEMP VIEW checked AS SELECT sub, external_id, email FROM person"
_PAIRS = """
SELECT r.sub, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins),
    x.user, e.user, coalesce(k.created_here, 0)
FROM checked c JOIN record r ON r.sub = c.sub
LEFT JOIN target x ON x.id = (SELECT min(id) FROM target WHERE external_id = r.external_id)
LEFT JOIN target e ON e.id = (SELECT min(id) FROM target WHERE email = r.email)
LEFT JOIN known.users k ON k.sub = r.sub
ORDER BY r.sub
"""
_EXTRA = """
SELECT count(*) FROM target t
WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.external_id = t.external_id)
  AND NOT EXISTS (SELECT 1 FROM person p WHERE p.email = t.email)
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """One person, and who WorkOS has under their external ID and under their address."""

    desired: Desired
    ours: TargetUser | None
    same_address: TargetUser | None
    created_here: bool


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
        """Everyone to check, in order of sub; to be called once all targets are stored."""
        self._table.index_targets()
        cursor = self._connection.execute(_PAIRS)
        while rows := cursor.fetchmany(500):
            for row in rows:
                yield Pair(self._table.desired(row[:6]), load_target(row[6]), load_target(row[7]), bool(row[8]))

    def count_extra(self) -> int:
        """WorkOS users who are nobody's of the people."""
        self._connection.execute(_EMAILS)
        return int(self._connection.execute(_EXTRA).fetchone()[0])
