"""Identity providers: what a plan says of one must not contradict itself, and addresses must be addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.checks.destination import WORKOS
from engine.plan_file.checks.domains import check_domains
from engine.plan_file.checks.organizations import check_organization_id
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.pools import written_pools
from engine.plan_file.references import Opaque
from engine.plan_file.section import known_text, section
from engine.plan_file.values import is_loopback, split_url

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    pools = [pool for _, pool in written_pools(data)]
    from_export = bool(pools) and all(section(pool, "export") for pool in pools)
    providers = section(data, "oauth_providers")
    for name, one in providers.items():
        if isinstance(one, Mapping):
            yield from _check_provider(("oauth_providers", name), one, from_export=from_export)
            place: Key = ("oauth_providers", name, "connection", "organization")
            yield from check_organization_id(data, place, known_text(section(one, "connection"), "organization"))
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
    yield from check_domains((*key, "connection", "domains"), connection.get("domains") or ())
    if connection and from_export:
        wrong = f"{dotted((*key, 'connection'))} is made from the pool's provider, and an export has no providers"
        yield Fault("contradiction", (*key, "connection"), wrong, "read the pool itself: source.cognito")


def _check_redirect_uri(key: Key, uri: str) -> Iterator[Fault]:
    parts = split_url(uri)
    if parts is None or parts.fragment:
        wrong = f"{dotted(key)} is {shown(uri)}, which is no redirect URI"
        yield Fault("invalid_value", key, wrong, "write an address without fragment: https://app.acme.com/callback")
    elif parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        wrong = f"{dotted(key)} is {shown(uri)}: sign-in codes would cross the network unencrypted"
        yield Fault("insecure_url", key, wrong, "write https://; plain http is for 127.0.0.1 and localhost only")
