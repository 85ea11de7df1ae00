"""Whether a pool can be cut by the first digit of the sub, proven on the pool itself. Reads no pool."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from engine.cognito.aws_errors import BAD_PARAMETER
from engine.cognito.calls import ExpectedRefusal
from engine.cognito.listing import PoolListing
from engine.model.side_by_side import Sleep
from engine.model.users import SourceUser

PREFIXES = tuple("0123456789abcdef")

_SUB = re.compile(r"[0-9a-f][0-9a-f-]{8,}")
_LOOKS = 5  # pages that are short or empty are followed this far
_GONE = 10  # users who vanish while a pool is read; more than that is a filter that loses users


def prove_prefixes(listing: PoolListing, witnesses: Collection[str], sleep: Sleep | None = None) -> bool:
    """Whether `sub ^=` finds what it should and nothing else.

    `witnesses` are subs seen without a filter. Nobody here has seen these filters on every kind of pool, so each
    pool is asked: one of its users must be found by the beginning of the sub, in pages that hold only such subs.
    """
    if not witnesses or not all(_SUB.fullmatch(sub) for sub in witnesses):
        return False
    sub = next(iter(witnesses))
    try:
        return _find(listing, sub[:1], None, sleep) and _find(listing, sub[:8], sub, sleep)
    except ExpectedRefusal:
        return False


def lost_by_prefixes(listing: PoolListing, missing: Mapping[str, str], sleep: Sleep | None = None) -> bool:
    """Whether a user whom the chains did not give (sub: username) is still in the pool; else they were deleted."""
    if len(missing) > _GONE:
        return True
    return any(_still_there(listing, sub, username, sleep) for sub, username in missing.items())


def _find(listing: PoolListing, prefix: str, sub: str | None, sleep: Sleep | None) -> bool:
    found: list[SourceUser] = []
    for users in _look(listing, f'sub ^= "{prefix}"', sleep):
        if not all(user.sub.startswith(prefix) for user in users):
            return False
        found += users
        if found and (sub is None or any(user.sub == sub for user in found)):
            return True
    return False


def _still_there(listing: PoolListing, sub: str, username: str, sleep: Sleep | None) -> bool:
    # By another index than the one in doubt.
    quoted = username.replace("\\", "\\\\").replace('"', '\\"')
    try:
        return any(user.sub == sub for users in _look(listing, f'username = "{quoted}"', sleep) for user in users)
    except ExpectedRefusal:
        return True


def _look(listing: PoolListing, query: str, sleep: Sleep | None) -> Iterator[Sequence[SourceUser]]:
    token: str | None = None
    for _ in range(_LOOKS):
        page = listing.page(query, token, expected=BAD_PARAMETER, sleep=sleep)
        yield page.items
        token = page.token
        if token is None:
            return
