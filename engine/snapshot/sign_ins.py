"""How people in a snapshot sign in: their identity providers, and whether they have (or will get) a password.

What a provider is called depends on its pool, where there are several: `label` makes it of the record's key and the
provider's own name.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection
from itertools import groupby
from operator import itemgetter

import orjson

from engine.oauth.handling import SignsInBy
from engine.resources.organizations.organization import Addresses, domain_of

Label = Callable[[str, str], str]


def own_name(_: str, provider: str) -> str:
    """A provider's own name, of one pool alone."""
    return provider


# All records of one person, merged ones too, next to each other.
_IDENTITIES = """
SELECT coalesce(r.primary_key, r.key) AS person, r.key, r.identities, max(p.password, p.passwordless)
FROM record r JOIN record p ON p.key = coalesce(r.primary_key, r.key)
WHERE r.reason IS NULL AND r.skipped = 0 AND r.identities IS NOT NULL AND r.relation != 'unverified'
ORDER BY person
"""
_ADDRESSES = """
SELECT coalesce(r.primary_key, r.key) AS person, r.key, r.email, r.identities, max(p.password, p.passwordless)
FROM record r JOIN record p ON p.key = coalesce(r.primary_key, r.key)
WHERE r.reason IS NULL AND r.skipped = 0 AND r.email IS NOT NULL AND r.relation != 'unverified'
ORDER BY person
"""
_LEFT_OUT = """
SELECT min(key), provider, count(*) FROM record WHERE reason = 'provider' AND provider IS NOT NULL
GROUP BY provider, substr(key, 1, instr(key, '/'))
"""


def count_sign_ins(connection: sqlite3.Connection, label: Label = own_name) -> list[SignsInBy]:
    """People by the set of providers they have; blocking, and memory does not grow with the pool."""
    found: Counter[tuple[frozenset[str], bool]] = Counter()
    person, providers, password = None, set[str](), False
    for of, key, identities, has_password in connection.execute(_IDENTITIES):
        if of != person:
            if person is not None:
                found[frozenset(providers), password] += 1
            person, providers, password = of, set(), bool(has_password)
        providers.update(label(key, str(provider)) for provider, _ in orjson.loads(identities))
    if person is not None:
        found[frozenset(providers), password] += 1
    return [SignsInBy(names, has, people) for (names, has), people in sorted(found.items(), key=_in_order)]


def count_by_name(connection: sqlite3.Connection) -> int:
    """People who may sign in to Cognito with a name, and will have to type their address."""
    found = connection.execute(
        "SELECT count(DISTINCT coalesce(primary_key, key)) FROM record "
        "WHERE by_name AND reason IS NULL AND skipped = 0 AND relation != 'unverified'"
    )
    return int(found.fetchone()[0])


def count_addresses(
    connection: sqlite3.Connection,
    connections: Collection[str],
    domains: Collection[str],
    label: Label = own_name,
) -> Addresses:
    """Where the addresses of people lie who sign in with these providers, and of others under these domains; blocking.

    An address is that of the record that signs in: it is what the identity provider will tell WorkOS.
    """
    by_provider: dict[str, Counter[str]] = {name: Counter() for name in connections}
    others: Counter[str] = Counter()
    for _, rows in groupby(connection.execute(_ADDRESSES), key=itemgetter(0)):
        signs_in, addressed, otherwise = set[tuple[str, str]](), set[str](), False
        for _, key, email, identities, password in rows:
            domain = domain_of(email)
            addressed.add(domain)
            names = {label(key, str(name)) for name, _ in orjson.loads(identities)} if identities else set[str]()
            signs_in.update((name, domain) for name in names if name in by_provider)
            otherwise = otherwise or bool(password) or any(name not in by_provider for name in names)
        for name, domain in signs_in:
            by_provider[name][domain] += 1
        if otherwise:
            others.update(addressed.intersection(domains))
    return Addresses(by_provider, others)


def count_left_out(connection: sqlite3.Connection, label: Label = own_name) -> dict[str, int]:
    """Users whom `fallback: skip` excluded, by their provider."""
    return {label(key, str(provider)): int(number) for key, provider, number in connection.execute(_LEFT_OUT)}


def _in_order(item: tuple[tuple[frozenset[str], bool], int]) -> tuple[list[str], bool]:
    (names, password), _ = item
    return sorted(names), password
