"""`${NAME}` references to the environment: their grammar, and their replacement in a plan's strings.

Keys never hold references. A replaced or still unknown value stays recognisable (`Resolved`, `Opaque`), so that no
message shows what came out of the environment and no check judges what nobody knows yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(rf"\$\$\{{|\$\{{(?P<name>{NAME})\}}|(?P<broken>\$\{{)")
_WHOLE = re.compile(rf"\$\{{{NAME}\}}")


class Opaque(str):
    """A text with references that are not replaced, as it was written."""

    __slots__ = ()


class Resolved(str):
    """A text that came, at least in part, out of the environment; `written` is what the plan file says."""

    written: str

    def __new__(cls, value: str, written: str) -> Resolved:
        made = super().__new__(cls, value)
        made.written = written
        return made


def is_reference(text: str) -> bool:
    """Whether a text is one reference and nothing else."""
    return _WHOLE.fullmatch(text) is not None


def names(text: str) -> list[str]:
    """The variables that a text reads, in order."""
    return [token["name"] for token in _TOKEN.finditer(text) if token["name"]]


def is_broken(text: str) -> bool:
    """Whether a `${` in a text begins no reference."""
    return any(token["broken"] for token in _TOKEN.finditer(text))


@dataclass(slots=True)
class Replaced:
    """A plan's data after replacement; `missing` are (key, variable, "not set" or "empty")."""

    data: Any
    missing: list[tuple[tuple[str | int, ...], str, str]] = field(default_factory=list)
    broken: list[tuple[str | int, ...]] = field(default_factory=list)


def replace(
    data: Any, environ: Mapping[str, str] | None, *, leave: Callable[[tuple[str | int, ...]], bool]
) -> Replaced:
    """Replace references in every string; with `environ` None, or where `leave` says so, they become `Opaque`."""
    result = Replaced(data=None)

    def text(value: str, key: tuple[str | int, ...]) -> str:
        if "${" not in value:
            return value
        if is_broken(value):
            result.broken.append(key)
            return Opaque(value)
        wanted = names(value)
        if not wanted:
            return _written_out(value, {})
        if environ is None or leave(key):
            return Opaque(value)
        lacking = [name for name in dict.fromkeys(wanted) if not environ.get(name)]
        for name in lacking:
            result.missing.append((key, name, "empty" if name in environ else "not set"))
        return Opaque(value) if lacking else Resolved(_written_out(value, environ), value)

    def walk(value: Any, key: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {name: walk(one, (*key, name)) for name, one in value.items()}
        if isinstance(value, list):
            return [walk(one, (*key, at)) for at, one in enumerate(value)]
        return text(value, key) if isinstance(value, str) else value

    result.data = walk(data, ())
    return result


def _written_out(text: str, environ: Mapping[str, str]) -> str:
    return _TOKEN.sub(lambda token: environ[token["name"]] if token["name"] else "${", text)


def legible(text: str, environ: Mapping[str, str]) -> str:
    """A text with its references replaced as far as the environment goes; the others stay as they are written."""
    return _TOKEN.sub(lambda token: environ.get(token["name"] or "") or token[0], text)


def strings(data: Any, key: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every string value of a plan's data with its key."""
    if isinstance(data, dict):
        for name, one in data.items():
            yield from strings(one, (*key, name))
    elif isinstance(data, list):
        for at, one in enumerate(data):
            yield from strings(one, (*key, at))
    elif isinstance(data, str):
        yield key, data
