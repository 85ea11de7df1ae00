"""Which plan file a state was last applied with: two of one name may share a folder, and their state, by mistake.

Kept are keyed fingerprints: of the file's place seen from the state, which is the same in every checkout, and of whom
the plan selects.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime
from hashlib import blake2b

from engine.model.store import Store
from engine.plan_file.model import Spec

_PLACE, _SELECTION = "plan_file", "plan_selection"


def note_plan_file(state: Store, spec: Spec) -> list[str]:
    """Note the file, and warn where another one was noted before."""
    found = {_PLACE: _digest(state.key, _place(spec)), _SELECTION: _digest(state.key, _selection(spec))}
    held = {name: text for name in found if (text := state.meta(name)) is not None}
    if held != found:
        state.note(found)
    if held.get(_PLACE, found[_PLACE]) == found[_PLACE]:
        return []
    who = "selects the same users" if held.get(_SELECTION) == found[_SELECTION] else "selects other users"
    return [
        f"the state {spec.state_path} was last applied with another plan file named {spec.name}; this one {who}. "
        "If both are in use, give each a name of its own, or a state.path"
    ]


def _place(spec: Spec) -> str:
    try:
        return os.path.relpath(os.path.realpath(spec.path), os.path.realpath(spec.state_path.parent))
    except ValueError:  # another drive of Windows
        return os.path.realpath(spec.path)


def _selection(spec: Spec) -> str:
    """Source and filters as text, alike for equal ones."""
    chosen = [[asdict(one.source) | {"base": None}, asdict(one.filters)] for one in spec.pools]
    # Of a single pool the text is what it was before plans could have several.
    return json.dumps(chosen[0] if len(chosen) == 1 else chosen, default=_text, sort_keys=True)


def _text(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _digest(key: bytes, text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), key=key, digest_size=16).hexdigest()
