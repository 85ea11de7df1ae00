"""How people in a snapshot sign in: their identity providers, and whether they have (or will get) a password."""

from __future__ import annotations

import sqlite3
from collections import Counter

import orjson

from engine.oauth.handling import SignsInBy

# All records of one person, merged ones too, next to each other.
_IDENTITIES = """
SELECT coalesce(r.primary_sub, r.sub) AS person, r.identities, p.password
FROM record r JOIN record p ON p.sub = coalesce(r.primary_sub, r.sub)
WHERE r.reason IS NULL AND r.skipped = 0 AND r.identities IS NOT NULL AND r.relation != 'unverified'
ORDER BY person
"""
_LEFT_OUT = "SELECT provider, count(*) FROM record WHERE reason = 'provider' AND provider IS NOT NULL GROUP BY provider"


def count_sign_ins(connection: sqlite3.Connection) -> list[SignsInBy]:
    """People by the set of providers they have; blocking, and memory does not grow with the pool."""
    found: Counter[tuple[frozenset[str], bool]] = Counter()
    person, providers, password = None, set[str](), False
    for sub, identities, has_password in connection.execute(_IDENTITIES):
        if sub != person:
            if person is not None:
                found[frozenset(providers), password] += 1
            person, providers, password = sub, set(), bool(has_password)
        providers.update(str(provider) for provider, _ in orjson.loads(identities))
    if person is not None:
        found[frozenset(providers), password] += 1
    return [SignsInBy(names, has, people) for (names, has), people in sorted(found.items(), key=_in_order)]


def count_by_name(connection: sqlite3.Connection) -> int:
    """People who may sign in to Cognito with a name, and will have to type their address."""
    found = connection.execute(
        "SELECT count(DISTINCT coalesce(primary_sub, sub)) FROM record "
        "WHERE by_name AND reason IS NULL AND skipped = 0 AND relation != 'unverified'"
    )
    return int(found.fetchone()[0])


def count_left_out(connection: sqlite3.Connection) -> dict[str, int]:
    """Users whom `fallback: skip` left out, by their provider."""
    return {str(provider): int(number) for provider, number in connection.execute(_LEFT_OUT)}


def _in_order(item: tuple[tuple[frozenset[str], bool], int]) -> tuple[list[str], bool]:
    (names, password), _ = item
    return sorted(names), password
