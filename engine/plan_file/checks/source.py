"""The source: pool, Region, address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.section import known_text, section
from engine.plan_file.values import region_of, split_url

_COGNITO: Key = ("source", "cognito")
# botocore's own pattern of a UserPoolId.
_POOL = re.compile(r"[\w-]+_[0-9a-zA-Z]+")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    cognito = section(data, *_COGNITO)
    yield from _check_pool(cognito)
    yield from _check_endpoint(cognito)
    export = section(data, "source", "export")
    pool = known_text(export, "user_pool_id")
    if pool is not None and not _POOL.fullmatch(pool):
        yield _bad_pool(("source", "export", "user_pool_id"), pool)


def _check_pool(cognito: Mapping[str, Any]) -> Iterator[Fault]:
    pool, region = known_text(cognito, "user_pool_id"), known_text(cognito, "region")
    key = (*_COGNITO, "user_pool_id")
    if pool is None:
        return
    if not _POOL.fullmatch(pool):
        yield _bad_pool(key, pool)
        return
    own = region_of(pool)
    if own is None and "region" not in cognito:
        wrong = f"{dotted(key)} {shown(pool)} does not begin with an AWS Region"
        yield Fault("invalid_value", key, wrong, "write it as AWS shows it, us-east-1_AbCdEf123, or give region")
    elif own is not None and region is not None and region != own:
        where = (*_COGNITO, "region")
        wrong = f"{dotted(where)} is {shown(region)}, but the pool {shown(pool)} is in another Region"
        yield Fault("region_mismatch", where, wrong, "leave region out: it is taken from the pool's ID")


def _bad_pool(key: Key, pool: str) -> Fault:
    wrong = f"{dotted(key)} is {shown(pool)}, which is no user pool ID"
    return Fault("invalid_value", key, wrong, "write it as AWS shows it, for example us-east-1_AbCdEf123")


def _check_endpoint(cognito: Mapping[str, Any]) -> Iterator[Fault]:
    endpoint = known_text(cognito, "endpoint_url")
    if endpoint is None:
        return
    key = (*_COGNITO, "endpoint_url")
    parts = split_url(endpoint)
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        wrong = f"{dotted(key)} is not the address of an API"
        yield Fault("invalid_value", key, wrong, "write scheme, host and port: http://127.0.0.1:5000")
