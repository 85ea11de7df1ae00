"""WorkOS's sessions behind `SessionPort`."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.call_errors import Ambiguous, CallFailed, Terminal
from engine.resources.memberships.port import HeldSession
from engine.workos.calls import identifier, optional_text, translated
from engine.workos.metered_calls import MeteredCalls


class WorkOSSessions:
    """`SessionPort` on one WorkOS environment."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls

    async def active(self, user_id: str) -> list[HeldSession]:
        """See the port."""
        try:
            found = await self._calls.all(("user_management", "users", user_id, "sessions"))
        except Terminal as error:
            if error.status == 404:
                return []
            raise
        return [
            HeldSession(
                identifier(one.get("id")), identifier(one.get("user_id")), optional_text(one.get("organization_id"))
            )
            for one in found
            # "All active sessions" (API description); a server that keeps others says so in `status`.
            if one.get("status", "active") == "active"
        ]

    async def revoke(self, user_id: str, session_ids: Sequence[str]) -> int:
        """See the port."""
        revoked = 0
        for session_id in session_ids:
            revoked += await self._revoke(user_id, session_id)
        # Answers have no body (API description): who is signed in still is what tells.
        if session_ids and any(one.id in session_ids for one in await self.active(user_id)):
            raise Ambiguous("unexpected_answer")
        return revoked

    async def _revoke(self, user_id: str, session_id: str) -> bool:
        async def revoke() -> bool:
            call = self._calls.client.user_management.revoke_session
            await translated(call(session_id=session_id, request_options=self._calls.opts))
            return True

        async def look(_: CallFailed) -> bool | None:
            return None if any(one.id == session_id for one in await self.active(user_id)) else False

        return await self._calls.write(revoke, look)
