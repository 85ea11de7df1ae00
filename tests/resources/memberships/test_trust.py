"""Attributes that users can write themselves choose no organization, role or external ID."""

from __future__ import annotations

import pytest

from engine.model.errors import GuardRefused
from engine.model.groups import WritableAttributes
from engine.plan_file.model import Attributes, CognitoSource, FieldMapping, Pool
from engine.plan_file.organizations import Organizations
from engine.resources.memberships.trust import check_trust, feeds

SOURCE = CognitoSource("eu-west-1_A", "eu-west-1")
BY_TENANT = Organizations("attribute", "custom:tenant")


def pool(external_id: FieldMapping | None = None) -> Pool:
    return Pool("eu", SOURCE, attributes=Attributes(external_id=external_id or FieldMapping(sources=("sub",))))


def check(section: Organizations, writable: WritableAttributes | None, live: bool = True, **rest: object) -> list[str]:
    mapping = FieldMapping(**rest) if rest else None  # type: ignore[arg-type]
    return check_trust(feeds(section, pool(mapping)), writable, live=live, pool="eu")


@pytest.mark.parametrize(
    ("writable", "code"),
    [
        (WritableAttributes(), None),
        (WritableAttributes({"name": "app", "email": "app"}), None),
        (WritableAttributes({"custom:tenant": "app"}), "writable_attribute"),
        (WritableAttributes({}, "app"), "writable_attribute"),
        (None, "writable_unknown"),
    ],
)
def test_a_tenant_that_users_can_write(writable: WritableAttributes | None, code: str | None) -> None:
    if code is None:
        assert check(BY_TENANT, writable) == []
    else:
        with pytest.raises(GuardRefused, match="custom:tenant") as caught:
            check(BY_TENANT, writable)
        assert caught.value.code == code
        assert "organizations.trust_writable: true" in caught.value.remedy
        if writable is not None:
            assert "app client app" in caught.value.message
        else:
            assert "cognito-idp:ListUserPoolClients" in caught.value.remedy
            assert "cognito-idp:DescribeUserPoolClient" in caught.value.remedy
    trusting = Organizations("attribute", "custom:tenant", trust_writable=True)
    assert check(trusting, writable) == []


@pytest.mark.parametrize(
    ("mapping", "attribute"),
    [
        ({"sources": ("sub",)}, None),
        ({"sources": ("username", "sub")}, None),
        ({"template": "{pool}:{sub}"}, None),
        ({"sources": ("identities.user_id",)}, None),
        ({"sources": ("custom:legacy", "sub")}, "custom:legacy"),
        ({"template": "{pool}:{custom:legacy}"}, "custom:legacy"),
        ({"sources": ("email",)}, "email"),
    ],
)
def test_an_external_id_that_users_can_write(mapping: dict[str, object], attribute: str | None) -> None:
    everything = WritableAttributes({}, "app")
    if attribute is None:
        assert check(Organizations(), everything, **mapping) == []
        assert check(Organizations(), None, **mapping) == []
        return
    with pytest.raises(GuardRefused, match=f"users of eu can write {attribute} themselves") as caught:
        check(Organizations(), everything, **mapping)
    assert "attributes.external_id.trust_writable: true" in caught.value.remedy
    assert check(Organizations(), everything, **mapping, trust_writable=True) == []


def test_trusting_the_tenant_does_not_trust_the_external_id() -> None:
    section = Organizations("attribute", "custom:tenant", trust_writable=True)
    with pytest.raises(GuardRefused, match=r"attributes\.external_id"):
        check(section, WritableAttributes({}, "app"), sources=("custom:tenant",))


def test_groups_are_nobodys_to_write() -> None:
    assert check(Organizations("group"), WritableAttributes({}, "app")) == []
    assert check(Organizations("group"), None) == []


def test_over_export_files_it_is_a_warning() -> None:
    (warning,) = check(BY_TENANT, None, live=False)
    assert "organizations.attribute" in warning and "custom:tenant" in warning
    assert check(Organizations("attribute", "custom:tenant", trust_writable=True), None, live=False) == []
