"""The plan on disk: who is unchanged by set, who needs a decision row by row, and what was decided."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from engine.model.users import TargetUser
from engine.resources.users.changes import (
    FREES_ADDRESS,
    THE_REST,
    Change,
    Desired,
    Found,
    Known,
    UserWork,
    dump_detail,
    load_detail,
)
from engine.resources.users.marks import UserMarks
from engine.snapshot.database import write_rows
from engine.snapshot.plan_queries import (
    HOLDERS,
    STORE,
    UNCHANGED,
    UNDECIDED,
    UNLISTED,
    UNPLACED,
    WAIT,
    WORK,
    WORK_OF_ONE,
    DesiredRow,
    PersonRow,
    WorkRow,
)
from engine.snapshot.rows import named
from engine.snapshot.targets import dump_target, load_target

_CARRIED_OUT = frozenset({"create", "update", "adopt"})


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the snapshot holds them, with what the state and WorkOS say; `known_key` is the state's row."""

    desired: Desired
    known_key: str | None
    known: Known | None
    found: Found


class PlanTable:
    """The users' plan of one snapshot; the state's rows are in `known`.

    `defaults` gives the plan's own values for the user with a key.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, defaults: Callable[[str], Mapping[str, str]], flags: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._defaults = defaults
        self._flags = flags

    def prepare(self, adoptions: Mapping[str, str] | None = None) -> None:
        """Settle by set whose state row counts for whom. `adoptions`: key to WorkOS id."""
        self._connection.execute("CREATE TEMP TABLE adoption (key TEXT PRIMARY KEY, workos_id TEXT NOT NULL)")
        self._connection.executemany("INSERT INTO adoption VALUES (?, ?)", list((adoptions or {}).items()))
        self._connection.execute(
            "CREATE INDEX record_primary_key ON record (primary_key) WHERE primary_key IS NOT NULL"
        )
        self._connection.executescript(HOLDERS)
        self._connection.execute(UNPLACED)

    def settle_unchanged(self) -> None:
        """Settle by set who is unchanged, and of the others who waits.

        To be called once those who are gone from WorkOS are stored.
        """
        self._connection.execute(UNCHANGED)
        self._connection.execute(WAIT)

    def count_unplaced(self) -> int:
        """People of whom the state knows no WorkOS id."""
        return int(self._connection.execute("SELECT count(*) FROM unplaced").fetchone()[0])

    def unplaced(self) -> Iterator[tuple[str, str]]:
        """(external ID, address) of everyone of whom the state knows no WorkOS id, in order of key."""
        yield from self._connection.execute("SELECT external_id, email FROM unplaced ORDER BY key")

    def doubtful_ids(self) -> list[str]:
        """WorkOS ids to look at before deciding: of updates that a run began and did not record, and of users who are
        to go over to another record.
        """
        rows = self._connection.execute(
            "SELECT workos_id FROM known_user WHERE workos_id IS NOT NULL AND (status = 'claimed' "
            "OR key IN (SELECT known_key FROM holder)) ORDER BY key"
        )
        return [row[0] for row in rows]

    def is_known(self, workos_id: str) -> bool:
        """Whether the state takes this user to be in WorkOS."""
        query = """
        SELECT EXISTS (SELECT 1 FROM known_user WHERE workos_id = ?1 AND status != 'gone')
            OR EXISTS (SELECT 1 FROM known_orphaned WHERE workos_id = ?1)
        """
        return bool(self._connection.execute(query, (workos_id,)).fetchone()[0])

    def unlisted(self) -> Iterator[str]:
        """WorkOS ids that the state knows and a whole listing did not give."""
        yield from (str(row[0]) for row in self._connection.execute(UNLISTED))

    def store_gone(self, workos_ids: Sequence[str]) -> None:
        """Keep who was deleted in WorkOS."""
        write_rows(self._connection, "INSERT OR IGNORE INTO gone VALUES (?)", [(one,) for one in workos_ids])

    def count_known(self) -> int:
        """Users that the state knows to be in WorkOS."""
        query = """
        SELECT (SELECT count(*) FROM known_user WHERE workos_id IS NOT NULL) + (SELECT count(*) FROM known_orphaned)
        """
        return int(self._connection.execute(query).fetchone()[0])

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        """Keep what WorkOS holds."""
        write_rows(
            self._connection,
            "INSERT OR REPLACE INTO target (id, email, external_id, user) VALUES (?, ?, ?, ?)",
            [(user.id, user.email, user.external_id, dump_target(user)) for user in users],
        )

    def index_targets(self) -> None:
        """To be called once all targets are stored."""
        self._connection.executescript(
            "CREATE INDEX target_email ON target (email);"
            "CREATE INDEX target_external_id ON target (external_id) WHERE external_id IS NOT NULL;"
        )

    def undecided(self) -> Iterator[Person]:
        """Everyone for whom a decision is due, in order of key. The rows may be read while changes are stored."""
        cursor = named(self._connection, PersonRow, UNDECIDED)
        while rows := cursor.fetchmany(500):
            for row in rows:
                yield self._person(row)

    def store(self, changes: Sequence[Change]) -> None:
        """Keep what was decided."""
        write_rows(
            self._connection,
            STORE,
            [
                (c.key, c.action, c.workos_id, orjson.dumps(c.send) if c.send else None, c.code, c.created_here,
                 c.counts_as, dump_detail(c) if c.action in _CARRIED_OUT else None,
                 FREES_ADDRESS if c.action == "update" and "email" in c.send else THE_REST, ",".join(c.because) or None)
                for c in changes
            ],
        )  # fmt: skip

    def count_actions(self) -> Counter[str]:
        """People by what is to be done for them."""
        query = "SELECT action, count(*) FROM change WHERE kind = 'user' GROUP BY action"
        return Counter(dict(self._connection.execute(query)))

    def count_rewritten(self) -> int:
        """People whom an update changes in WorkOS; one that only sees how a begun write ended changes nobody."""
        query = "SELECT count(*) FROM change WHERE kind = 'user' AND action = 'update' AND send IS NOT NULL"
        return int(self._connection.execute(query).fetchone()[0])

    def count_waiting(self) -> Counter[str]:
        """People of whom nothing is done now, by the reason why."""
        query = "SELECT code, count(*) FROM change WHERE kind = 'user' AND action = 'wait' GROUP BY code"
        return Counter(dict(self._connection.execute(query)))

    def conflicts(self, limit: int) -> tuple[list[tuple[str, str, str | None]], int]:
        """(key, code, WorkOS id if known) of people in conflict, the first `limit` by key, and how many there are."""
        query = """
        SELECT key, code, workos_id FROM change WHERE kind = 'user' AND action = 'conflict' ORDER BY key LIMIT ?
        """
        rows = self._connection.execute(query, (limit,)).fetchall()
        query = "SELECT count(*) FROM change WHERE kind = 'user' AND action = 'conflict'"
        return rows, int(self._connection.execute(query).fetchone()[0])

    def count_unverified_addresses(self) -> int:
        """People whose WorkOS user stands under an address that Cognito has not verified: the first to verify it
        there reaches that user. Placeholders are nobody's, and counted apart.
        """
        query = """
        SELECT count(*) FROM change c JOIN record r ON r.key = c.key
        WHERE c.kind = 'user' AND c.action NOT IN ('conflict', 'skip', 'wait') AND NOT r.verified AND NOT r.placeholder
        """
        return int(self._connection.execute(query).fetchone()[0])

    def work(self, phase: int) -> Iterator[list[UserWork]]:
        """Changes of a phase to carry out, in order of key, in lists."""
        cursor = named(self._connection, WorkRow, WORK, (phase,))
        while rows := cursor.fetchmany(256):
            yield [self._work(row) for row in rows]

    def work_of(self, key: str) -> UserWork | None:
        """One person's change to carry out; None where there is none."""
        row = next(named(self._connection, WorkRow, WORK_OF_ONE, (key,)), None)
        return self._work(row) if row is not None else None

    def _work(self, row: WorkRow) -> UserWork:
        change = Change(
            row.action,
            row.key,
            row.workos_id,
            send=orjson.loads(row.send) if row.send else {},
            created_here=bool(row.created_here),
            counts_as=row.counts_as,
            **load_detail(row.detail),
        )
        return UserWork(change, self.desired(row), row.fingerprint)

    def desired(self, row: DesiredRow) -> Desired:
        """A person from a row of `record`."""
        return Desired(
            key=row.key,
            email=row.email,
            verified=bool(row.verified),
            fields={**self._defaults(row.key), **orjson.loads(row.fields)},
            flags=self._flags if row.password else {},
            invalid=orjson.loads(row.invalid) if row.invalid else {},
        )

    def _person(self, row: PersonRow) -> Person:
        known = None
        if row.known_key is not None:
            known = Known(
                workos_id=row.workos_id,
                status=row.status,
                fields=orjson.loads(row.known_fields) if row.known_fields else {},
                verified=bool(row.known_verified),
                created_here=bool(row.created_here),
                claimed=row.operation if row.status == "claimed" else None,
                attempts=row.attempts,
                handover=row.relation is not None,
                stamp=row.stamp,
                relation=row.relation or "primary",
                marks=UserMarks.from_detail(row.known_detail),
                removing=row.operation == "remove" and row.status in ("claimed", "gone"),
            )
        relatives = frozenset(orjson.loads(row.relatives)) if row.relatives else frozenset()
        by_external_id, by_email, by_id = map(load_target, (row.by_external_id, row.by_email, row.by_id))
        return Person(self.desired(row), row.known_key, known, Found(by_external_id, by_email, by_id, relatives))
