from __future__ import annotations

import json

import pytest

from engine.resources.users.identities import main_identity, parse_identities
from engine.resources.users.lookup import lookup
from tests.support.people import cognito_user

GOOGLE = {"userId": "1", "providerName": "Google", "providerType": "Google", "issuer": None, "primary": False}
OKTA = {"userId": 42, "providerName": "Okta", "providerType": "OIDC", "issuer": "https://okta", "primary": "true"}


@pytest.mark.parametrize(
    ("text", "providers"),
    [
        (None, []),
        ("", []),
        ("junk", []),
        ("null", []),
        ("7", []),
        ('["text", null, 1]', []),
        (json.dumps([{"userId": "1"}]), []),
        (json.dumps(GOOGLE), ["Google"]),
        (json.dumps([GOOGLE, OKTA]), ["Google", "Okta"]),
    ],
)
def test_junk_counts_as_none(text: str | None, providers: list[str]) -> None:
    assert [one.provider for one in parse_identities(text)] == providers


@pytest.mark.parametrize(
    ("primary", "expected"), [(True, True), ("true", True), ("True", True), ("false", False), (1, False), (None, False)]
)
def test_primary_is_a_boolean_or_a_string(primary: object, expected: bool) -> None:
    assert parse_identities(json.dumps([{**GOOGLE, "primary": primary}]))[0].primary is expected


def test_the_primary_identity_stands_for_the_record() -> None:
    user = cognito_user(identities=json.dumps([GOOGLE, OKTA]))
    found = main_identity(parse_identities(user.attributes.get("identities")))
    assert found is not None and found.provider == "Okta"
    names = ("provider", "providerName", "provider_type", "providerType", "user_id", "userId", "issuer")
    values = [lookup(f"identities.{name}")(user) for name in names]
    assert values == ["Okta", "Okta", "OIDC", "OIDC", "42", "42", "https://okta"]
    assert lookup("identities.issuer")(cognito_user(identities=json.dumps([GOOGLE]))) is None
