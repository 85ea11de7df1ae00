"""Invented Cognito records, and the mapping of a plan's `attributes`, in few words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from engine.model.users import SourceUser
from engine.plan_file.model import FieldMapping

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def cognito_user(
    sub: str = "sub-1",
    *,
    username: str | None = None,
    status: str = "CONFIRMED",
    enabled: bool = True,
    created: datetime = NEW_YEAR,
    modified: datetime | None = None,
    groups: tuple[str, ...] | None = None,
    provider: tuple[str, str] | None = None,
    **attributes: str,
) -> SourceUser:
    """`custom__plan` becomes custom:plan; `provider` is (name, type) of the one identity."""
    values = {"sub": sub, **{name.replace("custom__", "custom:"): value for name, value in attributes.items()}}
    if provider is not None:
        values["identities"] = json.dumps([{"userId": "1", "providerName": provider[0], "providerType": provider[1]}])
    return SourceUser(sub, username or sub, status, enabled, created, modified, values, groups)


def source(*names: str, **rest: object) -> FieldMapping:
    """A mapping from attributes."""
    return FieldMapping(sources=names, **rest)  # type: ignore[arg-type]
