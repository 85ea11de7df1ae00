"""One person in a snapshot whose plan is computed: their records, the state's rows, what was decided on them.

Each question looks through a table at most once: for one person that costs less than an index over everybody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple

import orjson

from engine.model.outcomes import ResourceRow
from engine.resources.memberships.placements import DesiredMembership
from engine.snapshot.change_rows import ChangedMembership, changed_memberships
from engine.snapshot.rows import named

_COLUMNS = """
SELECT key, username, created, native, provider, email, address, linked_to IS NOT NULL AS linked, verified, fields,
    invalid, reason, failed, primary_key, relation, status, enabled, placeholder, skipped,
    max(password, joins) AS password FROM record
"""
_RECORDS = "WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key"
_CALLED = """
SELECT key FROM record
WHERE key IN (SELECT value FROM json_each(?1)) OR username = ?2 OR email = ?3 OR address = ?3 ORDER BY key
"""
_RELATED = """
SELECT key FROM record WHERE primary_key IN (SELECT value FROM json_each(?1))
    OR email IN (SELECT value FROM json_each(?2)) OR address IN (SELECT value FROM json_each(?2))
"""
_BY_EXTERNAL_ID = "SELECT key FROM record WHERE external_id = ? AND reason IS NULL ORDER BY key"
_STATE = f"SELECT {', '.join(ResourceRow._fields)} FROM known "  # noqa: S608 - our own names
_KNOWN = """
WHERE kind = 'user' AND (
    key IN (SELECT value FROM json_each(?1)) OR primary_key IN (SELECT value FROM json_each(?1))
    OR workos_id IN (SELECT value FROM json_each(?2))
) ORDER BY key
"""
_OF_USERS = """
WHERE kind = 'membership' AND relation = 'primary'
    AND substr(key, 1, instr(key, char(9)) - 1) IN (SELECT value FROM json_each(?)) ORDER BY key
"""
_CHANGES = """
SELECT key, action, workos_id, code, because, created_here FROM change
WHERE kind = 'user' AND key IN (SELECT value FROM json_each(?)) ORDER BY key
"""
_MOVES = """
SELECT c.key, r.email FROM change c JOIN record r ON r.key = c.key
WHERE c.kind = 'user' AND c.workos_id = ? AND c.action = 'update' AND c.phase = 0
"""
_WAITING = "SELECT key FROM waiting WHERE key IN (SELECT value FROM json_each(?))"
_WANTED = """
SELECT person, organization, roles, enabled, implied FROM membership
WHERE person IN (SELECT value FROM json_each(?)) ORDER BY person, organization
"""
# A linked profile, or a record that left, can lead to another record of the person; beyond that nobody is one.
_STEPS = 3


class PersonRecord(NamedTuple):
    """A record as the snapshot has it. `fields` of one that stands for a person are filled from the others."""

    key: str
    username: str
    created: float
    native: int
    provider: str | None
    email: str | None
    address: str | None
    linked: int
    verified: int
    fields: bytes
    invalid: bytes | None
    reason: str | None
    failed: str | None
    primary_key: str | None
    relation: str
    status: str
    enabled: int
    placeholder: int
    skipped: int
    password: int


class DecidedUser(NamedTuple):
    """What was decided on a person."""

    key: str
    action: str
    workos_id: str | None
    code: str | None
    because: str | None
    created_here: int


class _MembershipRow(NamedTuple):
    person: str
    organization: str
    roles: str
    enabled: int
    implied: int


class PersonRows:
    """Questions to one snapshot."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def called(self, keys: Iterable[str], username: str, email: str) -> set[str]:
        """Keys of records that have one of these keys, or this username or address."""
        return self._keys(_CALLED, (_listed(keys), username, email))

    def with_external_id(self, external_id: str) -> set[str]:
        """Keys of selected records that give this external ID."""
        return self._keys(_BY_EXTERNAL_ID, (external_id,))

    def known(self, keys: Iterable[str], workos_ids: Iterable[str] = ()) -> list[ResourceRow]:
        """The state's rows of these users, of those merged into them, and of all who point to these WorkOS users."""
        return list(named(self._connection, ResourceRow, _STATE + _KNOWN, (_listed(keys), _listed(workos_ids))))

    def gather(self, found: Collection[str]) -> set[str]:
        """These keys, and those of everybody who shares an address, a person or a WorkOS user with them."""
        keys = set(found)
        for _ in range(_STEPS):
            records = self.records(keys)
            addresses = {one for row in records for one in (row.email, row.address) if one is not None}
            more = {row.primary_key for row in records if row.primary_key is not None}
            more |= self._keys(_RELATED, (_listed(keys | more), _listed(addresses)))
            rows = self.known(keys | more)
            rows += self.known((), {row.workos_id for row in rows if row.workos_id is not None})
            more |= {row.key for row in rows}
            if more <= keys:
                break
            keys |= more
        return keys

    def records(self, keys: Iterable[str]) -> list[PersonRecord]:
        """In order of key."""
        return list(named(self._connection, PersonRecord, _COLUMNS + _RECORDS, (_listed(keys),)))

    def decided(self, keys: Iterable[str]) -> dict[str, DecidedUser]:
        """By key, of those who stand for a person or are skipped."""
        return {row.key: row for row in named(self._connection, DecidedUser, _CHANGES, (_listed(keys),))}

    def moving(self, workos_id: str) -> tuple[str, str] | None:
        """(key, new address) of the person whose change takes this WorkOS user's address away."""
        row = self._connection.execute(_MOVES, (workos_id,)).fetchone()
        return (str(row[0]), str(row[1])) if row is not None else None

    def waiting(self, keys: Iterable[str]) -> set[str]:
        """Keys of people whose turn it is not, whether anything is to be done for them or not."""
        return self._keys(_WAITING, (_listed(keys),))

    def wanted_memberships(self, keys: Iterable[str]) -> list[tuple[str, DesiredMembership]]:
        """(key of the person, what the plan asks for); the plan has organizations."""
        return [
            (row.person, DesiredMembership(
                row.organization, tuple(orjson.loads(row.roles)), bool(row.enabled), bool(row.implied)
            ))
            for row in named(self._connection, _MembershipRow, _WANTED, (_listed(keys),))
        ]  # fmt: skip

    def changed_memberships(self, keys: Iterable[str]) -> list[ChangedMembership]:
        """What was decided on their memberships, but for what is unchanged."""
        return changed_memberships(self._connection, _listed(keys))

    def known_memberships(self, keys: Iterable[str]) -> list[ResourceRow]:
        """The state's rows of their memberships."""
        return list(named(self._connection, ResourceRow, _STATE + _OF_USERS, (_listed(keys),)))

    def _keys(self, query: str, parameters: tuple[str, ...]) -> set[str]:
        return {str(row[0]) for row in self._connection.execute(query, parameters)}


def _listed(values: Iterable[str]) -> str:
    return orjson.dumps(sorted(values)).decode()
