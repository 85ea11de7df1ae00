"""Records that share an address become one person, group by group, on disk (rules 4 and 5)."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from engine.plan_file.model import Duplicates
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.duplicates import merge, rank
from engine.resources.users.mapper import MappedRecord, Mappers
from engine.snapshot import database
from engine.snapshot.rows import named

# A provider's profile belongs to the native user who names the same identity, whatever address either has; one that
# has none of its own, or whose provider the plan skips, is no longer excluded for that. Within one pool alone: another
# pool's provider of that name may be somebody else. A placeholder is no address to be found under.
_LINK = """
CREATE INDEX identity_user ON identity (provider, user_id);
CREATE TEMP TABLE owner AS
    SELECT i.provider, i.user_id, min(r.key) AS key, substr(r.key, 1, instr(r.key, '/')) AS pool,
        r.placeholder AS placeholder
    FROM identity i JOIN record r ON r.id = i.record
    WHERE r.native AND r.reason IS NULL AND r.skipped = 0 GROUP BY i.provider, i.user_id, pool;
CREATE UNIQUE INDEX temp.owner_user ON owner (provider, user_id, pool);
CREATE TEMP TABLE link (id INTEGER PRIMARY KEY, native_key TEXT NOT NULL);
INSERT INTO link
    SELECT r.id, min(o.key) FROM identity i JOIN owner o ON o.provider = i.provider AND o.user_id = i.user_id
        AND (r.placeholder OR NOT o.placeholder) AND o.pool = substr(r.key, 1, instr(r.key, '/'))
    JOIN record r ON r.id = i.record
    WHERE NOT r.native AND r.skipped = 0
        AND (r.reason IS NULL OR r.reason IN ('no_email', 'invalid_email', 'provider')) GROUP BY r.id;
UPDATE record SET reason = NULL, linked_to = link.native_key, address = n.email
FROM link JOIN record n ON n.key = link.native_key WHERE record.id = link.id;
DROP TABLE temp.owner;
DROP TABLE temp.link;
"""
_GROUPS = """
SELECT address, key, username, created, native, provider, email, verified, fields, invalid, linked_to, joins,
    placeholder
FROM record
WHERE reason IS NULL AND skipped = 0 AND address IN (
    SELECT address FROM record WHERE reason IS NULL AND skipped = 0 GROUP BY address HAVING count(*) > 1
) ORDER BY address
"""


class _GroupedRow(NamedTuple):
    address: str
    key: str
    username: str
    created: float
    native: int
    provider: str | None
    email: str | None
    verified: int
    fields: bytes
    invalid: bytes | None
    linked_to: str | None
    joins: int
    placeholder: int


def merge_people(
    connection: sqlite3.Connection,
    *,
    duplicates: Duplicates,
    mappers: Mappers,
    fingerprints: Fingerprints,
    decided: Collection[str] = (),
) -> None:
    """Settle who stands for each address. Under `strategy: error` each record of a group is a conflict.

    `decided` are the keys that the plan's decisions put first.
    """
    connection.executescript(_LINK)
    connection.execute("BEGIN")
    rows = named(connection, _GroupedRow, _GROUPS)
    for address, group in itertools.groupby(rows, key=lambda row: row.address):
        found = list(group)
        records = [_record(row) for row in found]
        linked = {row.key for row in found if row.linked_to is not None}
        settled = any(record.sub in decided for record in records)
        apart = len(records) - len(linked) > 1
        # Somebody else has the address that was made up for a user, or one sub stands in two pools: no one person.
        made_up = apart and any(row.placeholder and row.key not in linked for row in found)
        if made_up or (duplicates.strategy == "error" and apart and not settled):
            _refuse(connection, records)
        else:
            _merge(connection, _PersonRecords(address, records, linked), duplicates, mappers, fingerprints, decided)
    _refuse_shared_external_ids(connection)
    connection.execute("COMMIT")
    database.complete(connection)


@dataclass(frozen=True, slots=True)
class _PersonRecords:
    """Records that are one person; `linked` are the keys of provider profiles linked to a native one of them."""

    address: str
    records: list[MappedRecord]
    linked: set[str]


def _merge(
    connection: sqlite3.Connection,
    group: _PersonRecords,
    duplicates: Duplicates,
    mappers: Mappers,
    fingerprints: Fingerprints,
    decided: Collection[str],
) -> None:
    # Who has another address is linked to one who has this, and never stands for the person.
    ranked = sorted(group.records, key=lambda one: (one.email != group.address, *rank(one, duplicates.prefer, decided)))
    person = merge(ranked, allow_unverified=duplicates.allow_unverified, linked=group.linked)
    first = ranked[0]
    connection.execute(
        "UPDATE record SET fields = ?, invalid = ?, fingerprint = ?, email_mark = ?, password = ?, joins = ? "
        "WHERE key = ?",
        (
            orjson.dumps(person.fields, option=orjson.OPT_SORT_KEYS),
            orjson.dumps(person.invalid) if person.invalid else None,
            fingerprints.whole(group.address, first.verified, mappers.of(first.sub).with_defaults(person.fields)),
            fingerprints.field("email", group.address),
            person.had_password,
            person.joins_resets,
            first.sub,
        ),
    )
    connection.executemany(
        "UPDATE record SET primary_key = ?, relation = ?, fingerprint = NULL WHERE key = ?",
        [(first.sub, relation, record.sub) for record, relation in zip(ranked[1:], person.relations[1:], strict=True)],
    )


def _refuse(connection: sqlite3.Connection, records: Iterable[MappedRecord]) -> None:
    connection.executemany(
        "UPDATE record SET invalid = ?, fingerprint = NULL WHERE key = ?",
        [(orjson.dumps({"email": "duplicate"}), record.sub) for record in records],
    )


def _refuse_shared_external_ids(connection: sqlite3.Connection) -> None:
    """Two people with one external ID (it was mapped from another attribute than sub): neither can have it."""
    connection.execute(
        """
        UPDATE record SET invalid = ?, fingerprint = NULL
        WHERE reason IS NULL AND primary_key IS NULL AND skipped = 0 AND external_id IN (
            SELECT external_id FROM person WHERE external_id IS NOT NULL GROUP BY external_id HAVING count(*) > 1
        )
        """,
        (orjson.dumps({"external_id": "shared"}),),
    )


def _record(row: _GroupedRow) -> MappedRecord:
    return MappedRecord(
        sub=row.key,  # with its pool: who comes first does not depend on which pool was read first
        username=row.username,
        created=row.created,
        native=bool(row.native),
        provider=row.provider,
        email=row.email,
        verified=bool(row.verified),
        fields=orjson.loads(row.fields),
        invalid=orjson.loads(row.invalid) if row.invalid is not None else {},
        joins_resets=bool(row.joins),
    )
