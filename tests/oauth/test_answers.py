"""What answers mean: codes alone, and only documented ones."""

from __future__ import annotations

import base64

import pytest

from engine.oauth.answers import Answer, read_authorization, read_token, same_place

URI = "https://auth.workos.com/sso/oauth/google/abc/callback"
_BY_PAGE = base64.urlsafe_b64encode(b"\n\x15redirect_uri_mismatch\x12 You can't").decode().rstrip("=")


@pytest.mark.parametrize(
    ("answer", "workos", "reading"),
    [
        # Sent back to our URI: it is known, whatever the error is about (RFC 6749 4.1.2.1).
        (Answer(302, f"{URI}?error=login_required&state=check"), "GoogleOAuth", "known"),
        (Answer(303, f"{URI}#error=interaction_required"), "MicrosoftOAuth", "known"),
        (Answer(302, f"{URI}?error=invalid_scope"), None, "known"),
        # To another place that only looks like it.
        (Answer(302, f"{URI}/more?error=login_required"), None, "unclear"),
        (Answer(302, f"https://evil.example/?next={URI}"), None, "unclear"),
        (Answer(302, "https://[broken"), None, "unclear"),
        # GitHub: to the callback that it knows.
        (Answer(302, "https://app.acme.com/cb?error=redirect_uri_mismatch&state=x"), "GitHubOAuth", "unknown_uri"),
        (Answer(302, "https://github.com/login?client_id=1&return_to=%2F"), "GitHubOAuth", "unclear"),
        (Answer(302, "https://app.acme.com/cb?error=application_suspended"), "GitHubOAuth", "unknown_client"),
        # Google: its own error page, whose address holds the code in base64.
        (Answer(302, f"https://accounts.google.com/signin/oauth/error?authError={_BY_PAGE}"), "GoogleOAuth",
         "unknown_uri"),
        (Answer(302, "https://accounts.google.com/signin/oauth/error?authError=!!!"), "GoogleOAuth", "unclear"),
        (Answer(400, body=b"<p>Error 400: redirect_uri_mismatch</p>"), "GoogleOAuth", "unknown_uri"),
        (Answer(401, body=b"<p>Error 401: deleted_client</p>"), "GoogleOAuth", "unknown_client"),
        (Answer(400, body=b"<p>redirect_uri_mismatch or invalid_client</p>"), "GoogleOAuth", "unclear"),
        (Answer(400, body=b"<p>my_redirect_uri_mismatch_x</p>"), "GoogleOAuth", "unclear"),
        (Answer(400, body=b"<p>redirect_uri_mismatch</p>"), "GitLabOAuth", "unclear"),  # not documented there
        (Answer(200, body=b"AADSTS50011: The redirect URI"), "MicrosoftOAuth", "unknown_uri"),
        (Answer(200, body=b"AADSTS500113: none"), "MicrosoftOAuth", "unknown_uri"),
        (Answer(200, body=b"AADSTS700016: Application"), "MicrosoftOAuth", "unknown_client"),
        (Answer(200, body=b"AADSTS500119: other"), "MicrosoftOAuth", "unclear"),
        # Apple, and everybody who answers in JSON.
        (Answer(400, body=b'{"error": "invalid_client"}'), "AppleOAuth", "unknown_client"),
        (Answer(400, body=b'{"error": "invalid_request"}'), "AppleOAuth", "unclear"),
        (Answer(400, body=b'{"error": "invalid_redirect_uri"}'), None, "unknown_uri"),
        (Answer(200, body=b"<html>Sign in</html>"), "AppleOAuth", "unclear"),
        (Answer(200, body=b"\xff\xfe\x00"), "MicrosoftOAuth", "unclear"),
        (Answer(503, body=b""), None, "unclear"),
    ],
)  # fmt: skip
def test_authorization(answer: Answer, workos: str | None, reading: str) -> None:
    assert read_authorization(answer, URI, workos) == reading


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [
        (401, b'{"error": "invalid_client", "error_description": "invalid_grant"}', "wrong_client"),
        (400, b'{"error": "invalid_grant"}', "wrong_code"),
        (200, b'{"error": "bad_verification_code"}', "wrong_code"),  # GitHub answers 200
        (200, b'{"error": "incorrect_client_credentials"}', "wrong_client"),
        (200, b'{"ok": false, "error": "invalid_code"}', "wrong_code"),  # Slack
        (200, b'{"ok": false, "error": "bad_client_secret"}', "wrong_client"),
        (400, b'{"error": "invalid_request"}', "unclear"),
        (400, b'{"error": {"code": 100}}', "unclear"),
        (400, b'["invalid_client"]', "unclear"),
        (400, b"invalid_client", "unclear"),
        (502, b"<html>invalid_client</html>", "unclear"),
    ],
)
def test_token(status: int, body: bytes, reading: str) -> None:
    assert read_token(Answer(status, None, body)) == reading


def test_places() -> None:
    assert same_place(f"{URI}?a=1#b", URI)
    assert same_place(URI.replace("auth.workos", "AUTH.workos"), URI)
    assert not same_place(URI.replace("https", "http"), URI)
    assert not same_place("https://[", URI)
