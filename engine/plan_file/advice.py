"""Warnings: what a plan may ask for and its author may not expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.checks.destination import PREFIXES, WORKOS
from engine.plan_file.fault import Fault, Key, dotted
from engine.plan_file.model import DEFAULT_BASE_URL
from engine.plan_file.pools import written_pools, written_sections
from engine.plan_file.section import known_text, section
from engine.plan_file.values import is_loopback, split_url

# Quotas by the two services' documentation.
_WORKOS_QUOTAS = {"writes_per_10s": 500, "reads_per_10s": 1_000, "requests_per_60s": 6_000}
_COGNITO_QUOTA = 30


def find_advisable(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Warnings about a plan that is otherwise right, as faults."""
    yield from _no_password(section(data, "password_reset"))
    yield from _disabled_users(data)
    workos = section(data, *WORKOS)
    yield from _unknown_prefix(workos)
    yield from _above_quotas(workos)
    for key, pool in written_pools(data):
        cognito = section(pool, "cognito")
        if cognito.get("endpoint_url") is None:
            place = (*key, "cognito", "requests_per_second")
            yield from _above(place, cognito.get("requests_per_second"), _COGNITO_QUOTA, "Cognito's")


def _disabled_users(data: Mapping[str, Any]) -> Iterator[Fault]:
    if known_text(data, "disabled") == "deactivate":
        return
    for key, filters in written_sections(data, "filters"):
        if filters.get("enabled") == "any":
            place = (*key, "enabled")
            wrong = (
                f"{dotted(place)}: any migrates disabled users, and WorkOS has no disabled users: they could sign in"
            )
            yield Fault("disabled_users", place, wrong, "write enabled: true to leave them out")


def _no_password(reset: Mapping[str, Any]) -> Iterator[Fault]:
    if reset.get("strategy", "none") == "none":
        key: Key = ("password_reset", "strategy") if reset else ()
        wrong = "no password resets: migrated users cannot sign in with a password until they reset it"
        yield Fault("no_password_reset", key, wrong, "consider password_reset: {strategy: on_next_sign_in}")


def _unknown_prefix(workos: Mapping[str, Any]) -> Iterator[Fault]:
    api_key, environment = known_text(workos, "api_key"), known_text(workos, "environment")
    if api_key is None or environment is None or api_key.startswith(tuple(PREFIXES.values())):
        return
    wrong = f"the key's prefix does not tell its environment, so environment: {environment} guards nothing"
    yield Fault("unknown_key_prefix", (*WORKOS, "api_key"), wrong, "make sure that it is the key you mean")


def _above_quotas(workos: Mapping[str, Any]) -> Iterator[Fault]:
    parts = split_url(known_text(workos, "base_url") or DEFAULT_BASE_URL)
    # An emulator on this machine has no such quota.
    if parts is not None and not is_loopback(parts.hostname or ""):
        for name, quota in _WORKOS_QUOTAS.items():
            yield from _above((*WORKOS, name), workos.get(name), quota, "WorkOS's")


def _above(key: Key, value: Any, quota: int, whose: str) -> Iterator[Fault]:
    if isinstance(value, int | float) and value > quota:
        wrong = f"{dotted(key)} is {value:,}, above {whose} quota of {quota:,}"
        yield Fault("above_quota", key, wrong, "requests above it are refused and tried again")
