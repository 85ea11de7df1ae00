"""What the schema of version 1 has and this release does not run yet: refused, never ignored.

Whoever builds one of these deletes its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.references import Opaque


@dataclass(frozen=True, slots=True)
class _Later:
    """A key, whether its value asks for what does not run, and what to write instead."""

    key: Key
    asks: Callable[[Any], bool]
    instead: str


def _is_set(value: Any) -> bool:
    return bool(value)


def is_remote(value: Any) -> bool:
    """Whether a state's path is one of the remote stores of the contract."""
    return isinstance(value, str) and value.lower().startswith(("s3://", "postgresql://", "postgres://"))


_LATER = (
    _Later(("organizations", "from"), lambda value: value != "none", "leave organizations out or write none"),
    _Later(("state", "path"), is_remote, "leave it out or name a local file"),
)


def find_unsupported(data: Mapping[str, Any]) -> Iterator[Fault]:
    """A fault for each thing that the plan asks for and this release does not do."""
    for later in _LATER:
        value: Any = data
        for step in later.key:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None or isinstance(value, Opaque) or not later.asks(value):
            continue
        named = isinstance(value, dict | list | bool)
        what = dotted(later.key) if named else f"{dotted(later.key)}: {shown(value, later.key).strip(chr(34))}"
        wrong = f"{what} is not supported by this version of migrate yet"
        yield Fault("not_supported_yet", later.key, wrong, later.instead)
