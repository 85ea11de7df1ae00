"""The pool's identity providers, from moto, and what a pool that may not be asked says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from engine.cognito.identity_providers import read_identity_providers
from engine.model.errors import SourceError
from engine.model.identity_providers import IdentityProvider
from engine.plan_file.model import CognitoSource
from tests.support.cognito import REGION, make_moto_pool, moto_server


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "t")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "t")


def pool_of(moto: str, *providers: tuple[str, str, dict[str, str]]) -> CognitoSource:
    pool_id = make_moto_pool(moto, [])
    client = boto3.client(
        "cognito-idp", region_name=REGION, endpoint_url=moto, aws_access_key_id="t", aws_secret_access_key="t"
    )
    for name, kind, details in providers:
        client.create_identity_provider(
            UserPoolId=pool_id, ProviderName=name, ProviderType=kind, ProviderDetails=details,
            AttributeMapping={"email": "mail"},
        )  # fmt: skip
    return CognitoSource(pool_id, REGION, endpoint_url=moto, requests_per_second=None)


def test_every_kind(moto: str) -> None:
    source = pool_of(
        moto,
        ("Google", "Google", {"client_id": "g", "client_secret": "gs", "authorize_scopes": "openid email"}),
        (
            "Facebook",
            "Facebook",
            {"client_id": "f", "client_secret": "fs", "authorize_scopes": "public_profile, email"},
        ),
        ("SignInWithApple", "SignInWithApple", {"client_id": "a", "team_id": "t", "key_id": "k"}),
        ("Okta", "OIDC", {"client_id": "o", "client_secret": "os", "oidc_issuer": "https://acme.okta.com"}),
        ("Adfs", "SAML", {"MetadataURL": "https://m", "SSORedirectBindingURI": "https://s"}),
        ("File", "SAML", {"MetadataFile": "<x/>"}),
    )
    mail = {"email": "mail"}
    assert read_identity_providers(source) == [
        IdentityProvider("Adfs", "SAML", metadata_url="https://m", sso_url="https://s", attributes=mail),
        IdentityProvider("Facebook", "Facebook", "f", "fs", ("public_profile", "email"), attributes=mail),
        IdentityProvider("File", "SAML", metadata_file="<x/>", attributes=mail),
        IdentityProvider("Google", "Google", "g", "gs", ("openid", "email"), attributes=mail),
        IdentityProvider("Okta", "OIDC", "o", "os", issuer="https://acme.okta.com", attributes=mail),
        IdentityProvider("SignInWithApple", "SignInWithApple", "a", attributes=mail),
    ]


def test_a_pool_without_any(moto: str) -> None:
    assert read_identity_providers(pool_of(moto)) == []


def test_many_pages(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cognito import aws_session

    source = pool_of(moto, *((f"P{at}", "SAML", {"MetadataURL": f"https://m/{at}"}) for at in range(5)))
    real = aws_session.open_client

    def paged(*arguments: Any, **options: Any) -> Any:
        client = real(*arguments, **options)
        names = [{"ProviderName": f"P{at}"} for at in range(5)]

        def page(**given: Any) -> dict[str, Any]:
            at = int(given.get("NextToken", 0))
            return {"Providers": names[at : at + 2]} | ({"NextToken": str(at + 2)} if at < 4 else {})

        monkeypatch.setattr(client, "list_identity_providers", page)
        return client

    monkeypatch.setattr(aws_session, "open_client", paged)
    assert [one.metadata_url for one in read_identity_providers(source)] == [f"https://m/{at}" for at in range(5)]


def test_a_pool_that_is_not_there(moto: str) -> None:
    source = CognitoSource(f"{REGION}_Nowhere00", REGION, endpoint_url=moto, requests_per_second=None)
    with pytest.raises(SourceError) as caught:
        read_identity_providers(source)
    assert caught.value.code == "pool_not_found"


def test_access_denied(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    from engine.cognito import aws_session

    class Denied:
        def close(self) -> None:
            """Nothing is open."""

        def list_identity_providers(self, **_: Any) -> Any:
            error: Any = {"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(error, "ListIdentityProviders")

    monkeypatch.setattr(aws_session, "open_client", lambda *_, **__: Denied())
    with pytest.raises(SourceError, match="cognito-idp:ListIdentityProviders") as caught:
        read_identity_providers(CognitoSource(f"{REGION}_A", REGION))
    assert caught.value.code == "access_denied"
