"""Paths as `-v` shows them: whoever or whatever is asked for stands in none."""

from __future__ import annotations

import pytest

from engine.workos.path_templates import path_template


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/user_management/users", "/user_management/users"),
        ("/user_management/users?email=ann%40acme.com&limit=10", "/user_management/users"),
        ("/user_management/users/user_01J9", "/user_management/users/{id}"),
        ("/user_management/users/user_01J9/identities", "/user_management/users/{id}/identities"),
        ("/user_management/users/external_id/ann%40acme.com", "/user_management/users/external_id/{external_id}"),
        ("/user_management/users/external_id/users", "/user_management/users/external_id/{external_id}"),
        ("/organizations/external_id/external_id", "/organizations/external_id/{external_id}"),
        ("/user_management/organization_memberships/om_1/deactivate",
         "/user_management/organization_memberships/{id}/deactivate"),
        ("/events?after=event_1", "/events"),
        ("/ann@acme.com", "/{id}"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_identifies_somebody_is_replaced(path: str, shown: str) -> None:
    assert path_template(f"https://api.workos.com{path}") == shown
