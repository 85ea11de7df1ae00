"""What a provider's answer says of a client, its redirect URI and its secret. Pure: nobody is asked here.

Only codes are read, never sentences, and only codes that the standard or the provider documents:
RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6; Google "Authorization errors" (redirect_uri_mismatch,
invalid_client, deleted_client); Microsoft's AADSTS reference; GitHub "Troubleshooting authorization request errors" and
"… access token request errors"; Apple TN3107; Slack `openid.connect.token`. Everything else is `unclear`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

Reading = Literal["known", "unknown_uri", "unknown_client", "unclear"]
TokenReading = Literal["wrong_client", "wrong_code", "unclear"]

_UNKNOWN_URI = frozenset({"redirect_uri_mismatch", "invalid_redirect_uri", "bad_redirect_uri"})
_UNKNOWN_CLIENT = frozenset(
    {"invalid_client", "deleted_client", "invalid_client_id", "unauthorized_client", "application_suspended"}
)
_WRONG_CLIENT = frozenset({"invalid_client", "incorrect_client_credentials", "bad_client_secret", "invalid_client_id"})
_WRONG_CODE = frozenset({"invalid_grant", "bad_verification_code", "invalid_code"})

# Codes that a provider documents for the page which it shows instead of sending anybody back.
_PAGES: Mapping[str, Mapping[str, Reading]] = {
    "GoogleOAuth": {
        "redirect_uri_mismatch": "unknown_uri",
        "invalid_client": "unknown_client",
        "deleted_client": "unknown_client",
    },
    "MicrosoftOAuth": {
        "AADSTS50011": "unknown_uri",
        "AADSTS500113": "unknown_uri",
        "AADSTS700016": "unknown_client",
    },
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, redirects not followed; the body is cut at 64 KB."""

    status: int
    location: str | None = None
    body: bytes = b""


def read_authorization(answer: Answer, redirect_uri: str, workos: str | None = None) -> Reading:
    """What the authorization endpoint's answer to a request without a login says of client and redirect URI."""
    if answer.location is not None and 300 <= answer.status < 400:
        return _read_redirect(answer.location, redirect_uri, workos)
    code = error_code(answer.body)
    if code in _UNKNOWN_URI:
        return "unknown_uri"
    if code in _UNKNOWN_CLIENT:
        return "unknown_client"
    return _read_page(answer.body.decode("utf-8", "replace"), workos)


def read_token(answer: Answer) -> TokenReading:
    """What the token endpoint's answer to a code that cannot exist says of the client's secret."""
    code = error_code(answer.body)
    if code in _WRONG_CLIENT:
        return "wrong_client"
    # GitHub and Slack answer 200 and the error in the body.
    return "wrong_code" if code in _WRONG_CODE else "unclear"


def error_code(body: bytes) -> str | None:
    """The member `error` of a JSON object, None where there is none."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = content.get("error") if isinstance(content, dict) else None
    return code if isinstance(code, str) else None


def same_place(one: str, other: str) -> bool:
    """Whether two addresses differ in query and fragment at most."""
    try:
        left, right = urlsplit(one), urlsplit(other)
    except ValueError:
        return False
    return (left.scheme, left.netloc.lower(), left.path) == (right.scheme, right.netloc.lower(), right.path)


def _read_redirect(location: str, redirect_uri: str, workos: str | None) -> Reading:
    try:
        parts = urlsplit(location)
    except ValueError:
        return "unclear"
    given = dict(parse_qsl(parts.fragment)) | dict(parse_qsl(parts.query))
    code = given.get("error")
    # GitHub sends a mismatch to the callback that it does know.
    if code in _UNKNOWN_URI:
        return "unknown_uri"
    if code in _UNKNOWN_CLIENT:
        return "unknown_client"
    if same_place(location, redirect_uri):
        # A provider never sends anybody to a URI that it does not know (RFC 6749 3.1.2.4, 4.1.2.1).
        return "known"
    return _read_page(f"{unquote(parts.query)} {_decoded(given.get('authError', ''))}", workos)


def _read_page(text: str, workos: str | None) -> Reading:
    found = {
        reading
        for code, reading in _PAGES.get(workos or "", {}).items()
        if re.search(rf"(?<![A-Za-z0-9_]){code}(?![A-Za-z0-9_])", text)
    }
    # A page that holds several codes is an application with a catalogue of errors, not an answer.
    return found.pop() if len(found) == 1 else "unclear"


def _decoded(text: str) -> str:
    """Google's error page is addressed with its codes in base64."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii", "replace")
    except (binascii.Error, ValueError):
        return ""
