"""How resources are named inside the engine: kinds, and the keys of those that belong to a user pool."""

from __future__ import annotations

USER = "user"
CONNECTION = "connection"
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


def sub_of(key: str) -> str:
    """The sub of a user's key: what people and JSON call the user."""
    return key.partition("/")[2]


def connection_key(pool: str, provider: str) -> str:
    """The key of a connection: the pool's ID, and the name of its identity provider."""
    return user_key(pool, provider)
