"""A campaign's world: a pool in memory, a migrated state, a sandbox on a clock that a test moves."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from engine.model.keys import NO_POOL, user_key
from engine.model.outcomes import ResourceRow, StateIdentity
from engine.model.resets import ResetTarget
from engine.model.users import SourceUser
from engine.plan_file.model import Destination, ExportSource, PasswordReset, ResetEmail, Spec
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resets.results import SendResult
from engine.resets.sending import Sending, SendOptions
from engine.run.preparation import know
from engine.run.reading import Watch, read_people
from engine.run.sources import Sources
from engine.run.stopping import Stop
from engine.sandbox.options import Quotas
from engine.snapshot import database
from engine.snapshot.candidates import CandidateTable
from engine.state.file import StateFile
from engine.workos.resets import WorkOSResets
from engine.workos.users import WorkOSTarget
from tests.support.fake_source import FakeSource
from tests.support.sandbox_extras import Faults, Options, Server
from tests.support.virtual_clock import VirtualClock

IDENTITY = StateIdentity("acme", "pool", "here")
UNLIMITED = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)


def _nothing(_: int) -> None:
    return


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """Counts down the moments at which a run may die, and kills it at the last."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.where = ""

    def moment(self, where: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.left, self.where = None, where
            raise Killed(where)


class MortalResets:
    """`ResetTarget` around another; may die before and after a request. `events_fail` makes events unreadable."""

    def __init__(self, target: ResetTarget, mortal: Mortal) -> None:
        self._target, self._mortal = target, mortal
        self.events_fail: Exception | None = None

    @property
    def clock(self) -> Any:
        return self._target.clock

    async def request(self, email: str, locale: str | None) -> Any:
        self._mortal.moment("before the call")
        issued = await self._target.request(email, locale)
        self._mortal.moment("after the call")
        return issued

    async def events_page(self, names: Any, since: float, until: float | None, after: str | None) -> Any:
        if self.events_fail is not None:
            raise self.events_fail
        return await self._target.events_page(names, since, until, after)


class World:
    """One pool, one state, one sandbox."""

    def __init__(self, folder: Path, clock: VirtualClock, server: Server, users: Sequence[SourceUser]) -> None:
        self.folder, self.clock, self.server = folder, clock, server
        self.mortal = Mortal()
        own = server.options
        self.destination = Destination(own.client_id, own.api_key, server.url, "production", None, None, None)
        self.users = list(users)
        self.workos = WorkOSTarget(self.destination, timeout=5)
        self.adapter = WorkOSResets(self.destination, timeout=5, clock=clock)
        self.resets = MortalResets(self.adapter, self.mortal)
        self.rng = random.Random(1)

    def spec(self, email: ResetEmail, **more: Any) -> Spec:
        reset = PasswordReset("email", email=email)
        source = ExportSource(("x",), self.folder)
        state = self.folder / "acme.state.db"
        more = {"destination": self.destination, "state_path": state, "password_reset": reset, **more}
        return Spec("acme", self.folder / "plan.yaml", source, **more)

    async def migrate(self) -> None:
        """Everybody in WorkOS and in the state, as an apply leaves them."""
        rows = []
        for user in self.users:
            email = user.attributes["email"]
            verified = user.attributes.get("email_verified") == "true"
            made = await self.workos.create({"email": email, "external_id": user.sub, "email_verified": verified})
            rows.append(ResourceRow("user", user_key(NO_POOL, user.sub), made.id, password=1))
        state = StateFile.open(self.folder / "acme.state.db", IDENTITY, key=b"k" * 32)
        with state:
            state.put(rows)

    async def send(self, email: ResetEmail, *, stop: Stop | None = None, **options: Any) -> SendResult:
        """One `resets send`. Raises Killed where `mortal` says so; the state is then as a kill leaves it."""
        spec = self.spec(email)
        quota = Quota(self.destination, self.clock)
        metered = MeteredTarget(self.workos, quota, clock=self.clock, rng=self.rng)
        snapshot = self.folder / "acme.snapshot.db"
        connection = database.create(snapshot)
        state = StateFile.open(spec.state_path, IDENTITY, key=b"k" * 32)
        state.transaction = self._mortal_transaction(state)  # type: ignore[method-assign]
        try:
            watch = Watch(_nothing, _nothing, lambda: False)
            read_people(spec, Sources.of(spec, FakeSource(self.users)), connection, b"k" * 32, watch)
            know(connection, state)
            sending = Sending(
                spec=spec,
                sandbox=False,
                candidates=CandidateTable(connection),
                state=state,
                metered=metered,
                target=self.resets,
                stop=Stop() if stop is None else stop,
                run_id="run",
            )
            chosen = SendOptions(out=self.folder / "out", **options)
            return await sending.run(chosen, listing=_nothing, sending=lambda _: _nothing)
        finally:
            connection.close()
            state.connection.close()

    def _mortal_transaction(self, state: StateFile) -> Any:
        plain = state.transaction

        @contextmanager
        def transaction() -> Iterator[sqlite3.Connection]:
            self.mortal.moment("before a commit")
            with plain() as connection:
                yield connection
            self.mortal.moment("after a commit")

        return transaction

    def ledger(self) -> dict[str, int]:
        """E-mails by status, as the state has them."""
        with sqlite3.connect(self.folder / "acme.state.db") as connection:
            found = dict(connection.execute("SELECT status, count(*) FROM resets GROUP BY status"))
        connection.close()
        return found

    def mails(self) -> list[tuple[str, str]]:
        """(address, when) of every reset that WorkOS made, oldest first."""
        database_ = self.server.service.environment.database
        rows = database_.rows("SELECT email, created_at FROM password_resets ORDER BY created_at", ())
        return [(row["email"], row["created_at"]) for row in rows]


@asynccontextmanager
async def world(
    folder: Path,
    users: Sequence[SourceUser],
    *,
    at: float,
    quotas: Quotas = UNLIMITED,
    faults: Faults | None = None,
) -> AsyncIterator[World]:
    """A migrated world at a moment (seconds since the epoch); faults begin after the migration."""
    clock = VirtualClock()
    clock.time += at - clock.now()
    async with Server(Options(quotas=quotas), clock) as server:
        made = World(folder, clock, server, users)
        try:
            await made.migrate()
            server.faults.replace(faults or Faults())
            yield made
        finally:
            await made.workos.close()
            await made.adapter.close()
