"""Whether users could choose their organization, role or external ID themselves: attributes held against app clients.

Pure. Who can write the tenant's name into their own record would become a member of any tenant (rule 18).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.model.errors import GuardRefused
from engine.model.groups import WritableAttributes
from engine.plan_file.model import Pool
from engine.plan_file.organizations import Organizations
from engine.resources.users.lookup import attributes_read

_RIGHTS = "cognito-idp:ListUserPoolClients and cognito-idp:DescribeUserPoolClient"


@dataclass(frozen=True, slots=True)
class Feed:
    """Attributes that choose something of which users must not choose it. `key` is where the plan file names them.

    `trust` is the key that says they may all the same, None where it is set.
    """

    key: str
    attributes: tuple[str, ...]
    trust: str | None


def feeds(section: Organizations, pool: Pool) -> list[Feed]:
    """What feeds organizations, roles and external IDs from this pool; without what no user can write."""
    found = []
    if section.source == "attribute" and section.attribute:
        trust = None if section.trust_writable else "organizations.trust_writable"
        found.append(Feed("organizations.attribute", attributes_read((section.attribute,)), trust))
    mapping = pool.attributes.external_id
    trust = None if mapping.trust_writable else "attributes.external_id.trust_writable"
    found.append(Feed("attributes.external_id", attributes_read(mapping.sources, mapping.template), trust))
    return [one for one in found if set(one.attributes) - {"sub"}]


def check_trust(found: Iterable[Feed], writable: WritableAttributes | None, *, live: bool, pool: str) -> list[str]:
    """Raise GuardRefused where users can write what they must not, or where nobody can say.

    Returns warnings: over export files nobody can ask, and the plan's author has to know.
    """
    warnings = []
    for one in found:
        names = ", ".join(one.attributes)
        if one.trust is None:
            continue
        if writable is None and not live:
            warnings.append(
                f"{one.key}: export files do not tell whether users can write {names} themselves; make sure that no "
                "app client of the pool lets them, or they choose what it decides"
            )
        elif writable is None:
            raise GuardRefused(
                f"{one.key}: whether users of {pool} can write {names} themselves cannot be read",
                remedy=f"allow these credentials {_RIGHTS} on that pool, or write {one.trust}: true",
                code="writable_unknown",
            )
        else:
            _check(one, writable, pool)
    return warnings


def _check(feed: Feed, writable: WritableAttributes, pool: str) -> None:
    for name in feed.attributes:
        client = writable.client_for(name)
        if client is not None:
            raise GuardRefused(
                f"{feed.key}: users of {pool} can write {name} themselves (app client {client})",
                remedy=f"take {name} out of what that app client may write (one that lists nothing may write all), "
                f"or write {feed.trust}: true",
                code="writable_attribute",
            )
