"""Records that share an address become one person, group by group, on disk (rules 4 and 5)."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterable

import orjson

from engine.mapping.duplicates import merge, rank
from engine.mapping.mapper import MappedRecord, Mapper
from engine.planning.fingerprints import Fingerprints
from engine.spec.model import Duplicates

_GROUPS = """
SELECT email, sub, username, created, native, provider, verified, fields, invalid, password FROM record
WHERE reason IS NULL AND skipped = 0 AND email IN (
    SELECT email FROM record WHERE reason IS NULL AND skipped = 0 GROUP BY email HAVING count(*) > 1
) ORDER BY email
"""


def merge_people(
    connection: sqlite3.Connection,
    *,
    duplicates: Duplicates,
    mapper: Mapper,
    fingerprints: Fingerprints,
    decided: Collection[str] = (),
) -> None:
    """Settle who stands for each address. Under `strategy: error` each record of a group is a conflict.

    `decided` are the subs that the plan's decisions put first.
    """
    connection.execute("BEGIN")
    rows = connection.execute(_GROUPS)
    for email, group in itertools.groupby(rows, key=lambda row: row[0]):
        records = [_record(row) for row in group]
        if duplicates.strategy == "error":
            _refuse(connection, records)
        else:
            _merge(connection, email, records, duplicates, mapper, fingerprints, decided)
    _refuse_shared_external_ids(connection)
    connection.execute("COMMIT")


def _merge(
    connection: sqlite3.Connection,
    email: str,
    records: list[MappedRecord],
    duplicates: Duplicates,
    mapper: Mapper,
    fingerprints: Fingerprints,
    decided: Collection[str],
) -> None:
    ranked = sorted(records, key=lambda record: rank(record, duplicates.prefer, decided))
    person = merge(ranked, allow_unverified=duplicates.allow_unverified)
    first = ranked[0]
    connection.execute(
        "UPDATE record SET fields = ?, invalid = ?, fingerprint = ?, email_mark = ?, password = ? WHERE sub = ?",
        (
            orjson.dumps(person.fields, option=orjson.OPT_SORT_KEYS),
            orjson.dumps(person.invalid) if person.invalid else None,
            fingerprints.whole(email, first.verified, mapper.with_defaults(person.fields)),
            fingerprints.field("email", email),
            person.had_password,
            first.sub,
        ),
    )
    connection.executemany(
        "UPDATE record SET primary_sub = ?, relation = ?, fingerprint = NULL WHERE sub = ?",
        [(first.sub, relation, record.sub) for record, relation in zip(ranked[1:], person.relations[1:], strict=True)],
    )


def _refuse(connection: sqlite3.Connection, records: Iterable[MappedRecord]) -> None:
    connection.executemany(
        "UPDATE record SET invalid = ?, fingerprint = NULL WHERE sub = ?",
        [(orjson.dumps({"email": "duplicate"}), record.sub) for record in records],
    )


def _refuse_shared_external_ids(connection: sqlite3.Connection) -> None:
    """Two people with one external ID (it was mapped from another attribute than sub): neither can have it."""
    connection.execute(
        """
        UPDATE record SET invalid = ?, fingerprint = NULL
        WHERE sub IN (SELECT sub FROM person) AND external_id IN (
            SELECT external_id FROM person WHERE external_id IS NOT NULL GROUP BY external_id HAVING count(*) > 1
        )
        """,
        (orjson.dumps({"external_id": "shared"}),),
    )


def _record(row: tuple[object, ...]) -> MappedRecord:
    email, sub, username, created, native, provider, verified, fields, invalid, password = row
    return MappedRecord(
        sub=str(sub),
        username=str(username),
        created=float(str(created)),
        native=bool(native),
        provider=str(provider) if provider is not None else None,
        email=str(email),
        verified=bool(verified),
        fields=orjson.loads(fields),  # type: ignore[arg-type]  # a BLOB column
        invalid=orjson.loads(invalid) if invalid is not None else {},  # type: ignore[arg-type]
        joins_resets=bool(password) and not native,
    )
