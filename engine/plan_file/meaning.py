"""What a plan file says about what is done: the options that a review holds fast, by name.

Whom it is about and what becomes of them counts. How fast, with which credentials, from which endpoint, under which
guards and where the state stands does not: the same is done, or nothing is. An option that is new here counts until
somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import orjson

from engine.plan_file.model import Decision, Destination, FieldMapping, Pool, Spec
from engine.plan_file.providers import ProviderSpec

# Of the Spec itself: said elsewhere below, or not about what is done.
_NOT_COUNTED = frozenset(
    {"path", "source", "filters", "attributes", "pools", "state_path", "keep_snapshot", "safety", "oauth",
     "destination", "decisions", "providers", "trusted_providers", "written_attributes"}
)  # fmt: skip
# Guards, and the pace of e-mails.
_WITHIN = frozenset(
    {"filters.allow_empty", "organizations.trust_writable",
     "password_reset.email.batch", "password_reset.email.every", "password_reset.email.hours",
     "password_reset.email.timezone"}
)  # fmt: skip
_BY_KEY = frozenset({"attributes.metadata"})


def meaning(spec: Spec, destination: str) -> dict[str, str]:
    """Each option that counts, by its name in the plan file, with its value as JSON. `destination` is the state's."""
    found: dict[str, Any] = {"name": spec.name, "destination": destination}
    found |= _of_destination(spec.destination)
    for pool in spec.pools:
        found |= _of_pool(pool, spec)
    for one in fields(spec):
        if one.name not in _NOT_COUNTED:
            found |= _flat(one.name, getattr(spec, one.name))
    if spec.password_reset.strategy != "email":
        found = {name: value for name, value in found.items() if not name.startswith("password_reset.email.")}
    found["decisions"] = sorted(map(_of_decision, spec.decisions))
    found["oauth_providers"] = spec.providers is not None
    for name, provider in (spec.providers or {}).items():
        found[f"oauth_providers.{name}"] = _of_provider(provider)
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return {name: orjson.dumps(value, default=_plain, option=options).decode() for name, value in found.items()}


def _of_destination(destination: Destination) -> dict[str, Any]:
    return {
        "destination.environment": destination.environment,
        "destination.limits": destination.limits,
        "destination.redirect_uris": sorted(destination.redirect_uris),
    }


def _of_pool(pool: Pool, spec: Spec) -> dict[str, Any]:
    before = f"source.{pool.key}." if len(spec.pools) > 1 else ""
    # What the plan calls a pool may change; under `from: pool` it chooses the organization.
    name = pool.name if spec.organizations.source == "pool" else None
    return {
        f"{before}source": [pool.key, pool.organization, name],
        **{f"{before}{name}": value for name, value in _flat("filters", pool.filters).items()},
        **{f"{before}{name}": value for name, value in _flat("attributes", pool.attributes).items()},
    }


def _of_decision(one: Decision) -> list[str]:
    return [one.pool or "", one.sub, one.action, one.user_id or ""]


def _of_provider(one: ProviderSpec) -> list[Any]:
    # The client ID that is pinned, and that credentials are reused, are there to be checked.
    return [one.fallback, one.connection, one.trust_email]


def _flat(name: str, value: Any) -> dict[str, Any]:
    return dict(_walk(name, value))


def _walk(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    inner: dict[str, Any] = {}
    if isinstance(value, FieldMapping):
        # What an author vouches for lets a run go on; it gives nobody another value.
        yield name, replace(value, optional=False, trust_writable=False)
        return
    if is_dataclass(value):
        inner = {one.name: getattr(value, one.name) for one in fields(value)}
    elif name in _BY_KEY:
        inner = dict(value)
    else:
        yield name, value
        return
    for key, one in inner.items():
        if f"{name}.{key}" not in _WITHIN:
            yield from _walk(f"{name}.{key}", one)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
