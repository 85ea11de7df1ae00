"""The words for users: a Cognito record, and what WorkOS holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

METADATA = "metadata."
"""What the flat name of a metadata key begins with, in changes, fingerprints and results."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One linked provider profile, from the `identities` attribute (a JSON string in Cognito)."""

    provider: str
    provider_type: str  # Google, Facebook, LoginWithAmazon, SignInWithApple, OIDC, SAML
    user_id: str
    issuer: str | None = None
    primary: bool = False


@dataclass(frozen=True, slots=True)
class SourceUser:
    """A Cognito record as ListUsers gives it (UserType in the botocore service model).

    Every attribute value is a string of at most 2,048 characters; empty strings are kept here and count as missing
    later (rule 12). `groups` is None where nobody has read them.
    """

    sub: str
    username: str
    status: str
    enabled: bool
    created: datetime
    modified: datetime | None
    attributes: Mapping[str, str]
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TargetUser:
    """What WorkOS holds; `signed_in` says whether anybody ever did, by any method.

    Addresses come back trimmed and lower-cased from the real API, as written from others. `created_at` and
    `updated_at` are WorkOS's own texts, compared with each other and with nothing else; None where it gave none.
    """

    id: str
    email: str
    email_verified: bool
    external_id: str | None
    first_name: str | None = None
    last_name: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    signed_in: bool = False
    created_at: str | None = None
    updated_at: str | None = None


def held_value(user: TargetUser, name: str) -> str | bool | None:
    """One field of what WorkOS holds, by its flat name; None where it holds none."""
    if name.startswith(METADATA):
        return user.metadata.get(name.removeprefix(METADATA))
    value = getattr(user, name)
    return value if isinstance(value, str | bool) else None


def normalise_email(address: str) -> str:
    """Trimmed and lower-cased, as WorkOS stores and compares addresses (rule 1).

    A look-alike that only becomes another letter by lower-casing (U+212A, the Kelvin sign) stays what it is: two
    mailboxes must not become one person.
    """
    # Nothing but plain white space is trimmed: other controls and invisible characters make an address invalid.
    trimmed = address.strip(" \t\r\n\f\v")
    return trimmed.lower() if trimmed.isascii() else "".join(_lowered(char) for char in trimmed)


def _lowered(char: str) -> str:
    lower = char.lower()
    return lower if lower.upper() == char else char
