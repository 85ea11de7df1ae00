"""A fault by its key's path, and the words for keys and values in messages; places in the file come later."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from engine.model.redaction import looks_secret
from engine.plan_file.references import Opaque, Resolved, names

Key = tuple[str | int, ...]
"""A value's keys from the top of the plan file, list positions from 0."""

_PLAIN_KEY = re.compile(r"[^\s.\[\]\"]{1,60}")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong. `at_key` points to the key rather than to its value."""

    code: str
    key: Key
    wrong: str
    right: str = ""
    at_key: bool = False


def dotted(key: Key) -> str:
    """`filters.attributes[0].name`, as messages call a key."""
    text = ""
    for step in key:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{quoted(step)}]"
    return text or "the plan file"


def quoted(text: str) -> str:
    """A text in quotes on one line, cut where it is long."""
    return json.dumps(text if len(text) <= _LONGEST else text[:_LONGEST] + "…", ensure_ascii=False)


def shown(value: Any, key: Key = ()) -> str:
    """A value as a message may show it: never one that is or might be secret."""
    if isinstance(value, Opaque | Resolved):
        written = value.written if isinstance(value, Resolved) else value
        return "the value of " + " and ".join(f"${{{name}}}" for name in names(written))
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    if hidden(value, key):
        return "a value that is not shown"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def hidden(value: Any, key: Key) -> bool:
    """Whether a value may not be shown: it stands under `api_key`, or looks like a secret."""
    return "api_key" in key or (isinstance(value, str) and looks_secret(value))


def found(value: Any, key: Key) -> str:
    """A value with its type, as "must be …, found …" needs it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return shown(value)
    kind = "" if isinstance(value, bool) else "the text " if isinstance(value, str) else "the number "
    if isinstance(value, Opaque | Resolved) or hidden(value, key):
        return "text" if isinstance(value, str) else f"{kind or 'a value'}".replace("the", "a").strip()
    return f"{kind}{shown(value, key)}"
