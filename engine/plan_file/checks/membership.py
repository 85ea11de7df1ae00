"""Who becomes a member of what: options of `organizations` that contradict each other, or would do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.checks.organizations import fits, written_placements
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.model import NAMELESS_POOL
from engine.plan_file.pools import written_pools
from engine.plan_file.references import Opaque
from engine.plan_file.section import known_text, section
from engine.plan_file.suggestions import closest

_KEY: Key = ("organizations",)
_MAP: Key = ("organizations", "map")
# What a connection's memberships use as well.
_SHARED = ("create_missing", "remove_missing", "unverified")
_OF_MEMBERS = ("map", "default", "unmapped", "create_roles", "roles")
_SLUG = re.compile(r"[a-z0-9_-]{1,48}")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    organizations = section(data, *_KEY)
    source = known_text(organizations, "from")
    yield from _check_pools(data, organizations, source)
    if source is None:
        return
    yield from _check_attribute(organizations, source)
    if source == "none":
        unused = [*_OF_MEMBERS, *(() if _has_members(data) else _SHARED)]
        yield from (_no_effect((*_KEY, name), "with from: none") for name in unused if name in organizations)
        return
    yield from _check_placing(data, organizations, source)
    yield from _check_roles(data, organizations)


def _has_members(data: Mapping[str, Any]) -> bool:
    """Whether a connection's users are members of its organization."""
    connections = [section(data, "oauth_providers", name, "connection") for name in section(data, "oauth_providers")]
    return any(one and one.get("members") is not False for one in connections)


def _check_attribute(organizations: Mapping[str, Any], source: str) -> Iterator[Fault]:
    if source != "attribute":
        for name in ("attribute", "separator", "trust_writable"):
            if name in organizations:
                yield _no_effect((*_KEY, name), f"with from: {source}", "leave it out, or write from: attribute")
        return
    if "attribute" not in organizations:
        key = (*_KEY, "attribute")
        yield Fault("missing_key", key, f"{dotted(key)} is missing", "add it, for example attribute: custom:tenant")
    separator = known_text(organizations, "separator")
    for name in section(organizations, "map"):
        if separator and separator in name:
            yield _no_effect(
                (*_MAP, name), f"with the separator {shown(separator)} in it", "write an entry for each part"
            )


def _check_placing(data: Mapping[str, Any], organizations: Mapping[str, Any], source: str) -> Iterator[Fault]:
    unmapped = known_text(organizations, "unmapped") if "unmapped" in organizations else "error"
    key = (*_KEY, "unmapped")
    if unmapped == "create" and organizations.get("create_missing") is False:
        wrong = f"{dotted(key)}: create makes organizations, and create_missing: false makes none"
        yield Fault("contradiction", key, wrong, "change one of the two")
    if source == "pool" and "default" in organizations and "unmapped" in organizations:
        yield _no_effect(key, "with from: pool beside default, which every other pool's users get")
    if unmapped in {"create", None} or organizations.get("default"):
        return
    if source == "pool":
        yield from _check_each_pool(data, organizations)
    elif not organizations.get("map"):
        wrong = "organizations places nobody: it has neither map nor default"
        right = (
            f"add map: {{<{'group' if source == 'group' else 'value'}>: {{organization: acme}}}}, or unmapped: create"
        )
        yield Fault("missing_key", (*_KEY, "map"), wrong, right)


def _check_each_pool(data: Mapping[str, Any], organizations: Mapping[str, Any]) -> Iterator[Fault]:
    """A pool that belongs nowhere; with `unmapped: skip` that is meant, as long as another one belongs somewhere."""
    pools = list(written_pools(data))
    homeless = [(key, pool) for key, pool in pools if not _has_home(pool, section(organizations, "map"))]
    if known_text(organizations, "unmapped") == "skip" and len(homeless) < len(pools):
        return
    for key, pool in homeless:
        named = known_text(pool, "name")
        wrong = f"the pool {shown(named)} has no organization" if named else f"{dotted(key)} has no organization"
        right = "add organization to it, or an entry to organizations.map, or organizations.default"
        if len(key) == 1:
            right = "add organizations.default: {organization: acme}"
        yield Fault("missing_key", key, wrong, right)


def _has_home(pool: Mapping[str, Any], entries: Mapping[str, Any]) -> bool:
    if pool.get("organization"):
        return True
    ids = (section(pool, kind).get("user_pool_id") for kind in ("cognito", "export"))
    name = pool.get("name") or next((one for one in ids if one), NAMELESS_POOL)
    # A name that is a reference may fit any entry.
    return isinstance(name, Opaque) or any(fits(entry, str(name)) for entry in entries)


def _check_pools(data: Mapping[str, Any], organizations: Mapping[str, Any], source: str | None) -> Iterator[Fault]:
    with_own = [(key, pool) for key, pool in written_pools(data) if "organization" in pool]
    for key, pool in with_own:
        place = (*key, "organization")
        if source not in {None, "pool"} or "from" not in organizations:
            yield _no_effect(
                place, "without organizations.from: pool", "add organizations: {from: pool}, or leave it out"
            )
        elif known_text(pool, "name") in section(organizations, "map"):
            name = str(pool["name"])
            wrong = f"{dotted(place)} and {dotted((*_MAP, name))} both say where the pool's users belong"
            yield Fault("two_sources", place, wrong, "keep one of the two")


def _check_roles(data: Mapping[str, Any], organizations: Mapping[str, Any]) -> Iterator[Fault]:
    entries = [entry for _, _, entry in written_placements(data)]
    written = [role for entry in entries for role in (entry.get("role", ""), *(entry.get("roles") or ()))]
    named = {str(role) for role in written if role and not isinstance(role, Opaque)}
    # What is misshapen or a reference may name any role.
    all_known = all(isinstance(role, str) and not isinstance(role, Opaque) for role in written)
    creates = organizations.get("create_roles") is True
    key = (*_KEY, "roles")
    if "roles" in organizations and not creates:
        yield _no_effect(key, "without create_roles: true", "add create_roles: true, or leave it out")
        return
    if creates and not any("role" in entry or "roles" in entry for entry in entries):
        yield _no_effect((*_KEY, "create_roles"), "where no entry has a role", "give entries a role, or leave it out")
    for slug in section(organizations, "roles"):
        place = (*key, slug)
        if not _SLUG.fullmatch(slug):
            wrong = f"{dotted(place)} is no slug of a role"
            right = "lower-case letters, digits, dashes and underscores, at most 48"
            yield Fault("invalid_value", place, wrong, right, at_key=True)
        elif slug not in named and all_known:
            guess = closest(slug, sorted(named))
            right = f"did you mean {guess}?" if guess else "give an entry of map that role, or leave it out"
            yield Fault("no_effect", place, f"{dotted(place)} does nothing: no entry has that role", right, at_key=True)


def _no_effect(key: Key, where: str, right: str = "leave it out") -> Fault:
    return Fault("no_effect", key, f"{dotted(key)} does nothing {where}", right, at_key=True)
