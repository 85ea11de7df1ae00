"""The people of a snapshot beside WorkOS's users and the state: candidates for a reset e-mail. Judges nobody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from engine.model.keys import sub_of, written_user
from engine.model.resets import Candidate, Mail, MailRow, Recipient
from engine.model.users import TargetUser
from engine.snapshot.database import write_rows
from engine.snapshot.passwordless import FindPasswordless, without_password
from engine.snapshot.rows import named

_PREPARED = """
CREATE TEMP TABLE held (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, verified INTEGER NOT NULL, signed_in INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TEMP TABLE told_mailed (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE told_returned (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE mail (id TEXT PRIMARY KEY, status TEXT NOT NULL, sent_at REAL) WITHOUT ROWID;
CREATE TEMP TABLE returned (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_primary ON record (primary_key) WHERE primary_key IS NOT NULL;
"""
# An address that Cognito has verified is verified, whatever an adopted user of WorkOS says; WorkOS's own is the one
# that the e-mail goes to. A record that was merged without being verified brings nobody a password.
_PEOPLE = """
SELECT r.key, h.id AS workos_id, h.email, h.verified OR (r.verified AND r.email = h.email) AS verified,
    h.signed_in OR v.id IS NOT NULL OR tr.id IS NOT NULL AS returned, r.joins, r.enabled,
    CASE WHEN tm.id IS NOT NULL AND coalesce(m.status, 'failed') = 'failed' THEN 'sent' ELSE m.status END AS status,
    max(coalesce(m.sent_at, tm.at), coalesce(tm.at, m.sent_at)) AS sent_at, r.fields, r.placeholder,
    CASE WHEN r.native THEN json_array(json_array(r.status, r.enabled)) ELSE '[]' END AS own,
    (SELECT json_group_array(json_array(n.status, n.enabled)) FROM record n
        WHERE n.primary_key = r.key AND n.relation = 'merged' AND n.native) AS merged
FROM person r
LEFT JOIN known_user k ON k.key = r.key AND k.status != 'gone'
LEFT JOIN held h ON h.id = k.workos_id
LEFT JOIN returned v ON v.id = k.workos_id
LEFT JOIN mail m ON m.id = k.workos_id
LEFT JOIN told_mailed tm ON tm.id = k.workos_id
LEFT JOIN told_returned tr ON tr.id = k.workos_id
ORDER BY r.key
"""


class CandidateTable:
    """One snapshot's people; the state's rows are in `known`. `pools` are the names of several, by ID."""

    def __init__(self, connection: sqlite3.Connection, pools: Mapping[str, str] | None = None) -> None:
        self._connection = connection
        self._pools = pools or {}
        connection.executescript(_PREPARED)

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        """Keep what matters of WorkOS's users."""
        write_rows(
            self._connection,
            "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)",
            [(one.id, one.email, one.email_verified, one.signed_in) for one in users],
        )

    def store_history(self, *, mailed: Mapping[str, float], returned: Iterable[str]) -> None:
        """Keep what WorkOS's events tell, by WorkOS id: when an e-mail went out last, who has reset."""
        self._connection.executemany("INSERT OR REPLACE INTO told_mailed VALUES (?, ?)", list(mailed.items()))
        self._connection.executemany("INSERT OR IGNORE INTO told_returned VALUES (?)", [(one,) for one in returned])

    def store_ledger(self, mails: Iterable[MailRow], returned: Iterable[str]) -> None:
        """Keep what the state tells now: e-mails, and the WorkOS ids of those who need none any more."""
        self._connection.execute("DELETE FROM mail")
        self._connection.executemany("INSERT INTO mail VALUES (?, ?, ?)", mails)
        self._connection.execute("DELETE FROM returned")
        self._connection.executemany("INSERT INTO returned VALUES (?)", ((one,) for one in returned))

    def signed_in(self) -> list[str]:
        """WorkOS ids of everybody who has signed in."""
        return [str(row[0]) for row in self._connection.execute("SELECT id FROM held WHERE signed_in ORDER BY id")]

    def keys(self) -> dict[str, str]:
        """WorkOS id to key, of the people whom the state knows."""
        query = """
        SELECT k.workos_id, r.key FROM person r JOIN known_user k ON k.key = r.key WHERE k.workos_id IS NOT NULL
        """
        return {str(workos_id): str(key) for workos_id, key in self._connection.execute(query)}

    def people(self) -> set[str]:
        """Subs of the people whom the plan selects; of several pools, POOL/SUB as well."""
        keys = [str(row[0]) for row in self._connection.execute("SELECT key FROM person")]
        return {sub_of(key) for key in keys} | {written_user(self._pools, key) for key in keys if self._pools}

    def without_password(self, people: Sequence[Recipient], find: FindPasswordless) -> set[str]:
        """Keys of those of them who have no password in Cognito. Blocking; raises SourceError."""
        return without_password(self._connection, [one.key for one in people], find)

    def candidates(self) -> Iterator[tuple[Candidate, Recipient]]:
        """Every selected person, and how they would be mailed, in order of key."""
        cursor = named(self._connection, _CandidateRow, _PEOPLE)
        while rows := cursor.fetchmany(500):
            for row in rows:
                passwords = orjson.loads(row.own) + orjson.loads(row.merged)
                candidate = Candidate(
                    key=row.key,
                    workos_id=row.workos_id,
                    email=row.email,
                    passwords=tuple((name, bool(on)) for name, on in passwords),
                    joins=bool(row.joins),
                    enabled=bool(row.enabled),
                    verified=bool(row.verified),
                    returned=bool(row.returned),
                    mail=Mail(row.status, row.sent_at) if row.status is not None else None,
                    placeholder=bool(row.placeholder),
                )
                yield candidate, _recipient(row, self._pools)


class _CandidateRow(NamedTuple):
    key: str
    workos_id: str | None
    email: str | None
    verified: int | None
    returned: int
    joins: int
    enabled: int
    status: str | None
    sent_at: float | None
    fields: bytes
    placeholder: int
    own: str
    merged: str


def _recipient(row: _CandidateRow, pools: Mapping[str, str]) -> Recipient:
    return Recipient(row.workos_id or "", row.key, row.email or "", _name(row.fields), pools)


def _name(fields: bytes) -> str | None:
    held = orjson.loads(fields)
    return " ".join(held[part] for part in ("first_name", "last_name") if held.get(part)) or None
