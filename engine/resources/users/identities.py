"""Linked provider profiles: reads the `identities` attribute, and nothing else of a user."""

from __future__ import annotations

from typing import Any

import orjson

from engine.model.users import Identity


def parse_identities(value: str | None) -> tuple[Identity, ...]:
    """The identities in Cognito's JSON string, in its order; junk counts as none.

    Shape: `[{"userId","providerName","providerType","issuer","primary","dateCreated"}]`; `primary` is seen as a
    boolean and as a string. An entry that names no provider is left out: nobody could be linked by it.
    """
    if not value:
        return ()
    return tuple(identity for entry in _entries(value) if (identity := _identity(entry)) is not None)


def names_every_provider(value: str | None) -> bool:
    """Whether no entry was left out: of junk nobody can say whose word stands behind it."""
    return not value or all(_identity(entry) is not None for entry in _entries(value))


def main_identity(identities: tuple[Identity, ...]) -> Identity | None:
    """The identity that stands for the record: the primary one where one is marked, else the first."""
    return next((one for one in identities if one.primary), identities[0] if identities else None)


def _entries(value: str | None) -> list[object]:
    if not value or not value.strip():
        return []
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return [None]
    return found if isinstance(found, list) else [] if found is None else [found]


def _identity(entry: object) -> Identity | None:
    if not isinstance(entry, dict):
        return None
    provider = _text(entry.get("providerName"))
    if not provider:
        return None
    return Identity(
        provider=provider,
        provider_type=_text(entry.get("providerType")),
        user_id=_text(entry.get("userId")),
        issuer=_text(entry.get("issuer")) or None,
        primary=_flag(entry.get("primary")),
    )


def _text(value: Any) -> str:
    # Facebook's and others' user ids are digits, and tools in between turn those into numbers.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _flag(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
