"""The memberships' plan on disk: who is to be decided on, what was found in WorkOS, what was decided, what is due."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson

from engine.model.keys import membership_key, split_membership_key
from engine.resources.memberships.changes import FoundMembership, KnownMembership, Left, MembershipChange, Standing
from engine.resources.memberships.performer import MembershipWork
from engine.resources.memberships.placements import DesiredMembership
from engine.resources.memberships.port import HeldMembership
from engine.snapshot.database import write_rows
from engine.snapshot.rows import named

_TABLES = """
CREATE TABLE held_membership (user_id TEXT NOT NULL, organization TEXT NOT NULL, held BLOB,  -- null: not there
    PRIMARY KEY (user_id, organization)) WITHOUT ROWID;
CREATE TABLE asked_membership (organization TEXT NOT NULL, user_id TEXT NOT NULL,
    PRIMARY KEY (organization, user_id)) WITHOUT ROWID;
CREATE INDEX change_workos_id ON change (workos_id) WHERE workos_id IS NOT NULL;
"""
# A user who goes on under another record's key takes what is known of their memberships along. Matched by WorkOS id,
# not by the kind, which all users share: hence the +.
_MOVED = """
INSERT OR IGNORE INTO known
    (kind, key, workos_id, status, operation, created_here, attempts, run_id, changed_at, detail, dirty)
SELECT 'membership', c.key || substr(k.key, instr(k.key, char(9))), k.workos_id, k.status, k.operation, k.created_here,
    k.attempts, k.run_id, k.changed_at, k.detail, 1
FROM known k JOIN change c ON +c.kind = 'user' AND c.workos_id = json_extract(k.detail, '$.user')
WHERE k.kind = 'membership' AND k.relation = 'primary' AND c.action IN ('unchanged', 'update', 'adopt')
    AND c.key || substr(k.key, instr(k.key, char(9))) != k.key
"""
_LEFT_BEHIND = """
UPDATE known SET relation = 'merged', dirty = 1
WHERE kind = 'membership' AND relation = 'primary' AND EXISTS (
    SELECT 1 FROM change c WHERE +c.kind = 'user' AND c.workos_id = json_extract(known.detail, '$.user')
        AND c.action IN ('unchanged', 'update', 'adopt')
        AND c.key || substr(known.key, instr(known.key, char(9))) != known.key
)
"""
_CASES = """
SELECT m.person, m.organization, m.roles, m.enabled, m.implied, r.email, r.verified, r.reason, r.key AS record,
    c.action, coalesce(c.workos_id, u.workos_id) AS user_id, c.created_here AS user_created,
    k.workos_id, k.status, k.operation, k.created_here, k.changed_at, k.detail, h.held, h.user_id AS looked,
    w.key IS NOT NULL AS waits
FROM (
    SELECT person, organization, roles, enabled, implied FROM membership
    UNION ALL
    SELECT substr(k.key, 1, instr(k.key, char(9)) - 1), substr(k.key, instr(k.key, char(9)) + 1), NULL, NULL, NULL
    FROM known k WHERE k.kind = 'membership' AND k.relation = 'primary' AND NOT EXISTS (
        SELECT 1 FROM membership m WHERE m.person = substr(k.key, 1, instr(k.key, char(9)) - 1)
            AND m.organization = substr(k.key, instr(k.key, char(9)) + 1)
    )
) m
LEFT JOIN record r ON r.key = m.person
LEFT JOIN change c ON c.kind = 'user' AND c.key = m.person
LEFT JOIN known u ON u.key = m.person AND u.kind = 'user'
LEFT JOIN known k ON k.key = m.person || char(9) || m.organization AND k.kind = 'membership' AND k.relation = 'primary'
LEFT JOIN held_membership h ON h.user_id = coalesce(c.workos_id, u.workos_id) AND h.organization = m.organization
LEFT JOIN waiting w ON w.key = coalesce(r.primary_key, m.person)
ORDER BY m.person, m.organization
"""
_STORE = """
INSERT OR REPLACE INTO change (kind, key, action, workos_id, send, code, created_here, counts_as, detail, phase)
VALUES ('membership', ?, ?, ?, ?, ?, ?, ?, ?, 1)
"""
_DUE = """
SELECT c.key, c.detail, u.workos_id AS user_id, u.status AS user_status
FROM change c LEFT JOIN known u ON u.key = substr(c.key, 1, instr(c.key, char(9)) - 1) AND u.kind = 'user'
WHERE c.kind = 'membership' AND c.action IN ('create', 'update', 'deactivate', 'reactivate', 'remove')
ORDER BY c.key
"""


class _CaseRow(NamedTuple):
    person: str
    organization: str
    roles: str | None
    enabled: int | None
    implied: int | None
    email: str | None
    verified: int | None
    reason: str | None
    record: str | None
    action: str | None
    user_id: str | None
    user_created: int | None
    workos_id: str | None
    status: str | None
    operation: str | None
    created_here: int | None
    changed_at: float | None
    detail: str | None
    held: bytes | None
    looked: str | None
    waits: int


# Whom WorkOS does not hold is missing as a user already.
_PAIRS = """
SELECT m.person, m.organization, m.roles, m.enabled, m.implied, r.email, r.verified,
    coalesce(k.created_here, 0) AS created_here, h.held
FROM membership m JOIN record r ON r.key = m.person
JOIN target t ON t.id = (SELECT min(id) FROM target WHERE external_id = r.external_id)
LEFT JOIN known k ON k.key = m.person || char(9) || m.organization AND k.kind = 'membership'
LEFT JOIN held_membership h ON h.user_id = t.id AND h.organization = m.organization
WHERE NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = m.person)
ORDER BY m.person, m.organization
"""


class _PairRow(NamedTuple):
    person: str
    organization: str
    roles: str
    enabled: int
    implied: int
    email: str | None
    verified: int
    created_here: int
    held: bytes | None


@dataclass(frozen=True, slots=True)
class MembershipPair:
    """A membership that is wanted of somebody who is in WorkOS, and what WorkOS holds."""

    person: str
    desired: DesiredMembership
    email: str | None
    verified: bool
    created_here: bool
    held: HeldMembership | None

    @property
    def key(self) -> str:
        """Of the membership."""
        return membership_key(self.person, self.desired.organization)


class _DueRow(NamedTuple):
    key: str
    detail: bytes
    user_id: str | None
    user_status: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One membership to be decided on. `standing` lacks what the organization says: the decider adds it.

    `user_id` is None for who is to be created. `email` is the person's, None where there is no record any more.
    `unsettled`: the state holds it as failed or in conflict.
    """

    person: str
    organization: str
    desired: DesiredMembership | None
    known: KnownMembership | None
    found: FoundMembership
    standing: Standing
    user_id: str | None
    email: str | None
    unsettled: bool = False

    @property
    def key(self) -> str:
        """Of the membership."""
        return membership_key(self.person, self.organization)


class MembershipTable:
    """The memberships of one snapshot, whose users are decided on and whose `known` is filled."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """To be called once, after the users are decided on."""
        self._connection.executescript(_TABLES)
        self._connection.execute("BEGIN")
        self._connection.execute(_MOVED)
        self._connection.execute(_LEFT_BEHIND)
        self._connection.execute("COMMIT")

    def cases(self) -> Iterator[Case]:
        """Everything that is desired or known, in order of person and organization."""
        cursor = named(self._connection, _CaseRow, _CASES)
        while rows := cursor.fetchmany(500):
            yield from map(_case, rows)

    def ask_for(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Note that these (user id, organization's external ID) have to be looked for."""
        query = "INSERT OR IGNORE INTO asked_membership (user_id, organization) VALUES (?, ?)"
        write_rows(self._connection, query, wanted)

    def asked(self) -> list[tuple[str, int]]:
        """Organizations with how many are to be looked for."""
        query = "SELECT organization, count(*) FROM asked_membership GROUP BY organization ORDER BY organization"
        return self._connection.execute(query).fetchall()

    def asked_of(self, organization: str) -> list[str]:
        """User ids to be looked for in one organization."""
        query = "SELECT user_id FROM asked_membership WHERE organization = ? ORDER BY user_id"
        return [row[0] for row in self._connection.execute(query, (organization,))]

    def store_absent(self) -> None:
        """What was looked for and not given is not there."""
        query = "INSERT OR IGNORE INTO held_membership SELECT user_id, organization, NULL FROM asked_membership"
        self._connection.execute(query)

    def store_held(self, held: Iterable[tuple[str, str, HeldMembership | None]]) -> None:
        """Keep what was looked for: (user id, organization's external ID, what is there)."""
        write_rows(
            self._connection,
            "INSERT OR REPLACE INTO held_membership (user_id, organization, held) VALUES (?, ?, ?)",
            [(user, organization, orjson.dumps(one) if one is not None else None) for user, organization, one in held],
        )

    def store(self, decided: Sequence[tuple[Case, MembershipChange]]) -> None:
        """Keep what was decided, but for what is unchanged."""
        rows = []
        for case, change in decided:
            detail = orjson.dumps({"case": [case.desired, case.known, case.standing], "change": change})
            send = {"roles": change.roles} if change.roles is not None else None
            rows.append(
                (case.key, change.action, change.workos_id, orjson.dumps(send) if send else None, change.code,
                 change.created_here, change.action, detail)
            )  # fmt: skip
        write_rows(self._connection, _STORE, rows)

    def pairs(self) -> Iterator[MembershipPair]:
        """What `verify` compares, in order of key; WorkOS's users are indexed, and all memberships stored."""
        cursor = named(self._connection, _PairRow, _PAIRS)
        while rows := cursor.fetchmany(500):
            for row in rows:
                roles = tuple(orjson.loads(row.roles))
                desired = DesiredMembership(row.organization, roles, bool(row.enabled), bool(row.implied))
                held = held_membership(orjson.loads(row.held)) if row.held is not None else None
                yield MembershipPair(row.person, desired, row.email, bool(row.verified), bool(row.created_here), held)

    def work(self, phase: int) -> Iterator[list[MembershipWork]]:
        """Changes to carry out, each with the WorkOS id of its user, once the users have been written."""
        if not phase:
            return
        cursor = named(self._connection, _DueRow, _DUE)
        while rows := cursor.fetchmany(256):
            yield [_work(row) for row in rows]

    def conflicts(self, limit: int) -> list[tuple[str, str]]:
        """(key, code) of memberships in conflict, the first `limit` by key."""
        query = "SELECT key, code FROM change WHERE kind = 'membership' AND action = 'conflict' ORDER BY key LIMIT ?"
        return self._connection.execute(query, (limit,)).fetchall()


def knows_memberships(connection: sqlite3.Connection) -> bool:
    """Whether the state holds any."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM known WHERE kind = 'membership')").fetchone()[0])


def _case(row: _CaseRow) -> Case:
    desired = known = None
    if row.roles is not None:
        desired = DesiredMembership(
            row.organization, tuple(orjson.loads(row.roles)), bool(row.enabled), bool(row.implied)
        )
    if row.status is not None:
        known = _known(row)
    found: FoundMembership = "unknown"
    if row.looked is not None:
        found = held_membership(orjson.loads(row.held)) if row.held is not None else "absent"
    elif row.user_id is None and row.action == "create":
        found = "absent"
    ours = row.action in ("create", "update", "adopt", "unchanged")
    left = _left(row) if row.action is None else None
    standing = Standing(ours=ours, verified=bool(row.verified), left=left, waits=bool(row.waits))
    return Case(
        row.person,
        row.organization,
        desired,
        known,
        found,
        standing,
        row.user_id,
        row.email,
        row.status not in (None, "done"),
    )


def _known(row: _CaseRow) -> KnownMembership:
    detail = orjson.loads(row.detail) if row.detail else {}
    claimed = row.operation if row.status == "claimed" else None
    return KnownMembership(
        row.workos_id,
        tuple(detail.get("roles", ())),
        bool(row.created_here),
        bool(detail.get("off")),
        gone=row.status == "gone",
        claimed=claimed,
        begun_at=row.changed_at if claimed else None,
        stamp=detail.get("stamp"),
    )


def _left(row: _CaseRow) -> Left | None:
    """Why nobody selects the user any more; None for a person whom a decision skips."""
    if row.record is None:
        return "deleted"
    if row.reason is None:
        return None
    return "disabled" if row.reason == "disabled" else "filtered"


def held_membership(raw: dict[str, object]) -> HeldMembership:
    """From JSON."""
    held = HeldMembership(**raw)  # type: ignore[arg-type]  # its own fields
    return replace(held, roles=tuple(held.roles))


def _work(row: _DueRow) -> MembershipWork:
    held = orjson.loads(row.detail)
    desired, known, standing = held["case"]
    change = held["change"]
    for one in filter(None, (desired, known, change)):
        for name in ("roles", "wanted"):
            if one.get(name) is not None:
                one[name] = tuple(one[name])
    _, organization = split_membership_key(row.key)
    return MembershipWork(
        row.key,
        organization,
        row.user_id if row.user_status in ("done", "gone") or not standing["ours"] else None,
        MembershipChange(**change),
        DesiredMembership(**desired) if desired else None,
        KnownMembership(**known) if known else None,
        Standing(**standing),
    )
