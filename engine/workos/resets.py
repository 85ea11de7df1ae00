"""WorkOS's password resets and their events behind `ResetTarget`, through the official SDK's client.

The SDK's own models are not used: they refuse an answer that lacks a field, and a reset whose answer cannot be read
was made all the same. (The vendor's emulator names the token otherwise and gives no URL.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workos import AsyncWorkOSClient, WorkOSError

from engine.model.call_errors import Ambiguous, QuotaSpent, Throttled
from engine.model.exchanges import Trace, untraced
from engine.model.ports import Clock
from engine.model.resets import IssuedReset, ResetEvent
from engine.plan_file.model import Destination
from engine.workos.calls import AnsweredFields, text
from engine.workos.paging import read_page
from engine.workos.service_time import DatedBackend, ServiceClock
from engine.workos.translation import translate
from engine.workos.transport import AiohttpBackend

_PAGE = 100
_QUOTA_SPENT = "daily_quota_exceeded"


class WorkOSResets:
    """`ResetTarget` on one WorkOS environment. `timeout` is one call's, in seconds."""

    def __init__(self, destination: Destination, *, timeout: float, clock: Clock, trace: Trace = untraced) -> None:
        self._backend = AiohttpBackend.open(trace)
        self._clock = ServiceClock(clock)
        self._client = AsyncWorkOSClient(
            api_key=destination.api_key,
            client_id=destination.client_id,
            base_url=destination.base_url,
            # A repeated POST is a second e-mail.
            max_retries=0,
            http_client=DatedBackend(self._backend, self._clock),
        )
        self._opts: Any = {"timeout": timeout, "max_retries": 0}

    @property
    def clock(self) -> Clock:
        """See the port."""
        return self._clock

    async def request(self, email: str, locale: str | None) -> IssuedReset:
        """POST /user_management/password_reset; see the port."""
        body = {"email": email} | ({"locale": locale} if locale else {})
        answer = await self._call("post", ("user_management", "password_reset"), body=body)
        url, user_id = answer.get("password_reset_url"), answer.get("user_id")
        if not isinstance(user_id, str):
            raise Ambiguous("unexpected_answer")
        return IssuedReset(user_id, url if isinstance(url, str) else None, _seconds(answer.get("expires_at")))

    async def events_page(
        self, names: Collection[str], since: float, until: float | None, after: str | None
    ) -> tuple[Sequence[ResetEvent], str | None]:
        """GET /events; see the port."""
        params: dict[str, Any] = {"events": ",".join(sorted(names)), "limit": _PAGE, "order": "asc"}
        if after is not None:
            # `after` and `range_start` exclude each other (docs, list events).
            params["after"] = after
        else:
            params["range_start"] = _stamp(since)
            if until is not None:
                params["range_end"] = _stamp(until)
        page = read_page(await self._call("get", ("events",), params=params))
        # A server that does not know the filters gives events of every kind and age.
        found = [_event(one) for one in page.items if _name(one) in names]
        events = [event for event in found if event.at >= since - 1]
        return events, page.after

    async def close(self) -> None:
        """Close the connections."""
        await self._backend.close()

    async def _call(self, method: str, path: tuple[str, ...], **given: Any) -> Mapping[str, Any]:
        try:
            answer = await self._client.request(method, path, model=AnsweredFields, request_options=self._opts, **given)
        except WorkOSError as error:
            failed = translate(error)
            if isinstance(failed, Throttled) and failed.code == _QUOTA_SPENT:
                raise QuotaSpent(failed.code, status=failed.status) from error
            raise failed from error
        except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError) as error:
            raise Ambiguous("unexpected_answer") from error
        if not isinstance(answer, AnsweredFields):
            raise Ambiguous("unexpected_answer")
        return answer.fields


def _name(event: Any) -> str:
    return text(event.get("event") if isinstance(event, Mapping) else None)


def _event(event: Mapping[str, Any]) -> ResetEvent:
    """Raises Ambiguous for one that says not who or when: left out, its user would be mailed again."""
    data, at = event.get("data"), _seconds(event.get("created_at"))
    user_id = text(data.get("user_id") if isinstance(data, Mapping) else None)
    if not user_id or at is None:
        raise Ambiguous("unexpected_answer")
    return ResetEvent(_name(event), user_id, at)


def _stamp(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else None
    except ValueError:
        return None
