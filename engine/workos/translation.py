"""Translates the SDK's exceptions, by class and code, into the four ends that a call can have.

Never by message text: WorkOS words its messages anew, and they carry addresses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from workos import RateLimitExceededError, TransportError, WorkOSError

# The base classes are not among the SDK's public names; its subclasses leave 408, 425 and 5xx apart untold.
from workos._errors import APIError, WorkOSConnectionError, WorkOSTimeoutError

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal, Throttled, Transient
from engine.model.waits import CENTURY
from engine.workos.known_codes import KNOWN_CODES

# Wrappers that say only that something inside `errors` is wrong (facts: create answers `user_creation_error`).
_WRAPPERS = frozenset({"user_creation_error", "validation_error", "unprocessable_entity", "bad_request"})


def translate(error: WorkOSError, *, now: datetime | None = None) -> CallFailed:
    """The end that `error` means; raise it `from` the error."""
    if isinstance(error, WorkOSTimeoutError):
        return Ambiguous("timeout")
    if isinstance(error, WorkOSConnectionError):
        # No connection, so nothing was sent (TransportConnectError in the SDK's transport contract).
        return Transient("connection_failed")
    if not isinstance(error, APIError) or error.status_code is None:
        # The connection broke after sending, or the body was cut off; else the SDK could not read the answer.
        return Ambiguous("connection_lost" if isinstance(error.__cause__, TransportError) else "unexpected_answer")
    status = error.status_code
    code = answer_code(error)
    wait = retry_after(_headers(error), now=now)
    if isinstance(error, RateLimitExceededError):
        return Throttled(code or "rate_limit_exceeded", status=status, retry_after=wait)
    if status in (401, 403):
        return Refused(code or ("unauthorized" if status == 401 else "forbidden"), status=status)
    if status == 408 or status >= 500:
        # Both were met after the write had been done (facts: the vendor's own load test).
        return Ambiguous(code or f"http_{status}", status=status, retry_after=wait)
    if status == 425:
        return Transient(code or "http_425", status=status, retry_after=wait)
    return Terminal(code or f"http_{status}", status=status)


def answer_code(error: APIError) -> str | None:
    """The most telling code of an error body: one of `errors` where the outer one only wraps them."""
    outer = _clean(error.code) or _clean(error.error)
    if outer is None or outer in _WRAPPERS:
        for inner in error.errors if isinstance(error.errors, list) else ():
            found = _clean(inner.get("code")) if isinstance(inner, Mapping) else None
            if found is not None:
                return found
    return outer


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Retry-After in seconds, from seconds (fractions too) or an HTTP date; None where absent or not one.

    A date counts from the answer's own `Date` where it has one: the two clocks need not agree.
    """
    raw = (headers.get("Retry-After") or "").strip()
    if not raw:
        return None
    try:
        seconds = float(raw)
    except ValueError:
        at = _date(raw)
        if at is None:
            return None
        sent = _date(headers.get("Date") or "")
        seconds = (at - (sent or now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), CENTURY) if math.isfinite(seconds) else None


def _date(raw: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(raw)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _headers(error: APIError) -> Mapping[str, str]:
    headers = getattr(error.response, "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def _clean(code: object) -> str | None:
    # A code goes into the state and into logs: nothing that is not known to be one gets there.
    return code if isinstance(code, str) and code in KNOWN_CODES else None
