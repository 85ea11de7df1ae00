"""Owns what the sandbox can be told: at its start, by command line, and while it runs, by control endpoint."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

FAULT_KINDS = (
    "throttled",  # 429 with Retry-After
    "throttled_bare",  # 429 without
    "error_before",  # 500, 502 or 503, nothing done
    "error_after",  # the same, after the write
    "reset_before",  # the connection is reset, nothing done
    "reset_after",  # the same, after the write
    "cut_off",  # the write is done, the answer's body ends before its Content-Length
    "timeout_after",  # 408 after the write, as the vendor's load test met it
    "hang_before",  # never answered, nothing done
    "hang_after",  # never answered, the write done
)


@dataclass(frozen=True, slots=True)
class Quotas:
    """Sliding windows as the server counts them; None is no limit. The figures are WorkOS's (docs, rate limits)."""

    writes_per_10s: int | None = 500
    reads_per_10s: int | None = 1000
    requests_per_60s: int | None = 6000
    resets_per_60s: int | None = 3  # password resets for one address
    resets_per_day: int | None = None  # the real figure is not published
    retry_after: bool = True


UNPACED = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)
"""Takes requests as quickly as it can."""


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """The next `times` requests of that method ("*": any) whose path the expression finds end in `fault`."""

    method: str
    path: str
    fault: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Faults:
    """How the sandbox fails: rates per request (0 to 1, all together at most 1) and single cases in order."""

    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    only: str = "all"  # all | writes | reads: which requests the rates hit
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    retry_after_s: float = 1.0
    next: tuple[ScriptedFault, ...] = ()


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
    faults: Faults = field(default_factory=Faults)
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if self.null and (self.faults.rates or self.faults.next):
            raise ValueError("null mode knows no faults but latency_ms and jitter_ms")


T = TypeVar("T", Quotas, Faults, Settings)
_Part = TypeVar("_Part", Quotas, Faults, Settings, Provider, ScriptedFault)


def changed(part: T, given: Mapping[str, Any]) -> T:
    """A copy with the given fields changed. Raises ValueError that says which field is wrong."""
    values = {name: _value(type(part), name, value) for name, value in given.items()}
    return _checked(replace(part, **values))


def as_json(part: Quotas | Faults | Settings) -> dict[str, Any]:
    """The fields as JSON knows them."""
    return asdict(part)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(kind: type, name: str, value: Any) -> Any:
    hint = _hints(kind).get(name)
    if hint is None:
        raise ValueError(f"unknown field {name!r}")
    if name == "rates":
        return _rates(value)
    if name == "next" and isinstance(value, list):
        return tuple(_built(ScriptedFault, one) for one in value)
    if name == "providers" and isinstance(value, dict):
        return {key: _built(Provider, one) for key, one in value.items()}
    if name == "scopes" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    allowed = typing.get_args(hint) or (hint,)
    # type(), not isinstance: true is no integer here.
    if not any(type(value) is one for one in allowed):
        raise ValueError(f"{name} has the wrong type")
    return value


def _built(kind: type[_Part], given: Any) -> _Part:
    if not isinstance(given, dict):
        raise ValueError(f"{kind.__name__} must be an object")  # noqa: TRY004 - one error for all that is wrong
    missing = [one.name for one in fields(kind) if one.name in _required(kind) and one.name not in given]
    if missing:
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
    return kind(**{name: _value(kind, name, value) for name, value in given.items()})


def _required(kind: type) -> tuple[str, ...]:
    return {Provider: ("authorization_url", "client_id"), ScriptedFault: ("method", "path", "fault")}.get(kind, ())


def _rates(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not all(type(one) in (int, float) for one in value.values()):
        raise ValueError("rates must map fault kinds to numbers")
    return {name: float(rate) for name, rate in value.items()}


def _checked(part: T) -> T:
    if isinstance(part, Faults):
        unknown = {*part.rates, *(one.fault for one in part.next)} - set(FAULT_KINDS)
        if unknown:
            raise ValueError(f"unknown fault {', '.join(sorted(unknown))}; known: {', '.join(FAULT_KINDS)}")
        if any(rate < 0 for rate in part.rates.values()) or sum(part.rates.values()) > 1:
            raise ValueError("rates must be between 0 and 1, all together at most 1")
        if part.only not in ("all", "writes", "reads"):
            raise ValueError("only must be all, writes or reads")
    return part
