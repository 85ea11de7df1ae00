"""The people of a snapshot beside WorkOS's users and the state: candidates for a reset e-mail. Judges nobody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from engine.model.resets import Candidate, Mail, Recipient
from engine.model.users import TargetUser
from engine.snapshot.passwordless import FindPasswordless, without_password

_PREPARED = """
CREATE TEMP TABLE held (
    id TEXT PRIMARY KEY, email TEXT NOT NULL, verified INTEGER NOT NULL, signed_in INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TEMP TABLE told_mailed (id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE told_returned (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_primary ON record (primary_sub) WHERE primary_sub IS NOT NULL;
"""
# An address that Cognito has verified is verified, whatever an adopted user of WorkOS says; WorkOS's own is the one
# that the e-mail goes to. A record that gave way without being verified brings nobody a password.
_PEOPLE = """
SELECT r.sub, h.id, h.email, h.verified OR (r.verified AND r.email = h.email),
    h.signed_in OR v.workos_id IS NOT NULL OR tr.id IS NOT NULL, r.joins, r.enabled,
    CASE WHEN tm.id IS NOT NULL AND coalesce(m.status, 'failed') = 'failed' THEN 'sent' ELSE m.status END,
    max(coalesce(m.sent_at, tm.at), coalesce(tm.at, m.sent_at)), r.fields,
    CASE WHEN r.native THEN json_array(json_array(r.status, r.enabled)) ELSE '[]' END,
    (SELECT json_group_array(json_array(n.status, n.enabled)) FROM record n
        WHERE n.primary_sub = r.sub AND n.relation = 'merged' AND n.native)
FROM person r
LEFT JOIN known.users k ON k.sub = r.sub AND k.status != 'gone'
LEFT JOIN held h ON h.id = k.workos_id
LEFT JOIN known.returned v ON v.workos_id = k.workos_id
LEFT JOIN known.resets m ON m.workos_id = k.workos_id
LEFT JOIN told_mailed tm ON tm.id = k.workos_id
LEFT JOIN told_returned tr ON tr.id = k.workos_id
ORDER BY r.sub
"""


class CandidateTable:
    """One snapshot's people; the state is attached as `known`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(_PREPARED)

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        """Keep what matters of WorkOS's users."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)",
            [(one.id, one.email, one.email_verified, one.signed_in) for one in users],
        )

    def store_history(self, *, mailed: Mapping[str, float], returned: Iterable[str]) -> None:
        """Keep what WorkOS's events tell, by WorkOS id: when an e-mail went out last, who has reset."""
        self._connection.executemany("INSERT OR REPLACE INTO told_mailed VALUES (?, ?)", list(mailed.items()))
        self._connection.executemany("INSERT OR IGNORE INTO told_returned VALUES (?)", [(one,) for one in returned])

    def signed_in(self) -> list[str]:
        """WorkOS ids of everybody who has signed in."""
        return [str(row[0]) for row in self._connection.execute("SELECT id FROM held WHERE signed_in ORDER BY id")]

    def subs(self) -> dict[str, str]:
        """WorkOS id to sub, of the people whom the state knows."""
        query = """
        SELECT k.workos_id, r.sub FROM person r JOIN known.users k ON k.sub = r.sub WHERE k.workos_id IS NOT NULL
        """
        return {str(workos_id): str(sub) for workos_id, sub in self._connection.execute(query)}

    def people(self) -> set[str]:
        """Subs of the people whom the plan selects."""
        return {str(row[0]) for row in self._connection.execute("SELECT sub FROM person")}

    def without_password(self, people: Sequence[Recipient], find: FindPasswordless) -> set[str]:
        """Subs of those of them who have no password in Cognito. Blocking; raises SourceError."""
        return without_password(self._connection, [one.sub for one in people], find)

    def candidates(self) -> Iterator[tuple[Candidate, Recipient]]:
        """Every selected person, and how they would be mailed, in order of sub."""
        cursor = self._connection.execute(_PEOPLE)
        while rows := cursor.fetchmany(500):
            for row in rows:
                sub, workos_id, email, verified, returned, joins, enabled, status, sent_at, fields, own, merged = row
                candidate = Candidate(
                    sub=sub,
                    workos_id=workos_id,
                    email=email,
                    passwords=tuple((name, bool(on)) for name, on in orjson.loads(own) + orjson.loads(merged)),
                    joins=bool(joins),
                    enabled=bool(enabled),
                    verified=bool(verified),
                    returned=bool(returned),
                    mail=Mail(status, sent_at) if status is not None else None,
                )
                yield candidate, Recipient(workos_id or "", sub, email or "", _name(fields))


def _name(fields: bytes) -> str | None:
    held = orjson.loads(fields)
    return " ".join(held[part] for part in ("first_name", "last_name") if held.get(part)) or None
