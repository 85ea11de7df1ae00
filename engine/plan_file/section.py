"""Reading a section of a plan whose misshapen values were taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.references import Opaque


def section(data: Any, *names: str | int) -> Mapping[str, Any]:
    """The mapping under these keys, empty where there is none."""
    for name in names:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def known_text(section: Mapping[str, Any], name: str) -> str | None:
    """A text that can be judged: there, and with its references replaced."""
    value = section.get(name)
    return value if isinstance(value, str) and not isinstance(value, Opaque) else None


def entries(section: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings in a list, each with its position."""
    for at, one in enumerate(section.get(name) or ()):
        if isinstance(one, Mapping):
            yield at, one
