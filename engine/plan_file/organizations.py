"""The plan's `organizations` section as frozen values: who becomes a member of what. Builds and checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.plan_file.providers import DomainSpec

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
