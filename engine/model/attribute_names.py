"""The names by which a plan reads a Cognito record: attributes that every pool has, and what is no attribute."""

from __future__ import annotations

from collections.abc import Mapping

STANDARD = (
    *("address", "birthdate", "email", "email_verified", "family_name", "gender", "given_name", "identities", "locale"),
    *("middle_name", "name", "nickname", "phone_number", "phone_number_verified", "picture", "preferred_username"),
    *("profile", "sub", "updated_at", "website", "zoneinfo"),
)
"""Developer guide, "User pool attributes". `identities` comes with federated users and stands in no schema."""

CAMEL_CASE_VERIFIED = "emailVerified"
"""Federated profiles carry `email_verified` by this name at times."""

OF_THE_RECORD = frozenset({"username", "cognito:username", "status", "cognito:user_status"})

OF_AN_IDENTITY: Mapping[str, str] = {
    "identities.provider": "provider",
    "identities.providerName": "provider",
    "identities.provider_type": "provider_type",
    "identities.providerType": "provider_type",
    "identities.user_id": "user_id",
    "identities.userId": "user_id",
    "identities.issuer": "issuer",
}
"""To the field of `Identity` that each reads, of the record's first identity."""


def is_attribute(name: str) -> bool:
    """Whether the name is an attribute's, and not what a plan calls something else in a record."""
    return name not in OF_THE_RECORD and name not in OF_AN_IDENTITY
