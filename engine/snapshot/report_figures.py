"""Figures of a report out of a computed plan: conflicts by code, and who must do what.

Counts alone, but for the examples that a report shows on request. All of it is blocking.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import groupby
from operator import itemgetter

import orjson

from engine.model.keys import sub_of

_CODES = """
SELECT code, count(*) FROM change WHERE kind = 'user' AND action = 'conflict'
GROUP BY code ORDER BY count(*) DESC, code
"""
_EXAMPLES = (
    "SELECT key, workos_id FROM change WHERE kind = 'user' AND action = 'conflict' AND code = ? ORDER BY key LIMIT ?"
)
# All records of one person next to each other. What an unverified record claims to sign in with is not the person's.
_SIGN_INS = """
SELECT coalesce(r.primary_key, r.key) AS person, p.password OR p.joins, p.passwordless, r.by_name, r.identities, r.key
FROM record r JOIN record p ON p.key = coalesce(r.primary_key, r.key)
JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip'
WHERE r.reason IS NULL AND r.skipped = 0 AND (r.relation != 'unverified' OR r.primary_key IS NULL)
ORDER BY person
"""
_PERSON_OF = """
SELECT p.key FROM record r JOIN record p ON p.key = coalesce(r.primary_key, r.key)
JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip'
WHERE r.key = ? AND r.reason IS NULL AND r.skipped = 0 AND (r.relation != 'unverified' OR r.primary_key IS NULL)
"""
_PEOPLE = "SELECT count(*) FROM person p JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip'"


def conflicts_by_code(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """(code, people), the most frequent first."""
    return [(str(code), int(number)) for code, number in connection.execute(_CODES)]


def conflict_examples(connection: sqlite3.Connection, code: str, limit: int) -> list[tuple[str, str]]:
    """(sub, WorkOS id or "") of the first people in conflict for this reason."""
    return [(sub_of(key), str(workos_id or "")) for key, workos_id in connection.execute(_EXAMPLES, (code, limit))]


def count_duties(
    connection: sqlite3.Connection, unproven: Collection[str], factors: Collection[str] = ()
) -> Counter[frozenset[str]]:
    """People who move, by the set of their duties; memory does not grow with the pool.

    Duties as `engine.run.report_data` names them. `unproven` are providers that nobody has proven to work, `factors`
    the keys of records that are known to have a second factor.
    """
    found: Counter[frozenset[str]] = Counter()
    for _, rows in groupby(connection.execute(_SIGN_INS), key=itemgetter(0)):
        duties: set[str] = set()
        for _, password, passwordless, by_name, identities, key in rows:
            duties.update(_duties(password, passwordless, by_name))
            if identities and any(str(provider) in unproven for provider, _ in orjson.loads(identities)):
                duties.add("unproven_provider")
            if key in factors:
                duties.add("enrol_mfa")
        found[frozenset(duties)] += 1
    return found


def persons_of(connection: sqlite3.Connection, keys: Collection[str]) -> set[str]:
    """The people who move for whom these records speak, by key."""
    return {row[0] for key in keys for row in connection.execute(_PERSON_OF, (key,))}


def _duties(password: int, passwordless: int, by_name: int) -> Iterator[str]:
    if password:
        yield "reset_password"
    if passwordless:
        yield "enrol_passkey"
    if by_name:
        yield "type_address"


def count_people(connection: sqlite3.Connection) -> int:
    """People who are in WorkOS, or are to be."""
    return int(connection.execute(_PEOPLE).fetchone()[0])


def count_waiting_migrated(connection: sqlite3.Connection) -> int:
    """People in WorkOS whose changes wait for their turn."""
    query = "SELECT count(*) FROM change WHERE kind = 'user' AND action = 'wait' AND workos_id IS NOT NULL"
    return int(connection.execute(query).fetchone()[0])
