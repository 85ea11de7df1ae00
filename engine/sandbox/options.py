"""Owns what the sandbox can be told at its start."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Quotas:
    """Sliding windows as the server counts them; None is no limit. The figures are WorkOS's (docs, rate limits)."""

    writes_per_10s: int | None = 500
    reads_per_10s: int | None = 1000
    requests_per_60s: int | None = 6000
    organization_deletions_per_60s: int | None = 50
    resets_per_60s: int | None = 3  # password resets for one address
    resets_per_day: int | None = None  # the real figure is not published
    retry_after: bool = True


UNPACED = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None, organization_deletions_per_60s=None)
"""Takes requests as quickly as it can."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An OAuth provider as it is pasted into WorkOS's dashboard; redirect_uri is WorkOS's own, None: made up."""

    authorization_url: str
    client_id: str
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an environment's dashboard decides. Limits are the docs' figures; the API description allows 50, 128."""

    metadata_keys: int = 10
    external_id_length: int = 64
    multiple_roles: bool = False
    unique_domains: bool = False  # 409 for a domain that is verified for another organization
    email_password_auth: bool = True
    password_reset_allowed: bool = True
    email_verification_required: bool = True
    email_change_allowed: bool = True
    user_deletion_allowed: bool = True
    check_redirect_uri: bool = True
    providers: Mapping[str, Provider] = field(default_factory=dict)  # by WorkOS's name, e.g. GoogleOAuth
    clock_offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """One sandbox. `data` None keeps everything in memory; `port` 0 takes a free one. Only loopback is bound."""

    data: Path | None = None
    port: int = 0
    api_key: str = "sk_test_sandbox"
    client_id: str = "client_sandbox"
    null: bool = False
    quotas: Quotas = Quotas()
    settings: Settings = field(default_factory=Settings)


T = TypeVar("T", Quotas, Settings)


def changed(part: T, given: Mapping[str, Any]) -> T:
    """A copy with the given fields changed. Raises ValueError that says which field is wrong."""
    values = {name: _value(type(part), name, value) for name, value in given.items()}
    return replace(part, **values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(kind: type, name: str, value: Any) -> Any:
    hint = _hints(kind).get(name)
    if hint is None:
        raise ValueError(f"unknown field {name!r}")
    if name == "providers" and isinstance(value, dict):
        return {key: _provider(one) for key, one in value.items()}
    if name == "scopes" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    allowed = typing.get_args(hint) or (hint,)
    # type(), not isinstance: true is no integer here.
    if not any(type(value) is one for one in allowed):
        raise ValueError(f"{name} has the wrong type")
    return value


def _provider(given: Any) -> Provider:
    if not isinstance(given, dict):
        raise ValueError("Provider must be an object")  # noqa: TRY004 - one error for all that is wrong
    missing = [name for name in ("authorization_url", "client_id") if name not in given]
    if missing:
        raise ValueError(f"Provider lacks {', '.join(missing)}")
    return Provider(**{name: _value(Provider, name, value) for name, value in given.items()})
