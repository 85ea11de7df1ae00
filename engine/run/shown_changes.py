"""From the changes that were decided to what is shown of them, field by field; of every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.model.keys import (
    CONNECTION,
    MEMBERSHIP,
    ORGANIZATION,
    ROLE,
    USER,
    name_of_pool,
    split_membership_key,
    split_user_key,
    sub_of,
)
from engine.model.rules import because_of_membership, rules_of
from engine.model.users import TargetUser
from engine.resources.kind import ResourceChange
from engine.resources.organizations.port import HeldOrganization
from engine.resources.users.changes import Desired
from engine.resources.users.planner import METADATA, held_value
from engine.run.diff import FieldChange, ShownChange
from engine.run.kinds import KindsInMemory
from engine.snapshot.change_rows import ChangedMembership, ChangedUser


def user_change(one: ChangedUser, held: TargetUser | None, pools: Mapping[str, str]) -> ShownChange:
    """One user's; `held` is who WorkOS has, None where nobody has looked. `pools` are the names of several, by ID."""
    into, pool = one.into, name_of_pool(pools, one.key)
    if into is not None:
        other = name_of_pool(pools, into)
        into = sub_of(into) if other in (None, pool) else f"{other}/{sub_of(into)}"
    send: Mapping[str, object] = creation_fields(one.desired) if one.desired is not None else one.send or {}
    fields = tuple(
        FieldChange(name, held_value(held, name) if held is not None else None, value) for name, value in send.items()
    )
    return ShownChange(
        USER, sub_of(one.key), one.action, pool, None, one.workos_id, into, one.code, fields,
        tuple(rules_of(one.because)),
    )  # fmt: skip


def creation_fields(desired: Desired) -> dict[str, str | bool]:
    """All that a creation sends, by flat name, in a fixed order."""
    flags = {METADATA + name: value for name, value in desired.flags.items()}
    rest = sorted({**desired.fields, **flags}.items())
    return {"email": desired.email, "email_verified": desired.verified, **dict(rest)}


def membership_change(one: ChangedMembership, pools: Mapping[str, str]) -> ShownChange:
    """One membership's."""
    user, organization = split_membership_key(one.key)
    fields = () if one.roles is None else (FieldChange("roles", _listed(one.held), list(one.roles)),)
    why = because_of_membership(one.action, one.code)
    rules = tuple(reason.rule for reason in why if reason.rule is not None)
    return ShownChange(
        MEMBERSHIP, sub_of(user), one.action, name_of_pool(pools, user), organization, one.workos_id, None, one.code,
        fields, rules,
    )  # fmt: skip


def changes_in_memory(kinds: KindsInMemory, pools: Mapping[str, str]) -> Iterator[ShownChange]:
    """Those of redirect URIs, organizations, roles and connections, in the order in which they are carried out."""
    for work in kinds:
        for one in work.changes:
            # What waits comes with the first person who needs it.
            if one.action not in ("unchanged", "wait"):
                yield _in_memory(one, kinds.held_organizations.get(one.key), pools)


def _in_memory(one: ResourceChange, held: HeldOrganization | None, pools: Mapping[str, str]) -> ShownChange:
    old = _of_organization(held) if one.kind == ORGANIZATION and held is not None else {}
    fields = tuple(FieldChange(name, old.get(name), value) for name, value in _flat(one.send))
    name, pool = one.key, None
    if one.kind == CONNECTION:
        pool, name = name_of_pool(pools, one.key), split_user_key(one.key)[1]
    rules = (17,) if one.kind in (ORGANIZATION, ROLE) else ()
    return ShownChange(one.kind, name, one.action, pool, None, one.workos_id, None, one.code, fields, rules)


def _flat(send: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Fields by flat name; metadata key by key."""
    for name, value in send.items():
        if name == "metadata" and isinstance(value, Mapping):
            yield from ((METADATA + str(key), one) for key, one in value.items())
        elif value not in (None, {}):
            yield name, list(value) if isinstance(value, tuple) else value


def _of_organization(held: HeldOrganization) -> dict[str, Any]:
    metadata = {METADATA + key: value for key, value in held.metadata.items()}
    return {"name": held.name, "domains": dict(held.domains), **metadata}


def _listed(roles: Sequence[str] | None) -> list[str] | None:
    return list(roles) if roles is not None else None
