from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from workos import AsyncWorkOSClient
from workos._errors import EmailVerificationRequiredError

from tests.sandbox.conftest import Api

RESET = "/user_management/password_reset"


async def test_a_reset_is_proven_by_signing_in(sdk: AsyncWorkOSClient) -> None:
    users = sdk.user_management
    made = await users.create_user(email="ann@example.com", email_verified=True)
    reset = await users.reset_password(email="ANN@example.com")
    assert (await users.get_password_reset(reset.id)).password_reset_token == reset.password_reset_token
    await users.confirm_password_reset(token=reset.password_reset_token, new_password="correct horse")
    signed_in = await users.authenticate_with_password(email="ann@example.com", password="correct horse")
    assert signed_in.user.id == made.id
    assert signed_in.user.last_sign_in_at is not None
    names = ["user.created", "password_reset.created", "password_reset.succeeded", "authentication.password_succeeded"]
    events = await sdk.events.list_events(events=names)
    assert [one.event for one in events.data] == names


async def test_a_token_works_once_and_not_after_an_hour(api: Api) -> None:
    await api.user()
    tokens = [(await api("POST", RESET, {"email": "ann@example.com"}))[1]["password_reset_token"] for _ in range(2)]
    body = {"token": tokens[0], "new_password": "correct horse"}
    assert (await api("POST", f"{RESET}/confirm", body))[0] == 200
    assert (await api("POST", f"{RESET}/confirm", body))[1]["code"] == "password_reset_error"
    await api("PUT", "/_sandbox/settings", {"clock_offset_s": 3601})
    late = await api("POST", f"{RESET}/confirm", {**body, "token": tokens[1]})
    assert late[1]["errors"][0]["code"] == "password_reset_token_expired"


async def test_three_a_minute_and_so_many_a_day(api: Api) -> None:
    await api.user()
    await api.user("bob@example.com")
    await api("PUT", "/_sandbox/quotas", {"resets_per_day": 4})
    answers = [await api("POST", RESET, {"email": "ann@example.com"}) for _ in range(4)]
    assert [status for status, _ in answers] == [201, 201, 201, 429]
    assert answers[3][1]["code"] == "rate_limit_exceeded"
    assert (await api("POST", RESET, {"email": "bob@example.com"}))[0] == 201
    assert (await api("POST", RESET, {"email": "bob@example.com"}))[1]["code"] == "daily_quota_exceeded"
    await api("PUT", "/_sandbox/settings", {"clock_offset_s": 86400})
    assert (await api("POST", RESET, {"email": "ann@example.com"}))[0] == 201


async def test_switched_off(api: Api) -> None:
    await api.user()
    for setting, code in (
        ("password_reset_allowed", "password_reset_not_allowed"),
        ("email_password_auth", "email_password_auth_disabled"),
    ):
        await api("PUT", "/_sandbox/settings", {setting: False})
        status, answer = await api("POST", RESET, {"email": "ann@example.com"})
        assert (status, answer["code"]) == (403, code)


async def test_a_wrong_password_leaves_its_event(api: Api) -> None:
    await api.user(password="correct horse")
    own = api.server.options
    body = {"client_id": own.client_id, "client_secret": own.api_key, "grant_type": "password"}
    body |= {"email": "ann@example.com", "password": "wrong"}
    assert (await api("POST", "/user_management/authenticate", body))[1]["code"] == "invalid_credentials"
    _, events = await api("GET", "/events?events=authentication.password_failed")
    assert len(events["data"]) == 1
    assert (await api("GET", "/events"))[0] == 422
    assert (await api("GET", "/events?events=user.created&range_start=2020-01-01T00:00:00%2B02:00"))[0] == 422
    _, later = await api("GET", "/events?events=user.created,user.deleted&range_start=2100-01-01T00:00:00Z")
    assert later["data"] == []


async def test_events_are_asked_for_by_range_or_by_cursor_and_30_days_at_most(api: Api) -> None:
    async def status(more: str) -> int:
        return (await api("GET", f"/events?events=user.created&{more}"))[0]

    now = datetime.fromtimestamp(api.server.service.environment.clock.now(), UTC)

    def ago(days: float) -> str:
        return f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"

    assert await status(f"range_start={ago(29)}") == 200
    assert await status(f"range_start={ago(29)}&after=event_01") == 422
    assert await status("after=event_01") == 200
    assert await status(f"range_start={ago(31)}") == 422
    assert await status(f"range_start={ago(31)}&range_end={ago(2)}") == 200
    assert await status(f"range_start={ago(61)}&range_end={ago(30)}") == 422


async def test_nobody_signs_in_unverified(sdk: AsyncWorkOSClient, api: Api) -> None:
    """A new environment asks for verification (docs, AuthKit email verification)."""
    await api.user("eve@example.com", password="correct horse battery")
    with pytest.raises(EmailVerificationRequiredError):
        await sdk.user_management.authenticate_with_password(email="eve@example.com", password="correct horse battery")
