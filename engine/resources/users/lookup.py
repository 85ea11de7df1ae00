"""Reads one value of a Cognito record by the name that a plan file uses for it.

Names are Cognito's attributes, and beside them `username`, `status` and `identities.provider`, `.provider_type`,
`.user_id` and `.issuer` of the record's first identity (the primary one, where one is marked). The attribute `email` is
read as WorkOS will have it, trimmed and lower-cased: filters, templates and metadata see the address that is migrated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import attrgetter

from engine.model.attribute_names import OF_AN_IDENTITY, is_attribute
from engine.model.users import SourceUser, normalise_email
from engine.resources.users.identities import main_identity, parse_identities

Lookup = Callable[[SourceUser], str | None]
EMAIL = "email"

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def attributes_read(sources: Iterable[str], template: str | None = None) -> tuple[str, ...]:
    """Cognito attributes among the names that a mapping reads, in its order; {pool} and the record's own are none."""
    names = dict.fromkeys((*sources, *(_PLACEHOLDER.findall(template) if template else ())))
    return tuple(name for name in names if is_attribute(name) and name != "pool")


def lookup(name: str) -> Lookup:
    """A function from record to value; an empty value counts as missing (rule 12)."""
    if name in OF_AN_IDENTITY:
        part = attrgetter(OF_AN_IDENTITY[name])

        def from_identity(user: SourceUser) -> str | None:
            first = main_identity(parse_identities(user.attributes.get("identities")))
            return (part(first) or None) if first else None

        return from_identity
    if name in ("username", "cognito:username"):
        return lambda user: user.username
    if name in ("status", "cognito:user_status"):
        return lambda user: user.status
    if name == EMAIL:
        return lambda user: normalise_email(user.attributes.get(EMAIL) or "") or None
    return lambda user: user.attributes.get(name) or None
