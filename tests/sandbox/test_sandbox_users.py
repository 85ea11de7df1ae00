from __future__ import annotations

import io

import aiohttp
import pytest
from workos import AsyncWorkOSClient, BadRequestError, NotFoundError

from tests.sandbox.conftest import Api

USERS = "/user_management/users"


async def test_the_sdk_creates_reads_updates_and_deletes(sdk: AsyncWorkOSClient) -> None:
    users = sdk.user_management
    made = await users.create_user(
        email=" Ann@Example.COM ", first_name="Änn", email_verified=True, external_id="sub/1", metadata={"plan": "gold"}
    )
    assert (made.email, made.email_verified, made.metadata) == ("ann@example.com", True, {"plan": "gold"})
    assert made.id.startswith("user_01")
    assert (await users.get_user_by_external_id("sub/1")).id == made.id
    assert [one.id for one in (await users.list_users(email="ANN@example.com")).data] == [made.id]
    changed = await users.update_user(made.id, metadata={"plan": None, "tier": "a"}, last_name="Lee")
    assert (changed.metadata, changed.last_name, changed.email_verified) == ({"tier": "a"}, "Lee", True)
    assert (await users.update_user(made.id, metadata={})).metadata == {}
    assert not (await users.update_user(made.id, email="new@example.com")).email_verified
    await users.delete_user(made.id)
    with pytest.raises(NotFoundError) as gone:
        await users.get_user(made.id)
    assert gone.value.code == "entity_not_found"


async def test_a_duplicate_names_both_clashes(sdk: AsyncWorkOSClient) -> None:
    await sdk.user_management.create_user(email="ann@example.com", external_id="a")
    with pytest.raises(BadRequestError) as refused:
        await sdk.user_management.create_user(email="ANN@example.com", external_id="a")
    assert refused.value.code == "user_creation_error"
    assert [one["code"] for one in refused.value.errors or []] == ["email_not_available", "external_id_already_used"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request_parameters"),
        ({"email": "a@b.de", "surname": "x"}, 422, "invalid_request_parameters"),
        ({"email": 1}, 422, "invalid_request_parameters"),
        ({"email": "a@b.de", "email_verified": "true"}, 422, "invalid_request_parameters"),
        ({"email": "a@b.de", "external_id": "x" * 65}, 422, "invalid_request_parameters"),
        ({"email": "nobody"}, 400, "user_creation_error"),
        ({"email": "a@b.de", "metadata": {"k": "ü"}}, 400, "invalid_metadata"),
        ({"email": "a@b.de", "metadata": {"k" * 41: "v"}}, 400, "invalid_metadata"),
        ({"email": "a@b.de", "metadata": {"k": "v" * 601}}, 400, "invalid_metadata"),
        ({"email": "a@b.de", "metadata": {"k": 1}}, 400, "invalid_metadata"),
        ({"email": "a@b.de", "metadata": {f"k{n}": "v" for n in range(11)}}, 400, "invalid_metadata"),
        ({"email": "a@b.de", "password": "short"}, 400, "password_strength_error"),
        ({"email": "a@b.de", "password": "x" * 10, "password_hash": "h"}, 400, "password_and_password_hash_provided"),
    ],
)
async def test_create_refuses(api: Api, body: object, status: int, code: str) -> None:
    found, answer = await api("POST", USERS, body)
    assert (found, answer["code"]) == (status, code)
    assert (await api("GET", USERS))[1]["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "bob@example.com"}, 400, "email_not_available"),
        ({"external_id": "b"}, 400, "external_id_already_used"),
        ({"email": "nobody"}, 400, "invalid_email"),
        ({"first_name": None}, 422, "invalid_request_parameters"),
        ({"last_name": None}, 422, "invalid_request_parameters"),
    ],
)
async def test_update_refuses(api: Api, body: object, status: int, code: str) -> None:
    await api.user("bob@example.com", external_id="b")
    ann = await api.user()
    found, answer = await api("PUT", f"{USERS}/{ann['id']}", body)
    assert (found, answer["code"]) == (status, code)


async def test_limits_can_be_raised(api: Api) -> None:
    await api("PUT", "/_sandbox/settings", {"metadata_keys": 50, "external_id_length": 128})
    await api.user(external_id="x" * 128, metadata={f"k{n}": "v" for n in range(50)})


async def test_what_is_not_json_and_who_has_no_key(api: Api) -> None:
    assert (await api("POST", USERS, data=b"{"))[0] == 400
    assert (await api("POST", USERS, data=b"[]"))[0] == 422
    for headers in ({}, {"Authorization": "Bearer sk_other"}, {"Authorization": "sk_test_sandbox"}):
        assert await api("GET", USERS, headers=headers) == (401, {"message": "Unauthorized"})
    assert (await api("GET", "/nowhere"))[0] == 404


async def test_paging_both_ways_in_every_order(api: Api) -> None:
    ids = [(await api.user(f"u{n}@example.com"))["id"] for n in range(5)]
    assert ids == sorted(ids)

    async def page(query: str) -> tuple[list[int], dict[str, str | None]]:
        status, answer = await api("GET", f"{USERS}?{query}")
        assert status == 200
        return [ids.index(one["id"]) for one in answer["data"]], answer["list_metadata"]

    assert await page("limit=2") == ([4, 3], {"before": None, "after": ids[3]})
    assert await page(f"limit=2&after={ids[3]}") == ([2, 1], {"before": ids[2], "after": ids[1]})
    assert await page(f"limit=2&after={ids[1]}") == ([0], {"before": ids[0], "after": None})
    assert await page(f"limit=2&before={ids[0]}") == ([2, 1], {"before": ids[2], "after": ids[1]})
    assert await page(f"limit=3&order=asc&after={ids[1]}") == ([2, 3, 4], {"before": ids[2], "after": None})
    assert await page(f"limit=2&order=normal&before={ids[3]}") == ([2, 1], {"before": ids[1], "after": ids[2]})
    await api("DELETE", f"{USERS}/{ids[2]}")
    assert (await page(f"limit=2&order=asc&after={ids[2]}"))[0] == [3, 4]
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "order="):
        assert (await api("GET", f"{USERS}?{query}"))[0] == 422


async def test_the_sdk_pages_through_all(sdk: AsyncWorkOSClient, api: Api) -> None:
    for n in range(7):
        await api.user(f"u{n}@example.com")
    page = await sdk.user_management.list_users(limit=3, order="asc")
    assert [one.email async for one in page.auto_paging_iter()] == [f"u{n}@example.com" for n in range(7)]


async def test_a_body_that_is_too_large(api: Api) -> None:
    async with api.session.post(api.server.url + USERS, data=io.BytesIO(b"x" * 2**21), headers=api.headers) as response:
        assert response.status == 413
        assert isinstance(response, aiohttp.ClientResponse)
