"""WorkOS behind `UserTarget`, through the official SDK: one call a method, errors translated, nothing retried."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, cast

from workos import AsyncWorkOSClient
from workos.user_management.models import User

from engine.ports import UserChanges
from engine.spec.model import Destination
from engine.targets.calls import checked as _call
from engine.targets.errors import Ambiguous, Terminal
from engine.targets.transport import AiohttpBackend
from engine.users import TargetUser, normalise_email

PAGE = 100  # WorkOS's largest page (API description, list users)


class WorkOSTarget:
    """`UserTarget` on one WorkOS environment. `timeout` is one call's, in seconds."""

    def __init__(self, destination: Destination, *, timeout: float, backend: AiohttpBackend | None = None) -> None:
        self.backend = backend or AiohttpBackend.open()
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
        return _target_user(await _call(self._users.create_user(**cast(Any, user), request_options=self._opts)))

    async def update(self, user_id: str, changes: UserChanges) -> TargetUser:
        """PUT /user_management/users/{id}; see the port."""
        fields: dict[str, Any] = {
            name: value
            for name in ("email", "email_verified", "first_name", "last_name", "external_id", "metadata")
            if (value := getattr(changes, name)) is not None
        }
        return _target_user(await _call(self._users.update_user(user_id, **fields, request_options=self._opts)))

    async def get(self, user_id: str) -> TargetUser | None:
        """By WorkOS id; see the port."""
        return await _found(self._users.get_user(user_id, request_options=self._opts))

    async def find_by_external_id(self, external_id: str) -> TargetUser | None:
        """By external ID; see the port."""
        return await _found(self._users.get_user_by_external_id(external_id, request_options=self._opts))

    async def find_by_email(self, email: str) -> TargetUser | None:
        """By address; see the port."""
        wanted = normalise_email(email)
        page = await _call(self._users.list_users(email=wanted, limit=10, request_options=self._opts))
        # Compared here as well: a server that does not know the filter answers with anybody.
        return next((_target_user(user) for user in page.data if normalise_email(user.email) == wanted), None)

    async def list_page(self, after: str | None) -> tuple[Sequence[TargetUser], str | None]:
        """One page of all users, oldest first, and the cursor of the next, None at the end."""
        page = await _call(self._users.list_users(limit=PAGE, order="asc", after=after, request_options=self._opts))
        users = [_target_user(user) for user in page.data]
        return users, page.after if users else None

    async def close(self) -> None:
        """Close the connections."""
        await self.backend.close()


async def _found(call: Awaitable[User]) -> TargetUser | None:
    try:
        return _target_user(await _call(call))
    except Terminal as error:
        if error.status == 404:
            return None
        raise


def _target_user(user: Any) -> TargetUser:
    if not isinstance(user.id, str) or not isinstance(user.email, str):
        raise Ambiguous("unexpected_answer")
    return TargetUser(
        id=user.id,
        email=normalise_email(user.email),
        email_verified=user.email_verified is True,
        external_id=user.external_id or None,
        first_name=user.first_name or None,
        last_name=user.last_name or None,
        metadata=user.metadata or {},
        signed_in=user.last_sign_in_at is not None,
    )
