"""WorkOS behind `UserTarget`, through the official SDK: one call a method, errors translated, nothing retried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from workos import AsyncWorkOSClient, WorkOSError

from engine.model.call_errors import Ambiguous, Terminal
from engine.model.exchanges import Trace, untraced
from engine.model.ports import UserChanges
from engine.model.users import TargetUser, normalise_email
from engine.plan_file.model import Destination
from engine.workos.calls import ask, ask_array, send, text
from engine.workos.paging import Page, read_page
from engine.workos.translation import translate
from engine.workos.transport import AiohttpBackend
from engine.workos.user_answers import read_user

_RESET = "password_reset.succeeded"
_DELETED = "user.deleted"
_USERS = ("user_management", "users")
PAGE = 100  # WorkOS's largest page (API description, list users)


class WorkOSTarget:
    """`UserTarget` on one WorkOS environment. `timeout` is one call's, in seconds."""

    def __init__(self, destination: Destination, *, timeout: float, trace: Trace = untraced) -> None:
        self.backend = AiohttpBackend.open(trace)
        self.client = AsyncWorkOSClient(
            api_key=destination.api_key,
            client_id=destination.client_id,
            base_url=destination.base_url,
            # The SDK repeats POSTs blindly, and WorkOS has no idempotency key for users (facts).
            max_retries=0,
            http_client=self.backend,
        )
        self._users = self.client.user_management
        self._opts: Any = {"timeout": timeout, "max_retries": 0}

    async def create(self, user: Mapping[str, object]) -> TargetUser:
        """POST /user_management/users; see the port."""
        return read_user(await send(self.client, "post", _USERS, dict(user), self._opts))

    async def update(self, user_id: str, changes: UserChanges) -> TargetUser:
        """PUT /user_management/users/{id}; see the port."""
        body: dict[str, Any] = {
            name: value
            for name in ("email", "email_verified", "first_name", "last_name", "external_id", "metadata")
            if (value := getattr(changes, name)) is not None
        }
        if changes.clear_external_id:
            body["external_id"] = None
        return read_user(await send(self.client, "put", (*_USERS, user_id), body, self._opts))

    async def get(self, user_id: str) -> TargetUser | None:
        """By WorkOS id; see the port."""
        return await self._find(user_id)

    async def find_by_external_id(self, external_id: str) -> TargetUser | None:
        """By external ID; see the port."""
        found = await self._find("external_id", external_id)
        # Compared here as well: nobody is ours by an answer that names somebody else.
        return found if found is not None and found.external_id == external_id else None

    async def find_by_email(self, email: str) -> TargetUser | None:
        """By address; see the port."""
        wanted = normalise_email(email)
        page = await self._list(email=wanted, limit=10)
        # Compared here as well: a server that does not know the filter answers with anybody.
        return next((user for one in page.items if (user := read_user(one)).email == wanted), None)

    async def count_identities(self, user_id: str) -> int:
        """GET /user_management/users/{id}/identities; see the port."""
        found = await ask_array(self.client, (*_USERS, user_id, "identities"), self._opts)
        if not all(text(one.get("provider")) for one in found):
            raise Ambiguous("unexpected_answer")
        return len(found)

    async def count_factors(self, user_id: str) -> int:
        """GET /user_management/users/{id}/auth_factors; see the port."""
        path = (*_USERS, user_id, "auth_factors")
        found = read_page(await ask(self.client, path, {"limit": 10}, self._opts)).items
        if not all(isinstance(one, Mapping) and text(one.get("id")) for one in found):
            raise Ambiguous("unexpected_answer")
        return len(found)

    async def resets_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        """GET /events; see the port."""
        return await self._events(_RESET, "user_id", since, until, after)

    async def delete(self, user_id: str) -> None:
        """DELETE /user_management/users/{id}; see the port."""
        try:
            await self._users.delete_user(user_id, request_options=self._opts)
        except WorkOSError as error:
            raise translate(error) from error

    async def list_page(self, after: str | None) -> tuple[Sequence[TargetUser], str | None]:
        """One page of all users, oldest first, and the cursor of the next, None at the end."""
        page = await self._list(limit=PAGE, order="asc", **({"after": after} if after else {}))
        return [read_user(one) for one in page.items], page.after

    async def deleted_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        """GET /events; see the port."""
        return await self._events(_DELETED, "id", since, until, after)

    async def _events(
        self, name: str, key: str, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        # A range and a cursor exclude each other (docs, list events).
        where = {"after": after} if after else {"range_start": _stamp(since), "range_end": _stamp(until)}
        params: dict[str, Any] = {"events": name, "limit": PAGE, "order": "asc", **where}
        page = read_page(await ask(self.client, ("events",), params, self._opts))
        try:
            # A server that does not know the filter gives events of every kind.
            found = [text(one["data"][key]) for one in page.items if one["event"] == name]
            last = text(page.items[-1]["id"]) if page.items else None
        except (TypeError, LookupError) as error:
            raise Ambiguous("unexpected_answer") from error
        return found, last

    async def _list(self, **params: Any) -> Page:
        return read_page(await ask(self.client, _USERS, params, self._opts))

    async def _find(self, *path: str) -> TargetUser | None:
        try:
            return read_user(await ask(self.client, (*_USERS, *path), {}, self._opts))
        except Terminal as error:
            if error.status == 404:
                return None
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self.backend.close()


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
