"""The plan on disk: who is unchanged by set, who needs a decision row by row, and what was decided."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.model.users import TargetUser
from engine.resources.users.changes import Change, Desired, Found, Guard, Known, Work

# Whose state row speaks for a person: their own, else that of the record they were merged with before, once that
# record has left the pool; or that of a record that gives way to them now. Never over the line between verified and
# unverified: who signed up with somebody's address does not inherit their account. The other way round it is the
# address that counts: a user whom we made under it, unverified, goes to the record that has verified it, unless the
# planner sees that somebody uses it. Nobody's row speaks for two.
_HOLDERS = """
CREATE TEMP TABLE holder (
    sub TEXT PRIMARY KEY, known_sub TEXT NOT NULL UNIQUE, relation TEXT NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO holder
    SELECT r.sub, k.primary_sub, 'merged' FROM person r JOIN known.users k ON k.sub = r.sub
    WHERE k.relation = 'merged' AND k.primary_sub IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM record o WHERE o.sub = k.primary_sub AND o.reason IS NULL AND o.primary_sub IS NOT r.sub
    ) ORDER BY r.sub;
INSERT OR IGNORE INTO holder
    SELECT m.primary_sub, k.sub, m.relation FROM record m
    JOIN known.users k ON k.sub = m.sub JOIN record p ON p.sub = m.primary_sub
    WHERE k.relation = 'primary' AND k.workos_id IS NOT NULL AND (
        m.relation = 'merged'
        OR m.relation = 'unverified' AND k.created_here AND json_extract(k.fields, '$.email') = p.email_mark
    ) AND NOT EXISTS (
        SELECT 1 FROM known.users o WHERE o.sub = m.primary_sub AND o.relation = 'primary'
            -- A creation that was begun and not recorded may have made a user of their own.
            AND (o.workos_id IS NOT NULL OR o.status = 'claimed')
    ) ORDER BY json_extract(k.fields, '$.email') IS NOT p.email_mark, m.relation, k.changed_at, k.sub;
"""

_UNCHANGED = """
INSERT INTO change (sub, action, workos_id, created_here, verified, counts_as)
    SELECT r.sub, 'unchanged', k.workos_id, k.created_here, k.verified, 'unchanged'
    FROM person r JOIN known.users k ON k.sub = r.sub
    WHERE r.invalid IS NULL AND k.relation = 'primary' AND k.status = 'done'
      AND k.fingerprint = r.fingerprint AND NOT EXISTS (SELECT 1 FROM gone g WHERE g.workos_id = k.workos_id)
"""
_UNLISTED = """
SELECT workos_id FROM (
    SELECT workos_id FROM known.users WHERE workos_id IS NOT NULL AND status != 'gone'
    UNION SELECT workos_id FROM known.orphaned
) k WHERE NOT EXISTS (SELECT 1 FROM target t WHERE t.id = k.workos_id) ORDER BY workos_id
"""

_UNDECIDED = """
SELECT r.sub, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins),
    h.relation, k.stamp, k.sub, k.workos_id, iif(g.workos_id IS NULL, k.status, 'gone'),
    k.fields, k.verified, k.created_here, k.operation, k.attempts,
    x.user, e.user, i.user,
    CASE WHEN e.external_id IS NOT NULL THEN (
        SELECT json_group_array(m.external_id) FROM record m WHERE m.primary_sub = r.sub AND m.relation = 'merged'
    ) END
FROM person r
LEFT JOIN holder h ON h.sub = r.sub
LEFT JOIN known.users k ON k.sub = coalesce(h.known_sub, r.sub) AND k.relation = 'primary'
LEFT JOIN gone g ON g.workos_id = k.workos_id
LEFT JOIN target x ON x.id = coalesce(
    (SELECT min(id) FROM target WHERE external_id = r.external_id AND email = r.email),
    (SELECT min(id) FROM target WHERE external_id = r.external_id)
)
LEFT JOIN target e ON e.id = (SELECT min(t.id) FROM target t WHERE t.email = r.email AND NOT EXISTS (
    -- Somebody of ours who gives the address up in this run, before it is taken.
    -- CROSS keeps the order: the other way round all people would be looked through.
    SELECT 1 FROM known.users u CROSS JOIN person o ON o.sub = u.sub
    WHERE u.workos_id = t.id AND u.relation = 'primary' AND o.sub != r.sub AND o.email != t.email
))
LEFT JOIN adoption a ON a.sub = r.sub
LEFT JOIN target i ON i.id = coalesce(k.workos_id, a.workos_id)
WHERE NOT EXISTS (SELECT 1 FROM change c WHERE c.sub = r.sub)
ORDER BY r.sub
"""

_UNPLACED = """
CREATE TEMP VIEW unplaced AS SELECT r.sub, r.external_id, r.email FROM person r
LEFT JOIN holder h ON h.sub = r.sub
LEFT JOIN known.users k ON k.sub = coalesce(h.known_sub, r.sub) AND k.relation = 'primary'
WHERE r.invalid IS NULL AND r.external_id IS NOT NULL AND (k.workos_id IS NULL OR h.sub IS NOT NULL)
"""

_STORE = """
INSERT INTO change (sub, action, workos_id, send, code, created_here, verified, vanished, counts_as, guard, stamp,
    lineage, frees_address)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


# One bounded read at a time: nothing of a million changes is kept in memory.
_WORK = """
SELECT r.sub, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins),
    c.action, c.workos_id, c.send, c.created_here, c.verified, c.counts_as, c.guard, c.stamp, c.lineage, r.fingerprint
FROM change c JOIN record r ON r.sub = c.sub
WHERE c.action IN ('create', 'update', 'adopt') AND c.frees_address = ?
ORDER BY c.sub
"""


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the snapshot holds them, with what the state and WorkOS say; `known_sub` is the state's row."""

    desired: Desired
    known_sub: str | None
    known: Known | None
    found: Found


class PlanTable:
    """The plan of one snapshot, beside a state attached as `known`."""

    def __init__(
        self, connection: sqlite3.Connection, *, defaults: Mapping[str, str], flags: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._defaults = dict(defaults)
        self._flags = flags

    def prepare(self, adoptions: Mapping[str, str] | None = None) -> None:
        """Settle by set whose state row counts for whom. `adoptions`: sub to WorkOS id."""
        self._connection.execute("CREATE TEMP TABLE adoption (sub TEXT PRIMARY KEY, workos_id TEXT NOT NULL)")
        self._connection.executemany("INSERT INTO adoption VALUES (?, ?)", list((adoptions or {}).items()))
        self._connection.execute(
            "CREATE INDEX record_primary_sub ON record (primary_sub) WHERE primary_sub IS NOT NULL"
        )
        self._connection.executescript(_HOLDERS)
        self._connection.execute(_UNPLACED)

    def settle_unchanged(self) -> None:
        """Settle by set who is unchanged; to be called once those who are gone from WorkOS are stored."""
        self._connection.execute(_UNCHANGED)

    def count_unplaced(self) -> int:
        """People of whom the state knows no WorkOS id."""
        return int(self._connection.execute("SELECT count(*) FROM unplaced").fetchone()[0])

    def unplaced(self) -> Iterator[tuple[str, str]]:
        """(external ID, address) of everyone of whom the state knows no WorkOS id, in order of sub."""
        yield from self._connection.execute("SELECT external_id, email FROM unplaced ORDER BY sub")

    def doubtful_ids(self) -> list[str]:
        """WorkOS ids to look at before deciding: of updates that a run began and did not record, and of users who are
        to go over to another record.
        """
        rows = self._connection.execute(
            "SELECT workos_id FROM known.users WHERE workos_id IS NOT NULL AND (status = 'claimed' "
            "OR sub IN (SELECT known_sub FROM holder)) ORDER BY sub"
        )
        return [row[0] for row in rows]

    def looked_at(self) -> float | None:
        """When a run last looked who was deleted in WorkOS, and the state learnt it."""
        row = self._connection.execute("SELECT value FROM known.meta WHERE key = 'looked_at'").fetchone()
        try:
            return float(row[0]) if row is not None else None
        except ValueError:
            return None

    def is_known(self, workos_id: str) -> bool:
        """Whether the state takes this user to be in WorkOS."""
        query = """
        SELECT EXISTS (SELECT 1 FROM known.users WHERE workos_id = ?1 AND status != 'gone')
            OR EXISTS (SELECT 1 FROM known.orphaned WHERE workos_id = ?1)
        """
        return bool(self._connection.execute(query, (workos_id,)).fetchone()[0])

    def unlisted(self) -> Iterator[str]:
        """WorkOS ids that the state knows and a whole listing did not give."""
        yield from (str(row[0]) for row in self._connection.execute(_UNLISTED))

    def store_gone(self, workos_ids: Sequence[str]) -> None:
        """Keep who was deleted in WorkOS."""
        self._connection.executemany("INSERT OR IGNORE INTO gone VALUES (?)", [(one,) for one in workos_ids])

    def count_known(self) -> int:
        """Users that the state knows to be in WorkOS."""
        query = """
        SELECT (SELECT count(*) FROM known.users WHERE workos_id IS NOT NULL) + (SELECT count(*) FROM known.orphaned)
        """
        return int(self._connection.execute(query).fetchone()[0])

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        """Keep what WorkOS holds."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO target (id, email, external_id, user) VALUES (?, ?, ?, ?)",
            [(user.id, user.email, user.external_id, _dump_target(user)) for user in users],
        )

    def index_targets(self) -> None:
        """To be called once all targets are stored."""
        self._connection.executescript(
            "CREATE INDEX target_email ON target (email);"
            "CREATE INDEX target_external_id ON target (external_id) WHERE external_id IS NOT NULL;"
        )

    def undecided(self) -> Iterator[Person]:
        """Everyone for whom a decision is due, in order of sub. The rows may be read while changes are stored."""
        cursor = self._connection.execute(_UNDECIDED)
        while rows := cursor.fetchmany(500):
            for row in rows:
                yield self._person(row)

    def store(self, changes: Sequence[Change]) -> None:
        """Keep what was decided."""
        self._connection.executemany(
            _STORE,
            [
                (c.sub, c.action, c.workos_id, orjson.dumps(c.send) if c.send else None, c.code, c.created_here,
                 c.verified, len(c.vanished), c.counts_as,
                 orjson.dumps(c.guard) if c.guard else None, c.stamp, c.lineage,
                 c.action == "update" and "email" in c.send)
                for c in changes
            ],
        )  # fmt: skip

    def count_actions(self) -> Counter[str]:
        """People by what is to be done for them."""
        return Counter(dict(self._connection.execute("SELECT action, count(*) FROM change GROUP BY action")))

    def conflicts(self, limit: int) -> tuple[list[tuple[str, str, str | None]], int]:
        """(sub, code, WorkOS id if known) of people in conflict, the first `limit` by sub, and how many there are."""
        rows = self._connection.execute(
            "SELECT sub, code, workos_id FROM change WHERE action = 'conflict' ORDER BY sub LIMIT ?", (limit,)
        ).fetchall()
        query = "SELECT count(*) FROM change WHERE action = 'conflict'"
        return rows, int(self._connection.execute(query).fetchone()[0])

    def count_unverified_addresses(self) -> int:
        """People whose WorkOS user stands under an address that Cognito has not verified: the first to verify it
        there reaches that user.
        """
        query = """
        SELECT count(*) FROM change c JOIN record r ON r.sub = c.sub
        WHERE c.action NOT IN ('conflict', 'skip') AND NOT r.verified
        """
        return int(self._connection.execute(query).fetchone()[0])

    def work(self, *, freeing: bool) -> Iterator[list[Work]]:
        """Changes to carry out, in order of sub, in lists; `freeing` gives those that give up an address."""
        cursor = self._connection.execute(_WORK, (freeing,))
        while rows := cursor.fetchmany(256):
            yield [self._work(row) for row in rows]

    def _work(self, row: tuple[Any, ...]) -> Work:
        action, workos_id, send, created_here, verified, counts_as, guard, stamp, lineage, fingerprint = row[6:]
        change = Change(
            action,
            row[0],
            workos_id,
            send=orjson.loads(send) if send else {},
            created_here=bool(created_here),
            verified=bool(verified),
            counts_as=counts_as,
            guard=Guard(**orjson.loads(guard)) if guard else None,
            stamp=stamp,
            lineage=bool(lineage),
        )
        return Work(change, self.desired(row[:6]), fingerprint)

    def desired(self, row: Sequence[Any]) -> Desired:
        """A person from the columns sub, email, verified, fields, invalid, password."""
        sub, email, verified, fields, invalid, password = row
        return Desired(
            sub=sub,
            email=email,
            verified=bool(verified),
            fields={**self._defaults, **orjson.loads(fields)},
            flags=self._flags if password else {},
            invalid=orjson.loads(invalid) if invalid else {},
        )

    def _person(self, row: tuple[Any, ...]) -> Person:
        relation, stamp, known_sub, workos_id, status, fields, verified, created_here, operation, attempts = row[6:16]
        known = None
        if known_sub is not None:
            known = Known(
                workos_id=workos_id,
                status=status,
                fields=orjson.loads(fields) if fields else {},
                verified=bool(verified),
                created_here=bool(created_here),
                claimed=operation if status == "claimed" else None,
                attempts=attempts,
                handover=relation is not None,
                stamp=stamp,
                relation=relation or "primary",
            )
        relatives = frozenset(orjson.loads(row[19])) if row[19] else frozenset()
        found = Found(load_target(row[16]), load_target(row[17]), load_target(row[18]), relatives)
        return Person(self.desired(row[:6]), known_sub, known, found)


def _dump_target(user: TargetUser) -> bytes:
    return orjson.dumps(
        [user.id, user.email, user.email_verified, user.external_id, user.first_name, user.last_name,
         dict(user.metadata), user.signed_in, user.created_at, user.updated_at]
    )  # fmt: skip


def load_target(raw: bytes | None) -> TargetUser | None:
    """A user from the column `user` of the table `target`."""
    return TargetUser(*orjson.loads(raw)) if raw is not None else None
