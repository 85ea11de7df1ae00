"""How resources are named inside the engine: kinds, and the keys of those that belong to a user pool."""

from __future__ import annotations

from collections.abc import Mapping

REDIRECT_URI = "redirect_uri"  # key: the address
ORGANIZATION = "organization"  # key: its external ID
ROLE = "role"  # key: its slug
CONNECTION = "connection"
USER = "user"
MEMBERSHIP = "membership"
# The pool of users that come from export files which name none.
NO_POOL = "export files"


def user_key(pool: str, sub: str) -> str:
    """The key of a user: sorts by pool, then by sub."""
    # A pool's ID has no slash; the name that a plan gives to a folder of exports may have one.
    return f"{pool.replace('%', '%25').replace('/', '%2F') if '/' in pool or '%' in pool else pool}/{sub}"


def split_user_key(key: str) -> tuple[str, str]:
    """(pool, sub) of a user's key; a sub may have a slash."""
    pool, _, sub = key.partition("/")
    return pool.replace("%2F", "/").replace("%25", "%"), sub


def name_of_pool(names: Mapping[str, str], key: str) -> str | None:
    """What a plan of several pools, whose `names` these are by ID, calls a user's; the ID where it names it no more.

    None where there are no names: nobody has to be told apart.
    """
    if not names:
        return None
    pool = split_user_key(key)[0]
    return names.get(pool, pool)


def written_user(names: Mapping[str, str], key: str) -> str:
    """A user on one line and on a command line: the sub, or POOL/SUB in a plan of several pools (`names`, by ID)."""
    return within_pool(name_of_pool(names, key), sub_of(key))


def within_pool(pool: str | None, name: str) -> str:
    """What is called so in a pool: POOL/NAME where the plan has several, whose names those are."""
    return name if pool is None else f"{pool}/{name}"


def sub_of(key: str) -> str:
    """The sub of a user's key: what people and JSON call the user."""
    return key.partition("/")[2]


def connection_key(pool: str, provider: str) -> str:
    """The key of a connection: the pool's ID, and the name of its identity provider."""
    return user_key(pool, provider)


def membership_key(user: str, organization: str) -> str:
    """The key of a membership: the user's key, and the organization's external ID."""
    # No sub of Cognito and no external ID of ours holds a control character.
    return f"{user}\t{organization}"


def split_membership_key(key: str) -> tuple[str, str]:
    """(key of the user, external ID of the organization)."""
    user, _, organization = key.rpartition("\t")
    return user, organization
