"""Plays one case: a pool, WorkOS and one plan's state, and what is expected of each run."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest import mock

from engine.model.users import SourceUser
from engine.plan_file.loader import load
from engine.plan_file.model import Spec
from engine.run.migration import run_apply, run_plan
from engine.run.reading import Watch
from engine.run.results import ApplyResult, PlanResult
from engine.run.stopping import Stop
from engine.state.file import StateFile
from tests.model.expectation import TRUSTED, Record
from tests.model.workos import Killed, ModelTarget
from tests.support.identity import IdentityWorld, Pages
from tests.support.metered import destination
from tests.support.people import NEW_YEAR, cognito_user
from tests.support.state_rows import user_rows

_OPEN = Watch(reading=lambda _: None, listing=lambda _: None, stopping=lambda: False)
_TYPES = {"Google": "Google", "SignInWithApple": "SignInWithApple"}


class ModelWorld(IdentityWorld):
    """`pool` is Cognito's side, by sub; `target` WorkOS's. Reads and writes of the state are the engine's own."""

    target: ModelTarget

    def __init__(self, folder: Path, existing_users: str = "adopt") -> None:
        super().__init__(folder, f"existing_users: {existing_users}\nfilters: {{allow_empty: true}}\n")
        self.target = ModelTarget()
        self.pool: dict[str, Record] = {}
        self.copy: Path | None = None
        self._spec = _loaded(self.plan_path)

    def spec(self) -> Spec:
        """The plan file; a case never changes it."""
        path = self.folder / ".migrate" / "acme.state.db"
        return replace(self._spec, state_path=path, path=self.plan_path, trusted_providers=frozenset({TRUSTED}))

    async def foresee(self) -> PlanResult:
        """One `plan`, in good weather."""
        self.target.begin_process()
        return await run_plan(self._session(self._source(), preview=True), watch=_OPEN)

    async def run(self, *, storm: random.Random | None = None, kill_at: int = 0) -> ApplyResult | None:
        """One `apply` as a process of its own; None where it was killed."""
        self.target.begin_process(storm=storm, kill_at=kill_at)
        task = asyncio.ensure_future(self._apply())
        self.target.plug.pull = task.cancel
        with _commits_die_with(self.target), suppress(Killed, asyncio.CancelledError):
            return await task
        if not self.target.plug.pulled:
            raise AssertionError("a run was cancelled, and nobody had killed it")
        return None

    async def _apply(self) -> ApplyResult:
        session = self._session(self._source())
        return await run_apply(session, watch=_OPEN, writing=lambda *_: lambda _: None, stop=Stop())

    def copy_state(self) -> None:
        """A copy as the README advises: of the file at rest."""
        if self.spec().state_path.exists():
            self.copy = self.folder / "copy.db"
            with closing(sqlite3.connect(self.spec().state_path)) as held, closing(sqlite3.connect(self.copy)) as copy:
                held.backup(copy)

    def restore_state(self) -> bool:
        """The copy in its place; False where there is none."""
        if self.copy is None:
            return False
        self.lose_state()
        self.spec().state_path.parent.mkdir(exist_ok=True)
        shutil.copy(self.copy, self.spec().state_path)
        return True

    def rows(self) -> dict[str, tuple[str | None, str, str]]:
        """(WorkOS id, relation, status) by sub, out of the state."""
        if not self.spec().state_path.exists():
            return {}
        found = user_rows(self.spec().state_path, "SELECT sub, workos_id, relation, status FROM users")
        return {sub: (workos_id, relation, status) for sub, workos_id, relation, status in found}

    def _source(self) -> Pages:
        users = [_cognito(one) for one in self.pool.values()]
        return Pages([users[at : at + 2] for at in range(0, len(users), 2)])


@contextmanager
def _commits_die_with(target: ModelTarget) -> Iterator[None]:
    """A commit of the state is an event like a call: the process may end before it, or right after it."""
    commits = StateFile.transaction

    @contextmanager
    def transaction(state: StateFile) -> Iterator[sqlite3.Connection]:
        with commits(state) as connection:
            yield connection
            target.plug.event()
        target.plug.event()

    with mock.patch.object(StateFile, "transaction", transaction):
        yield


_specs: dict[str, Spec] = {}


def _loaded(path: Path) -> Spec:
    """The plan file; one text is read once, since reading takes longer than a whole run."""
    text = path.read_text(encoding="utf-8")
    if text not in _specs:
        _specs[text] = replace(load(path, sandbox=True).spec, destination=destination())
    return _specs[text]


def _cognito(one: Record) -> SourceUser:
    values = {"email": one.address, "email_verified": "true" if one.flag else "false"}
    values |= {"given_name": one.given} if one.given else {}
    values |= {"custom__plan": one.plan} if one.plan else {}
    name = one.provider or one.linked
    if name:
        identity = {"userId": one.sub, "providerName": name, "providerType": _TYPES.get(name, "OIDC")}
        values["identities"] = json.dumps([identity])
    return cognito_user(
        one.sub,
        status="EXTERNAL_PROVIDER" if one.provider else "CONFIRMED",
        enabled=one.enabled,
        created=NEW_YEAR + timedelta(days=one.age),
        **values,  # type: ignore[arg-type]  # names of attributes
    )
