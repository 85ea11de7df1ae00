"""Figures of a report out of a computed plan: conflicts by code, who must do what, fields and who fills them.

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
SELECT coalesce(r.primary_key, r.key) AS person, p.password OR p.joins, p.passwordless, r.by_name, r.identities
FROM record r JOIN record p ON p.key = coalesce(r.primary_key, r.key)
JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip'
WHERE r.reason IS NULL AND r.skipped = 0 AND (r.relation != 'unverified' OR r.primary_key IS NULL)
ORDER BY person
"""
_PEOPLE = "SELECT count(*) FROM person p JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip'"
_FILLED = """
SELECT f.key, count(*) FROM person p JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip',
    json_each(CAST(p.fields AS TEXT)) f GROUP BY f.key
"""
_INVALID = """
SELECT f.key, f.value, count(*) FROM person p JOIN change c ON c.kind = 'user' AND c.key = p.key AND c.action != 'skip',
    json_each(CAST(p.invalid AS TEXT)) f WHERE p.invalid IS NOT NULL GROUP BY f.key, f.value
"""


def conflicts_by_code(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """(code, people), the most frequent first."""
    return [(str(code), int(number)) for code, number in connection.execute(_CODES)]


def conflict_examples(connection: sqlite3.Connection, code: str, limit: int) -> list[tuple[str, str]]:
    """(sub, WorkOS id or "") of the first people in conflict for this reason."""
    return [(sub_of(key), str(workos_id or "")) for key, workos_id in connection.execute(_EXAMPLES, (code, limit))]


def count_duties(connection: sqlite3.Connection, unproven: Collection[str]) -> Counter[frozenset[str]]:
    """People who move, by the set of their duties; memory does not grow with the pool.

    Duties as `engine.run.report_data` names them. `unproven` are providers that nobody has proven to work.
    """
    found: Counter[frozenset[str]] = Counter()
    for _, rows in groupby(connection.execute(_SIGN_INS), key=itemgetter(0)):
        duties: set[str] = set()
        for _, password, passwordless, by_name, identities in rows:
            duties.update(_duties(password, passwordless, by_name))
            if identities and any(str(provider) in unproven for provider, _ in orjson.loads(identities)):
                duties.add("unproven_provider")
        found[frozenset(duties)] += 1
    return found


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


def count_filled(connection: sqlite3.Connection) -> Counter[str]:
    """Flat field name to the people who have a value of their own for it."""
    return Counter({str(name): int(number) for name, number in connection.execute(_FILLED)})


def count_invalid(connection: sqlite3.Connection) -> dict[str, Counter[str]]:
    """Flat field name to people by what is wrong with their value."""
    found: dict[str, Counter[str]] = {}
    for name, fault, number in connection.execute(_INVALID):
        found.setdefault(str(name), Counter())[str(fault)] = int(number)
    return found
