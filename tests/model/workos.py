"""WorkOS in the model: the fake of the port, who has a stake in each user, a weather of faults, and a plug to pull.

Each write is held against who would reach what by it, at the moment that it is done: a later run cannot hide it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from engine.model.call_errors import Ambiguous, CallFailed, Throttled, Transient
from engine.model.ports import UserChanges
from engine.model.users import TargetUser
from tests.support.fake_target import FakeTarget

_T = TypeVar("_T")
Judge = Callable[[TargetUser | None, TargetUser, frozenset[str]], None]

_BEFORE: tuple[Callable[[], CallFailed], ...] = (
    lambda: Ambiguous("timeout"),
    lambda: Transient("connection_failed"),
    lambda: Throttled("rate_limit_exceeded", status=429, retry_after=1.0),
)
_AFTER: tuple[Callable[[], CallFailed], ...] = (
    lambda: Ambiguous("http_408", status=408),
    lambda: Ambiguous("connection_lost"),
)


class Killed(BaseException):
    """The process is gone: nothing after this instant has any effect."""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True)
class Plug:
    """Ends a process at its `left`-th event: a call before it is sent, a call once it was done, a commit likewise."""

    left: int = 0
    pulled: bool = False
    pull: Callable[[], object] = lambda: None

    def event(self) -> None:
        """Raise Killed once it is time, and ever after."""
        if self.left > 0:
            self.left -= 1
            self.pulled = self.left == 0
        if self.pulled:
            raise Killed


@dataclass(slots=True)
class Stakes:
    """Who would lose something if a user of WorkOS went to somebody else.

    `users` are people who use it, by a sign-in, a reset, an identity or a password; `proved` are those whose record
    had its address verified when this tool wrote it.
    """

    users: set[str] = field(default_factory=set)
    proved: set[str] = field(default_factory=set)


class ModelTarget(FakeTarget):
    """`judge(before, after, fields)` sees each write as it is done, with the fields sent, and raises Broken."""

    def __init__(self) -> None:
        super().__init__(page=3)
        self.stakes: dict[str, Stakes] = defaultdict(Stakes)
        self.judge: Judge = lambda *_: None
        self.plug = Plug()
        self.storm: random.Random | None = None
        self.broken: Broken | None = None
        self._shown: dict[str, TargetUser] = {}

    def begin_process(self, *, storm: random.Random | None = None, kill_at: int = 0) -> None:
        """A new process speaks to WorkOS from here on."""
        self.plug = Plug(kill_at)
        self.storm = storm
        self._shown = dict(self.users)

    def touch(self, user: TargetUser, **fields: object) -> None:
        """Somebody but this tool changes a user."""
        self.users[user.id] = replace(user, updated_at=self._stamp(), **fields)  # type: ignore[arg-type]

    async def create(self, user: Mapping[str, object]) -> TargetUser:
        fields = frozenset(user)
        return await self._write(None, fields, lambda: super(ModelTarget, self).create(user))

    async def update(self, user_id: str, changes: UserChanges) -> TargetUser:
        fields = frozenset(one.name for one in dataclasses.fields(changes) if getattr(changes, one.name) is not None)
        return await self._write(user_id, fields, lambda: super(ModelTarget, self).update(user_id, changes))

    async def get(self, user_id: str) -> TargetUser | None:
        return await self._call(lambda: super(ModelTarget, self).get(user_id))

    async def find_by_external_id(self, external_id: str) -> TargetUser | None:
        found = await self._call(lambda: super(ModelTarget, self).find_by_external_id(external_id))
        return found if found is None or self._lists(found) else None

    async def find_by_email(self, email: str) -> TargetUser | None:
        found = await self._call(lambda: super(ModelTarget, self).find_by_email(email))
        return found if found is None or self._lists(found) else None

    async def list_page(self, after: str | None) -> tuple[Sequence[TargetUser], str | None]:
        users, cursor = await self._call(lambda: super(ModelTarget, self).list_page(after))
        return [one for one in users if self._lists(one)], cursor

    async def count_identities(self, user_id: str) -> int:
        return await self._call(lambda: super(ModelTarget, self).count_identities(user_id))

    async def count_factors(self, user_id: str) -> int:
        return await self._call(lambda: super(ModelTarget, self).count_factors(user_id))

    async def resets_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        return await self._call(lambda: super(ModelTarget, self).resets_page(since, until, after))

    async def delete(self, user_id: str) -> None:
        """Only what this process made itself, and nobody has used."""
        mine = user_id not in self._shown and not self.stakes[user_id].users
        self.broken = self.broken or (None if mine else Broken(f"{user_id} was deleted"))
        await self._call(lambda: super(ModelTarget, self).delete(user_id), writes=True)

    async def _write(
        self, user_id: str | None, fields: frozenset[str], call: Callable[[], Awaitable[TargetUser]]
    ) -> TargetUser:
        async def judged() -> TargetUser:
            before = self.users.get(user_id or "")
            answer = await call()
            try:
                self.judge(before, self.users[answer.id], fields)
            except Broken as broken:
                # The engine must not take it for a failure of WorkOS's.
                self.broken = self.broken or broken
            return answer

        return await self._call(judged, writes=True)

    async def _call(self, call: Callable[[], Awaitable[_T]], *, writes: bool = False) -> _T:
        await self._alive()
        rng = self.storm
        if rng is not None and rng.random() < 0.5:
            await asyncio.sleep(0)
        weather = rng.random() if rng is not None else 1.0
        if rng is not None and weather < 0.12:
            raise rng.choice(_BEFORE)()
        if weather < 0.16 and writes:
            # Some proxy delivers it twice, and hands on the answer to the second.
            await call()
        answer = await call()
        await self._alive()
        if weather < 0.28 and weather >= 0.16 and rng is not None:
            raise rng.choice(_AFTER)()
        return answer

    async def _alive(self) -> None:
        try:
            self.plug.event()
        except Killed:
            # Nobody hears of it: the process that waited is gone.
            self.plug.pull()
            await asyncio.Event().wait()

    def _lists(self, user: TargetUser) -> bool:
        """Lists lag behind: who was made by this process may not be in them yet."""
        return self.storm is None or user.id in self._shown or self.storm.random() < 0.5
