"""The plan's `organizations` section as frozen values, and how it is built. Checks nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.plan_file.providers import DomainSpec, build_domains
from engine.plan_file.section import given, section, text, texts, word

MembershipSource = Literal["none", "group", "attribute", "pool"]
Unmapped = Literal["error", "skip", "create"]


@dataclass(frozen=True, slots=True)
class Placement:
    """What an entry of `organizations.map`, or `default`, says.

    `organization` is an external ID. It and `name` may hold {1}, {2} … for what the stars of the entry's pattern
    stand for. `roles` are slugs, in the order of the plan file.
    """

    organization: str
    name: str | None = None
    roles: tuple[str, ...] = ()
    domains: tuple[DomainSpec, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """An entry of `organizations.map`: `*` in the pattern stands for one character or more."""

    pattern: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """A role that `create_roles` makes where WorkOS lacks it; `permissions` are slugs."""

    slug: str
    name: str
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Organizations:
    """What decides the memberships (`from`), and what may be made, removed and trusted on the way.

    `attribute` is set with source `attribute` only, `separator` where several values stand in one. Of `rules` the
    first that fits counts. `default` is for users whom the source gives no value.
    """

    source: MembershipSource = "none"  # `from` in the plan file
    attribute: str | None = None
    separator: str | None = None
    rules: tuple[PlacementRule, ...] = ()
    default: Placement | None = None
    unmapped: Unmapped = "error"
    create_missing: bool = True
    create_roles: bool = False
    roles: Mapping[str, RoleSpec] = field(default_factory=dict)  # by slug
    remove_missing: bool = False
    unverified: bool = False
    trust_writable: bool = False


def wildcards(pattern: str) -> str:
    """An entry's pattern as a regular expression (RE2) for the whole value, with a group for each star."""
    return "(?s)" + "(.+)".join(re.escape(part) for part in pattern.split("*"))


def build_organizations(data: Mapping[str, Any]) -> Organizations:
    """The section `organizations`."""
    written = section(data, "organizations")
    default = section(written, "default")
    told = given(
        written,
        attribute=text,
        separator=text,
        unmapped=word,
        create_missing=bool,
        create_roles=bool,
        remove_missing=bool,
        unverified=bool,
        trust_writable=bool,
        **{"from": word},
    )
    if "from" in told:
        told["source"] = told.pop("from")
    return Organizations(
        **told,
        rules=tuple(PlacementRule(str(name), _placement(one)) for name, one in section(written, "map").items()),
        default=_placement(default) if default else None,
        roles={str(slug): _role(str(slug), one or {}) for slug, one in section(written, "roles").items()},
    )


def _placement(written: Mapping[str, Any]) -> Placement:
    role = text(written.get("role"))
    return Placement(
        organization=str(written["organization"]),
        name=text(written.get("organization_name")),
        roles=texts(written.get("roles")) if role is None else (role,),
        domains=build_domains(written.get("domains")),
        metadata={str(name): str(value) for name, value in section(written, "metadata").items()},
    )


def _role(slug: str, written: Mapping[str, Any]) -> RoleSpec:
    return RoleSpec(slug, **{"name": slug, **given(written, name=text, permissions=texts)})
