"""Reading a section of a plan whose misshapen values were taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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


def known_items(section: Mapping[str, Any], name: str) -> Iterator[tuple[int, str]]:
    """The texts in a list that can be judged, each with its position."""
    for at, one in enumerate(section.get(name) or ()):
        if isinstance(one, str) and not isinstance(one, Opaque):
            yield at, one


def given(section: Mapping[str, Any], /, **readers: Callable[[Any], Any]) -> dict[str, Any]:
    """What a section says, each key read by its reader: arguments for a model, which has the defaults of the rest.

    A value whose references are not replaced counts as left out, but for one that is any text.
    """
    return {
        name: read(section[name])
        for name, read in readers.items()
        if name in section and (read is text or not isinstance(section[name], Opaque))
    }


def text(value: Any) -> Any:
    """Any text as a plain str: where it came from matters to messages only."""
    return str(value) if isinstance(value, str) else value


def word(value: Any) -> Any:
    """One of a few words, or a text in a form of its own."""
    return text(value)


def texts(values: Any) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(str(one) for one in values or ())


def whole(value: Any) -> int | None:
    """A whole number or null; the schema lets 5.0 pass as one."""
    return None if value is None else int(value)
