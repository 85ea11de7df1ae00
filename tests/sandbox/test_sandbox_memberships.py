"""Memberships, roles, permissions and sessions, as the vendor's API description and docs say."""

from __future__ import annotations

from typing import Any

import pytest

from engine.sandbox.database import Database
from tests.sandbox.conftest import Api

BASE = "/user_management/organization_memberships"


@pytest.fixture
async def ids(api: Api) -> dict[str, Any]:
    _, organization = await api("POST", "/organizations", {"name": "Acme"})
    return {"user_id": (await api.user())["id"], "organization_id": organization["id"]}


async def events(api: Api, *names: str) -> list[str]:
    _, found = await api("GET", f"/events?limit=100&events={','.join(names)}")
    return [one["event"] for one in found["data"]]


async def test_switched_off_and_on(api: Api, ids: dict[str, Any]) -> None:
    _, made = await api("POST", BASE, ids)
    path = f"{BASE}/{made['id']}"
    for verb, status in (("deactivate", "inactive"), ("deactivate", "inactive"), ("reactivate", "active")):
        answer = await api("PUT", f"{path}/{verb}")
        assert (answer[0], answer[1]["status"]) == (200, status)
    assert (await api("PUT", f"{path}/reactivate"))[1]["updated_at"] == answer[1]["updated_at"]
    # What changes nothing makes no event.
    names = ("organization_membership.created", "organization_membership.updated")
    assert await events(api, *names) == [names[0], names[1], names[1]]


async def test_a_list_holds_active_ones_unless_asked(api: Api, ids: dict[str, Any]) -> None:
    _, made = await api("POST", BASE, ids)
    await api("PUT", f"{BASE}/{made['id']}/deactivate")
    for query, found in (
        ("", 0),
        ("&statuses=active,pending", 0),
        ("&statuses=inactive", 1),
        ("&statuses[]=inactive", 1),
    ):
        _, listed = await api("GET", f"{BASE}?user_id={ids['user_id']}{query}")
        assert len(listed["data"]) == found, query
    for query, status, code in (
        ("", 400, "missing_user_id_or_organization_id"),
        (f"?user_id={ids['user_id']}&statuses=gone", 400, "invalid_request_parameters"),
        ("?organization_id=org_nobody", 404, "entity_not_found"),
    ):
        refused = await api("GET", BASE + query)
        assert (refused[0], refused[1]["code"]) == (status, code)


async def test_post_activates_an_inactive_one(api: Api, ids: dict[str, Any]) -> None:
    await api("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    _, made = await api("POST", BASE, ids)
    assert (await api("POST", BASE, ids))[0] == 409
    await api("PUT", f"{BASE}/{made['id']}/deactivate")
    status, again = await api("POST", BASE, {**ids, "role_slug": "admin"})
    assert (status, again["id"], again["status"], again["role"]) == (201, made["id"], "active", {"slug": "admin"})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role_slug": "nobody"}, 422, "invalid_role"),
        ({"role_slugs": ["member", "admin"]}, 422, "multiple_roles_not_enabled"),
        ({"role_slugs": []}, 422, "invalid_request_parameters"),
        ({"role_slug": "member", "role_slugs": ["member"]}, 422, "invalid_request_parameters"),
        ({"role_slug": "editor"}, 422, "sub_resource_scoped_role_not_allowed"),
    ],
)
async def test_roles_that_are_refused(
    api: Api, ids: dict[str, Any], body: dict[str, Any], status: int, code: str
) -> None:
    await api("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    await api("POST", "/authorization/roles", {"slug": "editor", "name": "E", "resource_type_slug": "document"})
    refused = await api("POST", BASE, {**ids, **body})
    assert (refused[0], refused[1]["code"]) == (status, code)
    _, made = await api("POST", BASE, ids)
    refused = await api("PUT", f"{BASE}/{made['id']}", body)
    assert (refused[0], refused[1]["code"]) == (status, code)


async def test_several_roles_where_the_environment_has_them(api: Api, ids: dict[str, Any]) -> None:
    await api("POST", "/authorization/roles", {"slug": "admin", "name": "Admin"})
    await api("PUT", "/_sandbox/settings", {"multiple_roles": True})
    _, made = await api("POST", BASE, {**ids, "role_slugs": ["admin", "member"]})
    assert made["roles"] == [{"slug": "admin"}, {"slug": "member"}] and made["role"] == {"slug": "admin"}


async def test_deleting_an_organization_takes_its_memberships_along(api: Api, ids: dict[str, Any]) -> None:
    await api("POST", BASE, ids)
    assert (await api("DELETE", f"/organizations/{ids['organization_id']}"))[0] == 202
    assert (await api("GET", f"{BASE}?user_id={ids['user_id']}"))[1]["data"] == []
    assert await events(api, "organization_membership.deleted") == ["organization_membership.deleted"]


async def test_roles_and_permissions(api: Api) -> None:
    roles, permissions = "/authorization/roles", "/authorization/permissions"
    await api("POST", roles, {"slug": "admin", "name": "Admin"})
    for slug in ("posts:read", "posts:*"):
        status, made = await api("POST", permissions, {"slug": slug, "name": "P", "description": None})
        assert (status, made["slug"], made["system"]) == (201, slug, False)
    for path, slug, status, code in (
        (permissions, "posts:read", 409, "permission_slug_conflict"),
        (permissions, "Posts", 422, "invalid_request_parameters"),
        (roles, "admin", 409, "role_slug_conflict"),
        (roles, "Ad min", 422, "invalid_request_parameters"),
        (roles, "x" * 49, 422, "invalid_request_parameters"),
    ):
        refused = await api("POST", path, {"slug": slug, "name": "P"})
        assert (refused[0], refused[1]["code"]) == (status, code)
    _, role = await api("PUT", f"{roles}/admin/permissions", {"permissions": ["posts:read", "posts:*"]})
    assert role["permissions"] == ["posts:read", "posts:*"]
    _, role = await api("PUT", f"{roles}/admin/permissions", {"permissions": ["posts:*"]})
    _, role = await api("POST", f"{roles}/admin/permissions", {"slug": "posts:read"})
    assert role["permissions"] == ["posts:*", "posts:read"]
    assert (await api("PUT", f"{roles}/admin/permissions", {"permissions": ["x"]}))[0] == 404
    assert (await api("PATCH", f"{permissions}/posts:read", {"name": "Read"}))[1]["name"] == "Read"
    assert [one["slug"] for one in (await api("GET", f"{permissions}?order=asc"))[1]["data"]] == [
        "posts:read",
        "posts:*",
    ]
    assert (await api("DELETE", f"{permissions}/posts:read"))[0] == 204
    assert (await api("GET", f"{permissions}/posts:read"))[0] == 404
    assert (await api("GET", f"{roles}/admin"))[1]["permissions"] == ["posts:*"]


async def test_sessions(api: Api, ids: dict[str, Any]) -> None:
    path = f"/user_management/users/{ids['user_id']}/sessions"
    _, made = await api("POST", BASE, ids)
    _, alone = await api("POST", "/_sandbox/sessions", {"user_id": ids["user_id"]})
    assert (alone["organization_id"], alone["status"]) == (ids["organization_id"], "active")
    assert [one["id"] for one in (await api("GET", path))[1]["data"]] == [alone["id"]]
    await api("PUT", f"{BASE}/{made['id']}/deactivate")
    assert (await api("GET", path))[1]["data"] == []
    _, second = await api("POST", "/_sandbox/sessions", {"user_id": ids["user_id"]})
    assert "organization_id" not in second
    assert (await api("POST", "/user_management/sessions/revoke", {"session_id": second["id"]}))[0] == 200
    assert (await api("POST", "/user_management/sessions/revoke", {"session_id": second["id"]}))[0] == 400
    assert (await api("GET", "/user_management/users/user_nobody/sessions"))[0] == 404
    names = ("session.created", "session.revoked")
    assert await events(api, *names) == [*names, *names]


async def test_domains(api: Api) -> None:
    def data(*states: str) -> list[dict[str, str]]:
        return [{"domain": f"{index}.com", "state": state} for index, state in enumerate(states)]

    _, one = await api("POST", "/organizations", {"name": "One", "domain_data": data("verified", "pending")})
    _, changed = await api(
        "PUT", f"/organizations/{one['id']}", {"domain_data": data("verified", "verified", "pending")}
    )
    assert [domain["id"] for domain in changed["domains"][:2]] == [domain["id"] for domain in one["domains"]]
    await api("PUT", f"/organizations/{one['id']}", {"domain_data": data("verified")})
    kinds = [f"organization_domain.{what}" for what in ("created", "verified", "deleted")]
    assert sorted(await events(api, *kinds)) == sorted([kinds[0]] * 3 + [kinds[1]] * 2 + [kinds[2]] * 2)
    # Several organizations may hold one domain (docs, directory provisioning), unless the environment says otherwise.
    assert (await api("POST", "/organizations", {"name": "Two", "domain_data": data("verified")}))[0] == 201
    await api("PUT", "/_sandbox/settings", {"unique_domains": True})
    assert (await api("POST", "/organizations", {"name": "Three", "domain_data": data("pending")}))[0] == 409
    assert (await api("PUT", f"/organizations/{one['id']}", {"domain_data": data("verified")}))[0] == 409


def test_data_of_an_earlier_version_is_upgraded(tmp_path: Any) -> None:
    import sqlite3

    from engine.sandbox import database

    path = tmp_path / "acme.sandbox.db"
    with sqlite3.connect(path) as old:
        old.executescript(database._SCHEMA + database._SINCE_2)
        old.execute(f"PRAGMA application_id={database._APPLICATION}")
        old.execute("PRAGMA user_version=2")
        old.execute(
            "INSERT INTO roles (id, slug, name, resource_type_slug, created_at, updated_at)"
            " VALUES ('role_1', 'member', 'Member', 'organization', '', '')"
        )
    old.close()
    opened = Database(path)
    assert opened.row("SELECT permissions FROM roles")["permissions"] == "[]"
    assert opened.rows("SELECT * FROM sessions") == []
    opened.close()
