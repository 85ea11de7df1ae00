"""Owns the refusals: each with the status and the body that the real API answers with.

Codes and messages are those of the vendor's API description (`@workos/openapi-spec`); where it gives none, the
comment says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VALIDATION_FAILED = "Validation failed."
NOT_PROCESSED = "SandboxRequest could not be processed."


class ApiError(Exception):
    """A request that is refused; what was written before it stays written."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Sequence[tuple[str, str]] = ()) -> None:
        self.status = status
        self.body = body
        self.headers = tuple(headers)
        super().__init__(f"{status} {body.get('code', '')}")


def refused(status: int, code: str, message: str = NOT_PROCESSED) -> ApiError:
    """The common shape: a code and a message."""
    return ApiError(status, {"code": code, "message": message})


def listed(code: str, errors: Sequence[tuple[str, str]]) -> ApiError:
    """400 with a list of codes and messages, as user_creation_error and password_strength_error carry them."""
    found = [{"code": one, "message": message} for one, message in errors]
    return ApiError(400, {"code": code, "message": VALIDATION_FAILED, "errors": found})


def not_found(kind: str, identifier: str) -> ApiError:
    """404; `code` is in the SDK's model EntityNotFoundErrorBody, the API description has the message alone."""
    return ApiError(404, {"message": f"{kind} not found: '{identifier}'.", "code": "entity_not_found"})


def invalid_parameters(errors: Sequence[tuple[str, str, str]]) -> ApiError:
    """422 invalid_request_parameters; each error is a field, a code and a message."""
    found = [{"field": field, "code": code, "message": message} for field, code, message in errors]
    body = {"code": "invalid_request_parameters", "message": VALIDATION_FAILED, "errors": found}
    return ApiError(422, body)


def unauthorized() -> ApiError:
    """401: no key, or not ours."""
    return ApiError(401, {"message": "Unauthorized"}, [("WWW-Authenticate", 'Bearer realm="workos"')])


def rate_limited(retry_after: float | None) -> ApiError:
    """429; the Retry-After header is documented nowhere, and SDKs honour it: both ways must be possible."""
    headers = [] if retry_after is None else [("Retry-After", f"{retry_after:g}")]
    body = {"message": "Too many requests. Please slow down.", "code": "rate_limit_exceeded"}
    return ApiError(429, body, headers)
