"""Identity providers: what a plan says of one must not contradict itself, and addresses must be addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.plan_file.checks.destination import WORKOS
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.references import Opaque
from engine.plan_file.section import section
from engine.plan_file.values import is_loopback, split_url

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    from_export = bool(section(data, "source", "export"))
    providers = section(data, "oauth_providers")
    for name, one in providers.items():
        if isinstance(one, Mapping):
            yield from _check_provider(("oauth_providers", name), one, from_export=from_export)
    checks = section(data, "oauth")
    if checks.get("require") is True and data.get("oauth_providers") is None:
        wrong = "oauth.require: true has nothing to check: the plan has no oauth_providers"
        yield Fault("contradiction", ("oauth", "require"), wrong, "list the pool's providers, or leave require out")
    for at, host in enumerate(checks.get("allow_hosts") or ()):
        if isinstance(host, str) and not isinstance(host, Opaque) and not _HOST.fullmatch(host):
            key: Key = ("oauth", "allow_hosts", at)
            wrong = f"{dotted(key)} is {shown(host)}, which is no host name"
            yield Fault("invalid_value", key, wrong, "write the host alone: login.acme.com")
    for at, uri in enumerate(section(data, *WORKOS).get("redirect_uris") or ()):
        if isinstance(uri, str) and not isinstance(uri, Opaque):
            yield from _check_redirect_uri((*WORKOS, "redirect_uris", at), uri)


def _check_provider(key: Key, one: Mapping[str, Any], *, from_export: bool) -> Iterator[Fault]:
    connection = section(one, "connection")
    if connection and "fallback" in one:
        wrong = f"{dotted((*key, 'fallback'))} means nothing beside connection: those users sign in through it"
        yield Fault("contradiction", (*key, "fallback"), wrong, "keep one of the two")
    if one.get("reuse_credentials") is True and "fallback" in one:
        wrong = f"{dotted((*key, 'fallback'))} means nothing with reuse_credentials: true"
        yield Fault("contradiction", (*key, "fallback"), wrong, "keep one of the two")
    yield from _check_domains((*key, "connection", "domains"), connection.get("domains") or ())
    if connection and from_export:
        wrong = f"{dotted((*key, 'connection'))} is made from the pool's provider, and an export has no providers"
        yield Fault("contradiction", (*key, "connection"), wrong, "read the pool itself: source.cognito")


def _check_domains(key: Key, domains: Sequence[Any]) -> Iterator[Fault]:
    states: dict[str, str] = {}
    for at, one in enumerate(domains):
        place: Key = (*key, at, "domain") if isinstance(one, Mapping) else (*key, at)
        name = one.get("domain") if isinstance(one, Mapping) else one
        if not isinstance(name, str) or isinstance(name, Opaque):
            continue
        if not _DOMAIN.fullmatch(name):
            wrong = f"{dotted(place)} is {shown(name)}, which is no domain"
            yield Fault("invalid_value", place, wrong, "write what stands after the @ in ASCII: acme.com")
        state = str(one.get("state", "pending")) if isinstance(one, Mapping) else "pending"
        if states.setdefault(name.lower(), state) != state:
            wrong = f"{dotted(place)} is both pending and verified"
            yield Fault("contradiction", place, wrong, "keep one of the two")


def _check_redirect_uri(key: Key, uri: str) -> Iterator[Fault]:
    parts = split_url(uri)
    if parts is None or parts.fragment:
        wrong = f"{dotted(key)} is {shown(uri)}, which is no redirect URI"
        yield Fault("invalid_value", key, wrong, "write an address without fragment: https://app.acme.com/callback")
    elif parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        wrong = f"{dotted(key)} is {shown(uri)}: sign-in codes would cross the network unencrypted"
        yield Fault("insecure_url", key, wrong, "write https://; plain http is for 127.0.0.1 and localhost only")
