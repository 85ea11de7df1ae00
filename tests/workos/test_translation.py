"""SDK exceptions, by class and code, to the four ends of a call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from workos import TransportError, WorkOSError
from workos._errors import (
    STATUS_CODE_TO_ERROR,
    APIError,
    WorkOSConnectionError,
    WorkOSTimeoutError,
)

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal, Throttled, Transient
from engine.model.waits import CENTURY
from engine.workos.translation import retry_after, translate


class _Answer:
    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


def _error(status: int, headers: dict[str, str] | None = None, **body: Any) -> APIError:
    kind = STATUS_CODE_TO_ERROR.get(status, APIError)
    error = kind("a message with ann@example.com in it", status_code=status)
    for name, value in body.items():
        setattr(error, name, value)
    error.response = _Answer(headers or {})  # type: ignore[assignment]
    return error


def _caused_by(cause: Exception) -> WorkOSError:
    error = WorkOSError("x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (WorkOSTimeoutError("x"), Ambiguous, "timeout"),
        (WorkOSConnectionError("x"), Transient, "connection_failed"),
        (_caused_by(TransportError("x")), Ambiguous, "connection_lost"),
        (_caused_by(KeyError("id")), Ambiguous, "unexpected_answer"),
        (WorkOSError("x"), Ambiguous, "unexpected_answer"),
        (_error(401), Refused, "unauthorized"),
        (_error(401, code="invalid_api_key"), Refused, "invalid_api_key"),
        (_error(403), Refused, "forbidden"),
        (_error(404), Terminal, "http_404"),
        (_error(404, code="entity_not_found"), Terminal, "entity_not_found"),
        (_error(400), Terminal, "http_400"),
        (_error(409, code="user_already_exists"), Terminal, "user_already_exists"),
        (_error(422, code="invalid_request_parameters"), Terminal, "invalid_request_parameters"),
        (_error(418), Terminal, "http_418"),
        (_error(408), Ambiguous, "http_408"),
        (_error(425), Transient, "http_425"),
        (_error(429), Throttled, "rate_limit_exceeded"),
        (_error(429, code="daily_quota_exceeded"), Throttled, "daily_quota_exceeded"),
        (_error(500), Ambiguous, "http_500"),
        (_error(502), Ambiguous, "http_502"),
        (_error(503, code="maintenance"), Ambiguous, "maintenance"),
        (_error(504), Ambiguous, "http_504"),
        (_error(599), Ambiguous, "http_599"),
        # The code inside of a wrapper; bodies of other shapes.
        (_error(400, code="user_creation_error", errors=[{"code": "email_not_available"}]), Terminal,
         "email_not_available"),
        (_error(400, code="user_creation_error", errors=["text", {"text": 1}, {"code": "email_required"}]), Terminal,
         "email_required"),
        (_error(400, code="user_creation_error", errors=["text"]), Terminal, "user_creation_error"),
        (_error(400, code="user_creation_error", errors="text"), Terminal, "user_creation_error"),
        (_error(400, code=None, errors=[{"code": "email_not_available"}]), Terminal, "email_not_available"),
        (_error(400, code=None, errors=[{"code": "ann@example.com"}]), Terminal, "http_400"),
        (_error(400, error="invalid_metadata", code=None), Terminal, "invalid_metadata"),
        (_error(422, code="invalid_metadata", errors=[{"code": "inner"}]), Terminal, "invalid_metadata"),
        # What is not known as a code does not get into the state, whatever its shape.
        (_error(401, code="sk_live_echoedkey"), Refused, "unauthorized"),
        (_error(400, code="sk_live_echoedkey"), Terminal, "http_400"),
        (_error(400, error="sk_live_echoedkey", code=None), Terminal, "http_400"),
        (_error(429, code="sk_live_echoedkey"), Throttled, "rate_limit_exceeded"),
        (_error(503, code="sk_live_echoedkey"), Ambiguous, "http_503"),
        (_error(400, code="ann@example.com is taken"), Terminal, "http_400"),
        (_error(400, code=["x"]), Terminal, "http_400"),
        (_error(400, code="x" * 65), Terminal, "http_400"),
    ],
)  # fmt: skip
def test_table(error: WorkOSError, kind: type[CallFailed], code: str) -> None:
    ended = translate(error)
    assert (type(ended), ended.code, str(ended)) == (kind, code, code)
    assert ended.status == getattr(error, "status_code", None)
    assert "ann@" not in repr(ended)


NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-3", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e99", CENTURY),
        ("86400", 86_400.0),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}, now=NOW) == seconds
    assert translate(_error(429, {"Retry-After": value}), now=NOW).retry_after == seconds
    assert translate(_error(503, {"Retry-After": value}), now=NOW).retry_after == seconds


def test_no_headers() -> None:
    error = _error(429)
    error.response = None
    assert translate(error).retry_after is None and retry_after({}) is None
