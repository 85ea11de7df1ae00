"""The destination: its address, and whether the key is one for the environment that the plan names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.section import known_text, section
from engine.plan_file.values import is_loopback, split_url

WORKOS: Key = ("destination", "workos")
PREFIXES = {"production": "sk_live_", "staging": "sk_test_"}
"""What keys begin with. WorkOS promises no more than `sk_`."""


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    workos = section(data, *WORKOS)
    base_url = known_text(workos, "base_url")
    if base_url is not None:
        yield from _check_base_url(base_url)
    api_key = known_text(workos, "api_key")
    if api_key is not None:
        yield from _check_api_key(api_key, known_text(workos, "environment"))


def _check_base_url(base_url: str) -> Iterator[Fault]:
    key = (*WORKOS, "base_url")
    parts = split_url(base_url)
    if parts is None:
        wrong = f"{dotted(key)} is not the address of an API"
        yield Fault("invalid_value", key, wrong, "write https://api.workos.com")
    elif parts.username is not None or parts.password is not None:
        yield Fault("invalid_value", key, f"{dotted(key)} holds a user name", "write scheme and host only")
    elif parts.path not in {"", "/"} or parts.query or parts.fragment:
        wrong = f"{dotted(key)} goes on after the host"
        yield Fault("invalid_value", key, wrong, "write scheme and host only: https://api.workos.com")
    elif parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        wrong = f"{dotted(key)} is {shown(base_url)}: the key and every user would cross the network unencrypted"
        yield Fault("insecure_url", key, wrong, "write https://; plain http is for 127.0.0.1 and localhost only")


def _check_api_key(api_key: str, environment: str | None) -> Iterator[Fault]:
    key = (*WORKOS, "api_key")
    if not re.fullmatch(r"[\x21-\x7e]+", api_key):
        wrong = f"{dotted(key)} was read from the environment and holds a space, a line break or a foreign character"
        yield Fault("invalid_value", key, wrong, "set the variable to the key alone")
        return
    opposite = {"production": "sk_test_", "staging": "sk_live_"}.get(environment or "")
    if opposite and api_key.startswith(opposite):
        wrong = f"the key in {dotted(key)} begins with {opposite}, but environment is {environment}"
        right = "set the variable to the key of the environment that the plan is for"
        yield Fault("wrong_environment", key, wrong, right)
