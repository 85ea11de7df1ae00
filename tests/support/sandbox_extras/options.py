"""Owns how a sandbox can be told to fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.sandbox import options
from engine.sandbox.options import changed

FAULT_KINDS = (
    "throttled",  # 429 with Retry-After
    "throttled_bare",  # 429 without
    "forbidden",  # 403, as a key with fewer rights gets it
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

    def __post_init__(self) -> None:
        unknown = {*self.rates, *(one.fault for one in self.next)} - set(FAULT_KINDS)
        if unknown:
            raise ValueError(f"unknown fault {', '.join(sorted(unknown))}; known: {', '.join(FAULT_KINDS)}")
        if any(rate < 0 for rate in self.rates.values()) or sum(self.rates.values()) > 1:
            raise ValueError("rates must be between 0 and 1, all together at most 1")
        if self.only not in ("all", "writes", "reads"):
            raise ValueError("only must be all, writes or reads")
        for one in self.next:
            try:
                re.compile(one.path)
            except re.error as error:
                raise ValueError(f"path is no regular expression: {error}") from error


def changed_faults(faults: Faults, given: Mapping[str, Any]) -> Faults:
    """A copy with the given fields changed. Raises ValueError that says which field is wrong."""
    lists: dict[str, Any] = {}
    try:
        if "rates" in given:
            lists["rates"] = {name: float(rate) for name, rate in given["rates"].items()}
        if "next" in given:
            lists["next"] = tuple(ScriptedFault(**one) for one in given["next"])
    except (AttributeError, TypeError) as error:
        raise ValueError(str(error)) from error
    plain = {name: value for name, value in given.items() if name not in lists}
    return replace(changed(faults, plain), **lists)


@dataclass(frozen=True, slots=True)
class Options(options.Options):
    """One sandbox that may fail; in null mode it does not."""

    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if self.null and self.faults != Faults():
            raise ValueError("null mode knows no faults")
