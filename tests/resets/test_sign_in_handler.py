"""The sign-in handler of docs/password-resets.md, run as it stands there, against the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from workos import WorkOSClient

from tests.support.sandbox_extras import Options, SandboxProcess

PAGE = Path(__file__).resolve().parents[2] / "docs" / "password-resets.md"
PASSWORD = "correct horse battery"


def handler() -> Callable[..., Any]:
    """The function in the page's Python block."""
    (code,) = re.findall(r"```python\n(from workos import .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    return found["sign_in"]  # type: ignore[no-any-return]


@pytest.fixture
def workos() -> Any:
    with (
        SandboxProcess(Options()) as process,
        WorkOSClient(api_key=process.api_key, client_id=process.client_id, base_url=process.url) as client,
    ):
        yield client


def test_a_flagged_user_is_sent_to_reset_and_signs_in_afterwards(workos: WorkOSClient) -> None:
    users = workos.user_management
    made = users.create_user(
        email="ann@example.com", email_verified=True, metadata={"password_reset_pending": "true", "plan": "pro"}
    )
    sign_in = handler()
    assert sign_in(workos, "ann@example.com", "the old password") == "check your e-mail"
    reset = users.reset_password(email="ann@example.com")
    users.confirm_password_reset(token=reset.password_reset_token, new_password=PASSWORD)
    signed_in = sign_in(workos, "ann@example.com", PASSWORD)
    assert signed_in.user.id == made.id
    assert users.get_user(made.id).metadata == {"plan": "pro"}
    assert sign_in(workos, "ann@example.com", PASSWORD).user.id == made.id


def test_others_are_told_what_is_wrong(workos: WorkOSClient) -> None:
    users = workos.user_management
    users.create_user(email="bob@example.com", email_verified=True)
    reset = users.reset_password(email="bob@example.com")
    users.confirm_password_reset(token=reset.password_reset_token, new_password=PASSWORD)
    sign_in = handler()
    assert sign_in(workos, "bob@example.com", PASSWORD).user.email == "bob@example.com"
    assert sign_in(workos, "bob@example.com", "wrong password") == "wrong e-mail address or password"
    assert sign_in(workos, "nobody@example.com", "wrong password") == "wrong e-mail address or password"
