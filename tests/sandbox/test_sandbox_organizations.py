from __future__ import annotations

import pytest
from workos import AsyncWorkOSClient, BadRequestError, ConflictError, UnprocessableEntityError
from workos.organization_membership import RoleMultiple, RoleSingle
from workos.sso import CreateProtocolOptionsOIDC
from workos.sso.models import CreateConnectionOIDCOptions

from tests.sandbox.conftest import Api


async def test_organizations_by_the_sdk(sdk: AsyncWorkOSClient) -> None:
    made = await sdk.organizations.create_organization(name="Acme", external_id="acme", metadata={"a": "b"})
    assert (await sdk.organizations.get_organization_by_external_id("acme")).id == made.id
    with pytest.raises(BadRequestError) as refused:
        await sdk.organizations.create_organization(name="Other", external_id="acme")
    assert refused.value.code == "external_id_already_used"
    assert (await sdk.organizations.update_organization(made.id, name="Acme 2")).name == "Acme 2"
    assert len((await sdk.organizations.list_organizations()).data) == 1
    await sdk.organizations.delete_organization(made.id)
    assert (await sdk.organizations.list_organizations()).data == []


async def test_memberships_and_roles(sdk: AsyncWorkOSClient) -> None:
    user = await sdk.user_management.create_user(email="ann@example.com")
    organization = await sdk.organizations.create_organization(name="Acme")
    memberships = sdk.organization_membership
    ids = {"user_id": user.id, "organization_id": organization.id}
    for role, code in (
        (RoleSingle(role_slug="admin"), "invalid_role"),
        (RoleMultiple(role_slugs=["member", "admin"]), "multiple_roles_not_enabled"),
    ):
        with pytest.raises(UnprocessableEntityError) as refused:
            await memberships.create_organization_membership(**ids, role=role)
        assert refused.value.code == code
    await sdk.authorization.create_environment_role(slug="admin", name="Admin")
    made = await memberships.create_organization_membership(**ids, role=RoleSingle(role_slug="admin"))
    assert (made.role.slug, made.organization_name) == ("admin", "Acme")
    with pytest.raises(ConflictError):
        await memberships.create_organization_membership(**ids)
    listed = await memberships.list_organization_memberships(user_id=user.id)
    assert [one.id for one in listed.data] == [made.id]
    assert [one.id for one in (await sdk.user_management.list_users(organization_id=organization.id)).data] == [user.id]
    await sdk.user_management.delete_user(user.id)
    assert (await memberships.list_organization_memberships(organization_id=organization.id)).data == []


async def test_a_connection_is_made_once(sdk: AsyncWorkOSClient, api: Api) -> None:
    organization = await sdk.organizations.create_organization(name="Acme")
    options = CreateConnectionOIDCOptions(
        discovery_endpoint="https://idp.example/.well-known/openid-configuration", client_id="c", client_secret="s3cret"
    )
    oidc = CreateProtocolOptionsOIDC(oidc_options=options)
    first, second = [
        await sdk.sso.create_connection(
            organization_id=organization.id, external_id="pool/okta", name="Okta", protocol_options=oidc
        )
        for _ in range(2)
    ]
    assert first.id == second.id
    assert (first.connection_type, first.state) == ("GenericOIDC", "active")
    assert (await sdk.sso.update_connection(first.id, name="New")).name == "New"
    _, stored = await api("GET", f"/_sandbox/connections/{first.id}")
    assert stored["options"]["client_id"] == "c"
    assert stored["options"]["client_secret"].startswith("sha256:")
    body = {"organization_id": organization.id, "oidc_options": {"discovery_endpoint": "https://a.b", "client_id": "c"}}
    assert (await api("POST", "/connections", {**body, "connection_type": "NoSuchOIDC"}))[0] == 422
    for query, status in (("OktaOIDC", 200), ("NoSuchOIDC", 422), ("", 422)):
        assert (await api("GET", f"/connections?connection_type={query}"))[0] == status
    await sdk.sso.delete_connection(first.id)
    assert (await sdk.sso.list_connections(organization_id=organization.id)).data == []


async def test_redirect_uris_and_authorize(sdk: AsyncWorkOSClient, api: Api) -> None:
    uri = "https://app.example/callback"
    made = await sdk.user_management.create_redirect_uri(uri=uri)
    with pytest.raises(UnprocessableEntityError):
        await sdk.user_management.create_redirect_uri(uri=uri)
    assert (await api("POST", "/user_management/redirect_uris", {"uri": "nowhere"}))[0] == 400

    async def follow(client: str = "client_sandbox", back: str = uri) -> str:
        query = {"provider": "GoogleOAuth", "client_id": client, "redirect_uri": back, "response_type": "code"}
        status, headers = await api("GET", "/user_management/authorize", params=query, headers={})
        assert status == 302
        return str(headers["Location"])

    assert (await follow()).startswith(f"{uri}?error=connection_invalid")
    provider = {"authorization_url": "https://accounts.google.com/o/oauth2/v2/auth", "client_id": "123.apps"}
    assert (await api("PUT", "/_sandbox/settings", {"providers": {"GoogleOAuth": provider}}))[0] == 200
    address = await follow()
    assert address.startswith("https://accounts.google.com/o/oauth2/v2/auth?client_id=123.apps&redirect_uri=https%3A")
    assert "auth.workos.com%2Fsso%2Foauth%2Fgoogle%2F" in address
    assert "client-id-invalid" in await follow(client="other")
    assert "redirect-uri-invalid" in await follow(back="https://evil.example/")
    with pytest.raises(ConflictError):  # the first one is the default
        await sdk.user_management.delete_redirect_uris(made.id)
    other = await sdk.user_management.create_redirect_uri(uri=f"{uri}/other")
    await sdk.user_management.delete_redirect_uris(other.id)
    assert [one.id for one in (await sdk.user_management.list_redirect_uris()).data] == [made.id]
