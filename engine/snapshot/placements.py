"""Which organizations the records of a snapshot belong to, and the memberships that their people are to have.

The rules are `engine.resources.memberships.placements`; here they are kept on disk, so that memory stays bounded.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterator
from typing import NamedTuple

import orjson

from engine.model.users import SourceUser
from engine.plan_file.organizations import Placement
from engine.resources.memberships.placements import (
    Placed,
    PlacedRecord,
    Placer,
    RecordPlacements,
    desired_memberships,
)
from engine.resources.organizations.desired import DesiredOrganizations
from engine.snapshot.rows import named

_PLACEMENT = """
CREATE TABLE placement (
    record INTEGER NOT NULL,       -- id of the very delivery
    organization TEXT,             -- null: it has a group or value, and the plan skips it
    precedence INTEGER, ordinal INTEGER NOT NULL, roles BLOB NOT NULL,
    implied INTEGER NOT NULL       -- by an SSO connection alone
)
"""
_MEMBERSHIPS = """
CREATE TABLE membership (
    person TEXT NOT NULL,          -- key of the user
    organization TEXT NOT NULL, roles TEXT NOT NULL, enabled INTEGER NOT NULL, implied INTEGER NOT NULL,
    PRIMARY KEY (person, organization)
) WITHOUT ROWID
"""
_INSERT = "INSERT INTO placement (record, organization, precedence, ordinal, roles, implied) VALUES (?, ?, ?, ?, ?, ?)"
# Everybody who is selected, so that who has none gets the default.
_RECORDS = """
SELECT coalesce(r.primary_key, r.key) AS person, r.id, r.relation, r.enabled,
    p.organization, p.precedence, p.ordinal, p.roles, p.implied
FROM record r LEFT JOIN placement p ON p.record = r.id
WHERE r.reason IS NULL AND r.skipped = 0
ORDER BY person, r.id, p.ordinal
"""
_MEMBERSHIP = "INSERT INTO membership (person, organization, roles, enabled, implied) VALUES (?, ?, ?, ?, ?)"
_BATCH = 2000


class _Row(NamedTuple):
    person: str
    id: int
    relation: str
    enabled: int
    organization: str | None
    precedence: int | None
    ordinal: int | None
    roles: bytes | None
    implied: int | None


class Placements:
    """The placements of one snapshot. `desired` learns what the organizations are to hold."""

    def __init__(
        self, connection: sqlite3.Connection, desired: DesiredOrganizations, default: Placement | None
    ) -> None:
        self._connection = connection
        self._desired = desired
        self._default = default
        self._rows: list[tuple[object, ...]] = []
        connection.execute(_PLACEMENT)
        make_membership_tables(connection)

    def place(self, placer: Placer, record: int, user: SourceUser, providers: Collection[str]) -> RecordPlacements:
        """Keep where one record belongs; written in batches, the last by `flush`."""
        found = placer.place(user, providers)
        for one in found.placed:
            self._desired.need(one.placement, one.order)
            roles = orjson.dumps(one.placement.roles)
            self._rows.append((record, one.placement.organization, one.precedence, one.order, roles, one.implied))
        if found.named and not found.placed:
            self._rows.append((record, None, None, 0, b"[]", False))
        if len(self._rows) >= _BATCH:
            self.flush()
        return found

    def flush(self) -> None:
        """Write what was kept since the last time."""
        self._connection.executemany(_INSERT, self._rows)
        self._rows.clear()

    def settle(self) -> None:
        """Every person's memberships, once records have become people."""
        self.flush()
        self._connection.execute("CREATE INDEX placement_record ON placement (record)")
        self._connection.execute("BEGIN")
        rows = self._memberships()
        while batch := list(itertools.islice(rows, _BATCH)):
            self._connection.executemany(_MEMBERSHIP, batch)
        self._connection.execute("COMMIT")

    def _memberships(self) -> Iterator[tuple[object, ...]]:
        # Read whole persons ahead of what is written: the cursor looks at other tables.
        rows = named(self._connection, _Row, _RECORDS)
        for person, group in itertools.groupby(rows, key=lambda row: row.person):
            records = [_record(list(each)) for _, each in itertools.groupby(group, key=lambda row: row.id)]
            wanted = desired_memberships(records, self._default)
            if self._default is not None and any(one.organization == self._default.organization for one in wanted):
                self._desired.need(self._default, 1 << 30)
            for one in wanted:
                yield person, one.organization, orjson.dumps(one.roles).decode(), one.enabled, one.implied


def make_membership_tables(connection: sqlite3.Connection) -> None:
    """The table of memberships that are wanted: empty where the plan asks for none."""
    connection.execute(_MEMBERSHIPS)


def _record(rows: list[_Row]) -> PlacedRecord:
    first = rows[0]
    placed = tuple(
        Placed(
            Placement(one.organization, roles=tuple(orjson.loads(one.roles or b"[]"))),
            one.precedence,
            one.ordinal,
            bool(one.implied),
        )
        for one in rows
        if one.organization is not None and one.ordinal is not None
    )
    named = first.ordinal is not None
    return PlacedRecord(placed, named, enabled=bool(first.enabled), counts=first.relation != "unverified")
