"""Opening the state of a plan for commands that only look at it or edit it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from engine.cli.command import introduce
from engine.model.errors import MigrateError, StateError
from engine.model.keys import sub_of, user_key
from engine.plan_file.loader import NamedDestination, load
from engine.plan_file.model import Spec
from engine.run.identity import for_sandbox
from engine.state import queries
from engine.state.file import StateFile
from engine.state.place import FilePlace
from engine.views.console import Console
from engine.workspace.folder import Workspace


def stored_spec(console: Console, path: Path, *, sandbox: bool) -> Spec:
    """The plan's spec with the state that is meant, introduced. Needs no secret: nobody is contacted."""
    loaded = load(path, resolve=False)
    spec = for_sandbox(loaded.spec) if sandbox else loaded.spec
    introduce(console, spec, sandbox=sandbox, named=_as_recorded(loaded.named, spec))
    return spec


def _as_recorded(named: NamedDestination, spec: Spec) -> NamedDestination:
    """Where the environment lacks the client ID, the state knows whose it is."""
    if "${" not in named.client_id + named.base_url:
        return named
    # What is wrong with the state is said by whoever needs it.
    with suppress(MigrateError):
        state = StateFile.read(spec.state_path, None)
        if state is not None:
            with state:
                base_url, _, client_id = state.identity.destination.partition(" ")
            return replace(named, base_url=base_url, client_id=client_id) if client_id else named
    return named


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
    place = FilePlace(spec.state_path)
    with (
        Workspace(spec.state_path).locked(place),
        place.open(identity, key=key) as state,
    ):
        yield state


def key_of_user(state: StateFile, spec: Spec, written: str) -> str:
    """The key of the user who is meant: a sub, or in a plan of several pools POOL/SUB. Raises MigrateError."""
    pools = {one.name: one.key for one in spec.pools} if len(spec.pools) > 1 else {}
    pool, _, sub = written.partition("/")
    found = [user_key(pools[pool], sub)] if pool in pools else queries.keys_of(state, written)
    found = [key for key in found if key in queries.keys_of(state, sub_of(key))]
    if not found:
        raise unknown_user(written)
    if len(found) > 1:
        raise MigrateError(
            f"the state knows {written} in several pools", remedy=f"write it as {next(iter(pools), 'POOL')}/{written}",
            code="bad_usage",
        )  # fmt: skip
    return found[0]


def unknown_user(written: str) -> MigrateError:
    """Nobody in the state is meant."""
    return MigrateError(
        f"the state knows no user {written}", remedy="`migrate state list` shows whom it knows", code="unknown_user"
    )
