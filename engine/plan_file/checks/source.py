"""The pools: their names and IDs, Region, address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.pools import written_pools
from engine.plan_file.section import known_text, section
from engine.plan_file.values import region_of, split_url

# botocore's own pattern of a UserPoolId.
_POOL = re.compile(r"[\w-]+_[0-9a-zA-Z]+")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    pools = list(written_pools(data))
    for key, pool in pools:
        cognito = section(pool, "cognito")
        yield from _check_pool((*key, "cognito"), cognito)
        yield from _check_endpoint((*key, "cognito", "endpoint_url"), cognito)
        export = section(pool, "export")
        own = known_text(export, "user_pool_id")
        if own is not None and not _POOL.fullmatch(own):
            yield _bad_pool((*key, "export", "user_pool_id"), own)
        if export and len(pools) > 1 and export.get("user_pool_id") is None:
            place = (*key, "export", "user_pool_id")
            wrong = f"{dotted(place)} is missing: users of several pools are known by pool and sub"
            yield Fault("missing_key", place, wrong, "add the ID of the pool that the files came from")
    yield from _check_twice([((*key, "name"), known_text(pool, "name")) for key, pool in pools], "name")
    yield from _check_twice([one for key, pool in pools for one in _ids(key, pool)], "user pool")


def _ids(key: Key, pool: Mapping[str, Any]) -> Iterator[tuple[Key, str | None]]:
    for kind in ("cognito", "export"):
        yield (*key, kind, "user_pool_id"), known_text(section(pool, kind), "user_pool_id")


def _check_twice(written: list[tuple[Key, str | None]], what: str) -> Iterator[Fault]:
    first: dict[str, Key] = {}
    for key, text in written:
        if text is not None and first.setdefault(text, key) != key:
            wrong = f"{dotted(key)} is {shown(text)}, the same {what} as {dotted(first[text])}"
            yield Fault("duplicate_pool", key, wrong, "each pool stands once in the list, under a name of its own")


def _check_pool(key: Key, cognito: Mapping[str, Any]) -> Iterator[Fault]:
    pool, region = known_text(cognito, "user_pool_id"), known_text(cognito, "region")
    place = (*key, "user_pool_id")
    if pool is None:
        return
    if not _POOL.fullmatch(pool):
        yield _bad_pool(place, pool)
        return
    own = region_of(pool)
    if own is None and "region" not in cognito:
        wrong = f"{dotted(place)} {shown(pool)} does not begin with an AWS Region"
        yield Fault("invalid_value", place, wrong, "write it as AWS shows it, us-east-1_AbCdEf123, or give region")
    elif own is not None and region is not None and region != own:
        where = (*key, "region")
        wrong = f"{dotted(where)} is {shown(region)}, but the pool {shown(pool)} is in another Region"
        yield Fault("region_mismatch", where, wrong, "leave region out: it is taken from the pool's ID")


def _bad_pool(key: Key, pool: str) -> Fault:
    wrong = f"{dotted(key)} is {shown(pool)}, which is no user pool ID"
    return Fault("invalid_value", key, wrong, "write it as AWS shows it, for example us-east-1_AbCdEf123")


def _check_endpoint(key: Key, cognito: Mapping[str, Any]) -> Iterator[Fault]:
    endpoint = known_text(cognito, "endpoint_url")
    if endpoint is None:
        return
    parts = split_url(endpoint)
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        wrong = f"{dotted(key)} is not the address of an API"
        yield Fault("invalid_value", key, wrong, "write scheme, host and port: http://127.0.0.1:5000")
