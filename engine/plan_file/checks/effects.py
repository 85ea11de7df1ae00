"""Options that would do nothing where they stand: whoever wrote one expects something of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted
from engine.plan_file.pools import written_mappings, written_pools
from engine.plan_file.section import known_text, section

# A default must not stand for an address or its flag: every user without one would share it, or count as verified.
_WITHOUT_DEFAULT = ("email", "email_verified")
_NEVER_CONSTANT = (*_WITHOUT_DEFAULT, "external_id")
_SPLIT = frozenset({"first_name", "last_name"})
_OPPOSITES = ({"native", "federated"}, {"newest", "oldest"})
# Cognito's own providers have fixed names, and what they say of an address counts without being trusted.
_SOCIAL = frozenset({"Google", "Facebook", "LoginWithAmazon", "SignInWithApple"})


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key, mapping in written_mappings(data):
        yield from _check_mapping(key, mapping)
    yield from _check_resets(section(data, "password_reset"))
    yield from _check_preferences(section(data, "duplicates"))
    yield from _check_providers(data)
    pools = [pool for _, pool in written_pools(data)]
    if known_text(data, "mfa") == "report" and pools and all(section(pool, "export") for pool in pools):
        yield _without_effect(("mfa",), "over source.export, which holds no second factors", "read the pool itself")


def _check_mapping(key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    of_metadata = key[-2] == "metadata"
    name = "" if of_metadata else key[-1]
    if not of_metadata and "when_invalid" in mapping:
        yield _without_effect((*key, "when_invalid"), "outside metadata", "leave it out")
    if name in _WITHOUT_DEFAULT and mapping.get("default") is not None:
        yield _without_effect((*key, "default"), "there: nobody gets an address or its flag from the plan")
    if name not in _SPLIT and "split" in mapping:
        yield _without_effect((*key, "split"), "outside first_name and last_name")
    if name != "external_id" and "trust_writable" in mapping:
        yield _without_effect((*key, "trust_writable"), "outside external_id")
    if "const" not in mapping:
        return
    if name in _NEVER_CONSTANT:
        wrong = f"{dotted((*key, 'const'))} would be the same for every user"
        yield Fault("contradiction", (*key, "const"), wrong, "name the attribute that it comes from")
    for other in ("map", "default", "split", "optional", "trust_writable"):
        if other in mapping and (other not in {"split", "trust_writable"} or name in {*_SPLIT, "external_id"}):
            yield _without_effect((*key, other), "beside const")
    if of_metadata and mapping.get("when_invalid") == "omit":
        yield _without_effect((*key, "when_invalid"), "beside const, whose value is checked here")


def _check_resets(reset: Mapping[str, Any]) -> Iterator[Fault]:
    strategy = known_text(reset, "strategy")
    if strategy is None:
        return
    if "flag" in reset and strategy != "on_next_sign_in":
        yield _without_effect(("password_reset", "flag"), f"with strategy: {strategy}", "it is on_next_sign_in's")
    if "email" in reset and strategy != "email":
        right = "write strategy: email, or take the section out"
        yield _without_effect(("password_reset", "email"), f"with strategy: {strategy}", right)
    email = section(reset, "email")
    if "timezone" in email and "window" not in email:
        key: Key = ("password_reset", "email", "timezone")
        yield _without_effect(key, "without a window", "add window: {from: …, to: …}, or leave it out")


def _check_preferences(duplicates: Mapping[str, Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, one in enumerate(duplicates.get("prefer") or ()):
        for pair in _OPPOSITES:
            if one in pair and seen & pair:
                key: Key = ("duplicates", "prefer", at)
                yield _without_effect(key, f"after {next(iter(seen & pair))}", "keep one of the two")
        if isinstance(one, str):
            seen.add(str(one))


def _check_providers(data: Mapping[str, Any]) -> Iterator[Fault]:
    checks = section(data, "oauth")
    if data.get("oauth_providers") is None:
        for name in ("probe", "allow_hosts"):
            if checks.get(name):
                yield _without_effect(("oauth", name), "without oauth_providers", "list the pool's providers there")
    for name, one in section(data, "oauth_providers").items():
        if name in _SOCIAL and isinstance(one, Mapping) and one.get("trust_email") is True:
            yield _without_effect(("oauth_providers", name, "trust_email"), f"on {name}, whose word counts anyway")


def _without_effect(key: Key, where: str, right: str = "leave it out") -> Fault:
    return Fault("no_effect", key, f"{dotted(key)} does nothing {where}", right)
