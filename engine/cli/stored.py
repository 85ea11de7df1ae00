"""Opening the state of a plan for commands that only look at it or edit it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.apply.session import for_sandbox
from engine.cli.command import introduce
from engine.errors import StateError
from engine.spec.loader import load
from engine.spec.model import Spec
from engine.state.file import StateFile
from engine.state.workspace import Workspace
from engine.views.console import Console


def stored_spec(console: Console, path: Path, *, sandbox: bool) -> Spec:
    """The plan's spec with the state that is meant, introduced. Needs no secret: nobody is contacted."""
    loaded = load(path, resolve=False)
    spec = for_sandbox(loaded.spec) if sandbox else loaded.spec
    introduce(console, spec, sandbox=sandbox)
    return spec


@contextmanager
def reading(spec: Spec) -> Iterator[StateFile]:
    """The state, for reading. Raises StateError where there is none yet."""
    state = StateFile.read(spec.state_path, None)
    if state is None:
        raise StateError(
            f"there is no state {spec.state_path} yet", remedy="run `migrate apply` first", code="no_state"
        )
    with state:
        yield state


@contextmanager
def editing(spec: Spec) -> Iterator[StateFile]:
    """The state, locked, for writing."""
    with reading(spec) as state:
        key, identity = state.key, state.identity
    with (
        Workspace(spec.state_path).locked(),
        StateFile.open(spec.state_path, identity, key=key) as state,
    ):
        yield state
