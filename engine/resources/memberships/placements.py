"""Which organizations a record belongs to, with which roles: groups, an attribute, the pool, SSO connections. Pure.

Whether that becomes a membership is decided by `decision`; what the organizations hold, by `organizations.desired`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.model.errors import GuardRefused
from engine.model.groups import Group
from engine.model.patterns import compile_stars
from engine.model.users import SourceUser
from engine.plan_file.organizations import Organizations, Placement, PlacementRule
from engine.plan_file.providers import ConnectionSpec

_STAR = re.compile(r"\{(\d+)\}")

PlacementFault = Literal["unmapped_organization", "invalid_organization"]


@dataclass(frozen=True, slots=True)
class Placed:
    """One organization that a record belongs to; nothing in `placement` is left to be filled in.

    `precedence` is the group's, None without one. `order` is the place in the plan file.
    """

    placement: Placement
    precedence: int | None = None
    order: int = 0
    implied: bool = False  # by signing in through its SSO connection alone; the plan says nothing of this user


@dataclass(frozen=True, slots=True)
class RecordPlacements:
    """Where one record belongs. `fault` makes its user a conflict; `names` are the groups or values that it is about.

    A value may be user data: `names` are for who asks for them. `named`: the record has a group or a value, even if
    the plan skips it.
    """

    placed: tuple[Placed, ...] = ()
    named: bool = False
    fault: PlacementFault | None = None
    names: tuple[str, ...] = ()


class Placer:
    """Places the records of one pool.

    `pool_name` is what the plan file calls it, `pool_organization` the external ID for all its users, if there is one.
    """

    def __init__(
        self,
        section: Organizations,
        *,
        groups: Iterable[Group] = (),
        pool_name: str | None = None,
        pool_organization: str | None = None,
        connections: Mapping[str, ConnectionSpec] | None = None,
        id_length: int = 64,
    ) -> None:
        self._section = section
        self._rules = [(compile_stars(rule.pattern), rule.placement) for rule in section.rules]
        self._precedence = {one.name: one.precedence for one in groups}
        self._pool = pool_name
        self._pool_organization = pool_organization
        self._connections = {name: one for name, one in (connections or {}).items() if one.members}
        self._id_length = id_length
        # Names come again and again: a pool has some groups and many users.
        self._found: dict[str, Placed | PlacementFault | None] = {}

    def place(self, user: SourceUser, providers: Collection[str] = ()) -> RecordPlacements:
        """Every organization of a record. `providers` are its identity providers, by name."""
        placed: list[Placed] = []
        faults: dict[str, PlacementFault] = {}
        names = self._names(user)
        for name in names:
            found = self._of_name(name)
            if isinstance(found, Placed):
                placed.append(found)
            elif found is not None:
                faults[name] = found
        # A connection says nothing of roles; its organization is described where it stands in the plan.
        placed.extend(
            Placed(Placement(self._connections[provider].organization), None, len(self._rules), implied=True)
            for provider in sorted(self._connections.keys() & set(providers))
        )
        fault = min(faults.values()) if faults else None
        return RecordPlacements(tuple(placed), bool(names), fault, tuple(sorted(faults)))

    def _names(self, user: SourceUser) -> Sequence[str]:
        section = self._section
        if section.source == "group":
            return sorted(set(user.groups or ()))
        if section.source == "pool":
            return (self._pool,) if self._pool is not None else ()
        if section.source != "attribute" or section.attribute is None:
            return ()
        value = user.attributes.get(section.attribute) or ""
        parts = value.split(section.separator) if section.separator else [value]
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _of_name(self, name: str) -> Placed | PlacementFault | None:
        """What a group or value leads to; None where the plan skips it."""
        if name not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[name] = self._decide(name)
        return self._found[name]

    def _decide(self, name: str) -> Placed | PlacementFault | None:
        if self._section.source == "pool" and self._pool_organization is not None:
            return self._valid(Placed(Placement(self._pool_organization)))
        precedence = self._precedence.get(name)
        for order, (match, placement) in enumerate(self._rules):
            stars = match(name)
            if stars is None:
                continue
            filled = replace(
                placement,
                organization=_fill(placement.organization, stars),
                name=_fill(placement.name, stars) if placement.name is not None else None,
            )
            return self._valid(Placed(filled, precedence, order))
        if self._section.source == "pool" and self._section.default is not None:
            # Each pool's users have the one that their pool gives them, whatever other pools give.
            return self._valid(Placed(self._section.default, None, len(self._rules)))
        if self._section.unmapped == "create":
            return self._valid(Placed(Placement(name), precedence, len(self._rules)))
        return "unmapped_organization" if self._section.unmapped == "error" else None

    def _valid(self, placed: Placed) -> Placed | PlacementFault:
        key, name = placed.placement.organization, placed.placement.name
        # As the plan file's own external IDs: ASCII, as users' are (API description). Nothing that is drawn as nothing,
        # or two organizations would look like one.
        sound = key.isascii() and all(one and one.isprintable() and one.strip() == one for one in (key, name or key))
        return placed if sound and len(key) <= self._id_length else "invalid_organization"


_REMEMBERED = 10_000


def _fill(text: str, stars: Sequence[str]) -> str:
    """The text with {1} … replaced, once: what a star stands for is not filled in itself."""
    return _STAR.sub(lambda found: stars[int(found[1]) - 1] if 0 < int(found[1]) <= len(stars) else found[0], text)


@dataclass(frozen=True, slots=True)
class DesiredMembership:
    """A membership that the plan asks for. `roles` are slugs, the one that decides first; none: WorkOS's default.

    `enabled`: a record that is enabled in Cognito asks for it. `implied`: only an SSO connection does.
    """

    organization: str
    roles: tuple[str, ...] = ()
    enabled: bool = True
    implied: bool = False


@dataclass(frozen=True, slots=True)
class PlacedRecord:
    """A record of one person, as far as memberships go.

    `named` is that of its `RecordPlacements`. `counts`: false for an unverified one of a verified group.
    """

    placed: tuple[Placed, ...]
    named: bool = False
    enabled: bool = True
    counts: bool = True


@dataclass(slots=True)
class _Wish:
    enabled: bool = False
    implied: bool = True
    ranked: list[tuple[tuple[bool, int, int, int], str]] = field(default_factory=list)


def desired_memberships(
    records: Iterable[PlacedRecord], default: Placement | None = None
) -> tuple[DesiredMembership, ...]:
    """One person's, over all their records (rules 18, 20, 21), by organization.

    `default` is for who belongs nowhere and has no group or value that the plan has skipped.
    """
    counting = [one for one in records if one.counts]
    wishes: dict[str, _Wish] = {}
    for record in counting:
        for one in record.placed:
            _add(wishes, one, enabled=record.enabled)
    if default is not None and counting and not wishes and not any(one.named for one in counting):
        _add(wishes, Placed(default), enabled=any(one.enabled for one in counting))
    return tuple(
        DesiredMembership(
            name, tuple(dict.fromkeys(role for _, role in sorted(wish.ranked))), wish.enabled, wish.implied
        )
        for name, wish in sorted(wishes.items())
    )


def _add(wishes: dict[str, _Wish], placed: Placed, *, enabled: bool) -> None:
    wish = wishes.setdefault(placed.placement.organization, _Wish())
    wish.implied = wish.implied and placed.implied
    if enabled and not wish.enabled:
        # What a disabled record would have brought is not what an enabled one has.
        wish.enabled = True
        wish.ranked.clear()
    if enabled == wish.enabled:
        none_last = placed.precedence is None
        for at, role in enumerate(placed.placement.roles):
            wish.ranked.append(((none_last, placed.precedence or 0, placed.order, at), role))


def one_role(roles: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """(the one that is kept, those that are left out) where an environment allows one role alone (rule 20).

    For several `roles`, as `DesiredMembership` has them.
    """
    return roles[0], tuple(roles[1:])


def check_groups(rules: Iterable[PlacementRule], groups: Collection[str]) -> None:
    """Raise GuardRefused for an entry of `map` that names a group which no pool has. A pattern may fit none."""
    missing = sorted({one.pattern for one in rules if "*" not in one.pattern} - set(groups))
    if missing:
        listed = ", ".join(missing)
        raise GuardRefused(
            f"organizations.map names {'a group' if len(missing) == 1 else 'groups'} that no pool has: {listed}",
            remedy="correct the names in the plan file (they are case-sensitive), or make the groups in Cognito",
            code="group_not_found",
        )
