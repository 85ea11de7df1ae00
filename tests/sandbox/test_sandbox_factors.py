from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from workos import AsyncWorkOSClient, NotFoundError

from engine.sandbox import database
from engine.sandbox.database import Database
from tests.sandbox.conftest import Api


async def test_the_sdk_enrolls_and_lists_second_factors(api: Api, sdk: AsyncWorkOSClient) -> None:
    user = await api.user()
    factors = sdk.multi_factor_auth
    assert (await factors.list_user_auth_factors(user["id"])).data == []
    made = await factors.create_user_auth_factor(user["id"], type="totp", totp_issuer="Acme")
    assert made.authentication_challenge.authentication_factor_id == made.authentication_factor.id
    assert made.authentication_factor.totp is not None
    assert made.authentication_factor.totp.uri.startswith("otpauth://totp/Acme:ann%40example.com?secret=")
    (listed,) = (await factors.list_user_auth_factors(user["id"])).data
    assert (listed.id, listed.user_id) == (made.authentication_factor.id, user["id"])
    assert made.authentication_factor.totp.secret not in str(await api("GET", f"/user_management/users/{user['id']}"))
    await sdk.user_management.delete_user(user["id"])
    with pytest.raises(NotFoundError):
        await factors.list_user_auth_factors(user["id"])


@pytest.mark.parametrize("body", [{}, {"type": "sms"}, {"type": "totp", "totp_secret": "1"}, {"type": "totp", "x": 1}])
async def test_an_enrolment_is_checked(api: Api, body: object) -> None:
    user = await api.user()
    assert (await api("POST", f"/user_management/users/{user['id']}/auth_factors", body))[0] == 422


async def test_an_identity_is_linked_and_listed(api: Api, sdk: AsyncWorkOSClient) -> None:
    user, other = await api.user(), await api.user("bob@example.com")
    linked = {"user_id": user["id"], "provider": "GoogleOAuth", "idp_id": "1234"}
    assert (await api("POST", "/_sandbox/identities", linked | {"provider": "NoOAuth"}))[0] == 422
    assert (await api("POST", "/_sandbox/identities", linked | {"user_id": "user_nobody"}))[0] == 404
    assert (await api("POST", "/_sandbox/identities", linked))[0] == 201
    (found,) = await sdk.user_management.get_user_identities(user["id"])
    assert (found.idp_id, found.type, found.provider) == ("1234", "OAuth", "GoogleOAuth")
    assert await sdk.user_management.get_user_identities(other["id"]) == []


def test_data_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{database._SCHEMA} PRAGMA application_id={database._APPLICATION}; PRAGMA user_version=1;")
    for _ in range(2):
        opened = Database(path)
        assert opened.rows("SELECT * FROM auth_factors") == []
        opened.close()
