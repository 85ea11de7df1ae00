"""The fake of the port `UserTarget`: users in memory, unique addresses and external IDs, failures by script."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.model.call_errors import Terminal
from engine.model.ports import UserChanges
from engine.model.users import TargetUser
from tests.support.virtual_clock import VirtualClock

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"


def stored_address(address: str) -> str:
    """An address as the strictest of servers would store it: of look-alikes nothing is left but what they look like."""
    plain = unicodedata.normalize("NFKC", address).replace("\u0131", "i").replace("\u0130", "i")
    return "".join(char for char in plain if char not in _INVISIBLE).strip().lower()


class After:
    """A scripted end: the call is carried out, and then this is raised."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class FakeTarget:
    """`script[method]` holds how its next calls end: an error (nothing done), `After(error)` (done) or None.

    `latency` seconds pass on `clock` in every call. `calls` lists (method, argument).
    """

    def __init__(self, *, clock: VirtualClock | None = None, latency: float = 0.0, page: int = 100) -> None:
        self.users: dict[str, TargetUser] = {}
        self.script: dict[str, list[Exception | After | None]] = defaultdict(list)
        self.calls: list[tuple[str, object]] = []
        self.closed = False
        self.identities: Counter[str] = Counter()
        self.factors: Counter[str] = Counter()
        self.resets: list[str] = []
        self._now = itertools.count(1)
        self.deleted: list[str] = []
        self._clock, self._latency, self._page = clock, latency, page
        self._ids = itertools.count(1)

    def add(self, email: str, **fields: object) -> TargetUser:
        """Somebody who is there already."""
        values = {"email_verified": False, "external_id": None, **fields}
        now = self._stamp()
        times = {"created_at": now, "updated_at": now}
        user = TargetUser(id=f"user_{next(self._ids):04}", email=email, **{**times, **values})  # type: ignore[arg-type]
        self.users[user.id] = user
        return user

    def fail(self, method: str, *ends: Exception | After | None) -> None:
        """Script the next calls of a method."""
        self.script[method].extend(ends)

    def called(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)

    async def create(self, user: Mapping[str, object]) -> TargetUser:
        after = await self._begin("create", user)
        now = self._stamp()
        made = self._checked(
            TargetUser(
                id=f"user_{next(self._ids):04}",
                email=stored_address(str(user["email"])),
                email_verified=user.get("email_verified") is True,
                external_id=user.get("external_id"),  # type: ignore[arg-type]
                first_name=user.get("first_name"),  # type: ignore[arg-type]
                last_name=user.get("last_name"),  # type: ignore[arg-type]
                metadata=dict(user.get("metadata") or {}),  # type: ignore[call-overload]
                created_at=now,
                updated_at=now,
            )
        )
        return self._end(made, after)

    async def update(self, user_id: str, changes: UserChanges) -> TargetUser:
        after = await self._begin("update", (user_id, changes))
        held = self.users.get(user_id)
        if held is None:
            raise Terminal("entity_not_found", status=404)
        names = ("email", "email_verified", "first_name", "last_name", "external_id")
        plain = {name: value for name in names if (value := getattr(changes, name)) is not None}
        if changes.clear_external_id:
            plain["external_id"] = None
        if changes.email is not None:
            plain["email"] = stored_address(changes.email)
        merged = {**held.metadata, **(changes.metadata or {})}
        metadata = {key: value for key, value in merged.items() if value is not None}
        return self._end(self._checked(replace(held, **plain, metadata=metadata, updated_at=self._stamp())), after)

    async def get(self, user_id: str) -> TargetUser | None:
        return self._end(self.users.get(user_id), await self._begin("get", user_id))

    async def find_by_external_id(self, external_id: str) -> TargetUser | None:
        after = await self._begin("find_by_external_id", external_id)
        return self._end(next((one for one in self.users.values() if one.external_id == external_id), None), after)

    async def find_by_email(self, email: str) -> TargetUser | None:
        after = await self._begin("find_by_email", email)
        wanted = stored_address(email)
        return self._end(next((one for one in self.users.values() if one.email == wanted), None), after)

    async def count_identities(self, user_id: str) -> int:
        await self._begin("count_identities", user_id)
        return self.identities[user_id]

    async def count_factors(self, user_id: str) -> int:
        await self._begin("count_factors", user_id)
        return self.factors[user_id]

    async def resets_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        await self._begin("resets_page", after)
        found = self.resets[int(after) if after else 0 :]
        return found, str(len(self.resets)) if found else None

    async def delete(self, user_id: str) -> None:
        after = await self._begin("delete", user_id)
        if self.users.pop(user_id, None) is None:
            raise Terminal("entity_not_found", status=404)
        self.deleted.append(user_id)
        if after is not None:
            raise after.error

    async def deleted_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        await self._begin("deleted_page", after)
        found = self.deleted[int(after) if after else 0 :]
        return found, str(len(self.deleted)) if found else None

    async def list_page(self, after: str | None) -> tuple[Sequence[TargetUser], str | None]:
        scripted = await self._begin("list_page", after)
        everybody = sorted(self.users.values(), key=lambda one: one.id)
        left = [one for one in everybody if after is None or one.id > after]
        users = left[: self._page]
        if scripted is not None:
            raise scripted.error
        return users, users[-1].id if len(left) > self._page else None

    async def close(self) -> None:
        self.closed = True

    def _stamp(self) -> str:
        return f"2026-01-01T00:00:{next(self._now):06}Z"

    async def _begin(self, method: str, argument: object) -> After | None:
        self.calls.append((method, argument))
        end = self.script[method].pop(0) if self.script[method] else None
        if self._clock is not None:
            await self._clock.sleep(self._latency)
        if isinstance(end, Exception):
            raise end
        return end

    def _checked(self, user: TargetUser) -> TargetUser:
        for other in self.users.values():
            if other.id != user.id and other.email == user.email:
                raise Terminal("email_not_available", status=400)
            if other.id != user.id and user.external_id is not None and other.external_id == user.external_id:
                raise Terminal("external_id_already_used", status=400)
        self.users[user.id] = user
        return user

    @staticmethod
    def _end(answer: TargetUser | None, after: After | None) -> TargetUser:
        if after is not None:
            raise after.error
        return answer  # type: ignore[return-value]
