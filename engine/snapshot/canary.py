"""The people of a canary run in a snapshot: whom it names, who is chosen, and the rest, which waits.

It works on changes that are decided on. What it leaves for the state is of the chosen people alone.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from engine.model.keys import connection_key, split_user_key
from engine.model.outcomes import Orphan, ResourceRow
from engine.model.store import Settlement
from engine.snapshot.reconcile import settlement
from engine.snapshot.rows import named

# A record of this key, or every record with this address: (person or None, why it is excluded).
_TARGET = """
SELECT iif(reason IS NULL AND skipped = 0, coalesce(primary_key, key), NULL), iif(skipped, 'decision', reason)
FROM record WHERE key = ?1 OR email = ?2 ORDER BY key
"""
_CHOSEN = """
CREATE TEMP TABLE named_person (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE chosen (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# Who has changes, each once: first what an earlier run began, last what it could not do, or a limit would choose those
# again and again. Whom others may be waiting for, since they give up an address, comes before the rest.
_CHOOSE = """
INSERT INTO chosen
SELECT coalesce(r.primary_key, r.key) AS person FROM (
    SELECT kind, key, key AS user, phase FROM change WHERE kind = 'user' AND action IN ('create', 'update', 'adopt')
    UNION ALL
    SELECT kind, key, substr(key, 1, instr(key, char(9)) - 1), phase FROM change
    WHERE kind = 'membership' AND action IN ('create', 'update', 'deactivate', 'reactivate', 'remove')
) c
JOIN record r ON r.key = c.user AND r.reason IS NULL AND r.skipped = 0
LEFT JOIN known k ON k.key = c.key AND k.kind = c.kind
WHERE :all OR coalesce(r.primary_key, r.key) IN (SELECT key FROM named_person)
GROUP BY person
ORDER BY max(k.status IS NOT NULL AND k.status IN ('failed', 'conflict') OR k.error_code IS NOT NULL),
    min(k.status IS NOT 'claimed'), min(c.phase), person
LIMIT :limit
"""
_USERS_WAIT = """
UPDATE change SET action = 'wait', code = 'canary'
WHERE kind = 'user' AND action IN ('create', 'update', 'adopt', 'conflict') AND key NOT IN (SELECT key FROM chosen)
"""
# Somebody who was named is not passed over for having nothing that can be written.
_IN_CONFLICT = """
INSERT OR IGNORE INTO chosen SELECT n.key FROM named_person n JOIN change c ON c.key = n.key AND c.kind = 'user'
WHERE c.action = 'conflict'
"""
# Whatever the record was merged into; who left the source is nobody whom a canary chooses.
_OUTSIDE = """
kind = 'membership' AND action IN ('create', 'update', 'deactivate', 'reactivate', 'remove', 'conflict')
AND coalesce((
    SELECT coalesce(r.primary_key, r.key) FROM record r
    WHERE r.key = substr(change.key, 1, instr(change.key, char(9)) - 1)
), '') NOT IN (SELECT key FROM chosen)
"""
_MEMBERSHIPS_OUTSIDE = f"SELECT action, code, send IS NOT NULL FROM change WHERE {_OUTSIDE}"  # noqa: S608 - our own
_MEMBERSHIPS_WAIT = f"UPDATE change SET action = 'wait' WHERE {_OUTSIDE}"  # noqa: S608 - our own words
_PROVIDERS = """
SELECT r.key, r.identities FROM record r
WHERE r.identities IS NOT NULL AND r.reason IS NULL AND coalesce(r.primary_key, r.key) IN (SELECT key FROM chosen)
"""
_PLACES = "SELECT organization, roles FROM membership WHERE person IN (SELECT key FROM chosen)"

# Every key under which the state may know one of the chosen people: those of their records, and of any record, in the
# source or not, that speaks for the same WorkOS user.
_REACHED = """
CREATE TEMP TABLE reached (key TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO reached SELECT key FROM chosen;
INSERT OR IGNORE INTO reached SELECT r.key FROM record r JOIN chosen c ON c.key = r.primary_key;
INSERT OR IGNORE INTO reached
    SELECT u.key FROM chosen c JOIN known k ON k.key = c.key AND k.kind = 'user'
    JOIN known u ON u.workos_id = k.workos_id AND u.kind = 'user';
CREATE TEMP TABLE orphaned_before AS SELECT * FROM known_orphaned;
"""
_CHANGED = f"""
SELECT {", ".join(ResourceRow._fields)} FROM known WHERE dirty AND (
    kind NOT IN ('user', 'membership')
    OR iif(kind = 'user', key, substr(key, 1, instr(key, char(9)) - 1)) IN (SELECT key FROM reached)
)
"""  # noqa: S608 - our own names
_ORPHANED = """
SELECT workos_id, key, run_id FROM known_orphaned WHERE key IN (SELECT key FROM reached)
UNION SELECT workos_id, key, run_id FROM orphaned_before WHERE key NOT IN (SELECT key FROM reached)
"""


@dataclass(frozen=True, slots=True)
class Named:
    """What a target is in the snapshot: its people, and why its records are excluded where it has none."""

    people: tuple[str, ...]
    excluded: str | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What the chosen people need: keys of connections, external IDs of organizations, slugs of roles."""

    connections: frozenset[str]
    organizations: frozenset[str]
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Membership changes that wait: by action, and by code, and the requests that they would have taken."""

    actions: Counter[str]
    codes: Counter[str]
    writes: int


def find_named(connection: sqlite3.Connection, keys: Sequence[str], address: str) -> Named | None:
    """Who one target is: any of `keys`, or everybody with the address; None where the pool has no such record."""
    rows = [row for key in keys for row in connection.execute(_TARGET, (key, address))]
    if not rows:
        return None
    people = tuple(dict.fromkeys(person for person, _ in rows if person is not None))
    return Named(people) if people else Named((), str(rows[0][1]))


def choose(connection: sqlite3.Connection, people: Iterable[str] | None, limit: int | None) -> int:
    """Choose `people` (None: anybody), at most `limit` of those with changes, and say how many they are."""
    connection.executescript(_CHOSEN)
    connection.executemany("INSERT INTO named_person VALUES (?)", [(one,) for one in people or ()])
    if limit is None:
        connection.execute("INSERT INTO chosen SELECT key FROM named_person")
    else:
        connection.execute(_CHOOSE, {"all": people is None, "limit": limit})
        connection.execute(_IN_CONFLICT)
    return int(connection.execute("SELECT count(*) FROM chosen").fetchone()[0])


def hold_back(connection: sqlite3.Connection) -> HeldBack:
    """Let the changes of everybody else wait."""
    held = HeldBack(Counter(), Counter(), 0)
    writes = 0
    for action, code, sends in connection.execute(_MEMBERSHIPS_OUTSIDE):
        held.actions[action] += 1
        held.codes.update([code] if code is not None else [])
        writes += action != "conflict" and (action != "update" or bool(sends))
    connection.execute(_USERS_WAIT)
    connection.execute(_MEMBERSHIPS_WAIT)
    return HeldBack(held.actions, held.codes, writes)


def needs(connection: sqlite3.Connection, *, placed: bool) -> Needs:
    """What the chosen people need; `placed`: the snapshot has memberships."""
    connections = {
        connection_key(split_user_key(key)[0], str(provider))
        for key, identities in connection.execute(_PROVIDERS)
        for provider, _ in orjson.loads(identities)
    }
    places = connection.execute(_PLACES).fetchall() if placed else []
    return Needs(
        frozenset(connections),
        frozenset(organization for organization, _ in places),
        frozenset(role for _, roles in places for role in orjson.loads(roles)),
    )


def reach(connection: sqlite3.Connection) -> None:
    """Note whose rows of the state this run may touch; after `refresh_known`, before `reconcile`."""
    connection.executescript(_REACHED)


def settlement_of_chosen(connection: sqlite3.Connection, meta: Mapping[str, str]) -> Settlement:
    """What the state has to learn of the chosen people, and of nobody else."""
    whole = settlement(connection, meta)
    return Settlement(
        changed=named(connection, ResourceRow, _CHANGED),
        orphaned=named(connection, Orphan, _ORPHANED),
        left_out=whole.left_out,
        meta=whole.meta,
    )
