"""The part of a `verify` that is organizations and memberships: WorkOS listed by organization, and compared."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from engine.model.keys import name_of_pool, split_membership_key, sub_of
from engine.model.paging import every_page
from engine.resources.memberships.port import HeldMembership
from engine.resources.memberships.verification import compare_membership
from engine.resources.organizations.organization import domain_of
from engine.resources.organizations.port import HeldOrganization, Organization
from engine.resources.organizations.verification import compare_organization
from engine.run.placing import Placing
from engine.run.session import Session
from engine.run.verify_result import Difference
from engine.snapshot.membership_table import MembershipTable
from engine.snapshot.waves import needed_organizations

_VERDICTS = ("equal", "different", "missing", "drift")


async def compare_members(
    session: Session, placing: Placing, connection: sqlite3.Connection, tell: Callable[[Difference], None]
) -> dict[str, dict[str, int]]:
    """Counts by verdict of organizations and of memberships; `tell` hears of what is not equal.

    WorkOS's users are stored in the snapshot already. Raises CallFailed.
    """
    organizations, workos = Counter[str](), session.workos
    table = MembershipTable(connection)
    await asyncio.to_thread(table.prepare)
    held: dict[str, HeldOrganization] = {}
    needed = await asyncio.to_thread(needed_organizations, connection) if session.spec.filters.in_waves else None
    for name, wanted in placing.organizations().items():
        if needed is not None and name not in needed:
            continue
        there = await workos.organizations.find(name)
        wrong = list(compare_organization(wanted, there))
        organizations[_worst([verdict for _, verdict in wrong])] += 1
        for field, verdict in wrong:
            tell(
                Difference(
                    None,
                    there.id if there is not None else None,
                    field,
                    verdict,
                    organization=name,
                    wanted=_value(wanted, field),
                    held=_value(there, field),
                )
            )
        if there is not None:
            held[name] = there
            async for page in every_page(partial(_page, session, there.id)):
                table.store_held((one.user_id, name, one) for one in page)
    memberships = await asyncio.to_thread(_compare, session, placing, table, held, tell)
    both = {"organizations": organizations, "memberships": memberships}
    return {name: {verdict: counts[verdict] for verdict in _VERDICTS} for name, counts in both.items()}


async def _page(
    session: Session, organization_id: str, after: str | None
) -> tuple[Sequence[HeldMembership], str | None]:
    return await session.workos.memberships.list_page(after, organization_id=organization_id)


def _compare(
    session: Session,
    placing: Placing,
    table: MembershipTable,
    held: Mapping[str, HeldOrganization],
    tell: Callable[[Difference], None],
) -> Counter[str]:
    counts, wanted, pools = Counter[str](), placing.organizations(), session.source.names
    for one in table.pairs():
        _, organization = split_membership_key(one.key)
        domains = wanted[organization].verified if organization in wanted else frozenset[str]()
        domains |= held[organization].verified if organization in held else frozenset()
        vouched = session.spec.organizations.unverified or one.verified or domain_of(one.email) in domains
        compared = compare_membership(one.desired, one.held, vouched=vouched, created_here=one.created_here)
        counts[compared.verdict] += 1
        if compared.verdict != "equal":
            workos_id = one.held.id if one.held is not None else None
            pool = name_of_pool(pools, one.person)
            status = "active" if one.desired.enabled else "inactive"
            desired = {"roles": list(one.desired.roles), "status": status}.get(compared.field)
            held_value = _value(one.held, compared.field)
            tell(
                Difference(
                    sub_of(one.person),
                    workos_id,
                    compared.field,
                    compared.verdict,
                    pool,
                    organization,
                    wanted=desired,
                    held=held_value,
                )
            )
    return counts


def _value(there: Organization | HeldOrganization | HeldMembership | None, field: str) -> object:
    """A field of what is wanted or there, as JSON."""
    value = getattr(there, field, None) if field else None
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _worst(verdicts: Sequence[str]) -> str:
    return next((one for one in ("missing", "different", "drift") if one in verdicts), "equal")
