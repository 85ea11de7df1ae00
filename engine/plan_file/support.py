"""What the schema of version 1 has and this release does not run yet: refused, never ignored.

Whoever builds one of these deletes its row of `_LATER`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.references import Opaque
from engine.plan_file.section import section

FoundValues = Iterator[tuple[Key, Any]]


@dataclass(frozen=True, slots=True)
class _Later:
    """Where the plan's data may ask for what does not run, whether a value there does, and what to write instead."""

    find: Callable[[Mapping[str, Any]], FoundValues]
    asks: Callable[[Any], bool]
    instead: str


def _at(*key: str) -> Callable[[Mapping[str, Any]], FoundValues]:
    """One key of the plan."""
    return lambda data: iter([(key, section(data, *key[:-1]).get(key[-1]))])


def is_remote(value: Any) -> bool:
    """Whether a state's path is one of the remote stores of the contract."""
    return isinstance(value, str) and value.lower().startswith(("s3://", "postgresql://", "postgres://"))


_LATER = (_Later(_at("state", "path"), is_remote, "leave it out or name a local file"),)


def find_unsupported(data: Mapping[str, Any]) -> Iterator[Fault]:
    """A fault for each thing that the plan asks for and this release does not do."""
    for later in _LATER:
        for key, value in later.find(data):
            if value is None or isinstance(value, Opaque) or not later.asks(value):
                continue
            what = f"{dotted(key)}: {shown(value, key).strip(chr(34))}"
            wrong = f"{what} is not supported by this version of migrate yet"
            yield Fault("not_supported_yet", key, wrong, later.instead)
