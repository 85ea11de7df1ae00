"""The identity providers of a live user pool: names by ListIdentityProviders, the rest by DescribeIdentityProvider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.cognito.aws_errors import translate
from engine.cognito.calls import FIRST_CONTACT_TRIES, PacedCalls
from engine.cognito.pacing import Pacer
from engine.model.identity_providers import IdentityProvider
from engine.plan_file.model import CognitoSource

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

# Quota of identity-provider operations for each operation and pool, a second (AWS developer guide, quotas).
_PER_SECOND = 5.0
_PAGE = 60


def read_identity_providers(source: CognitoSource) -> list[IdentityProvider]:
    """Every provider of the pool, by name; blocking. Raises SourceError. Secrets among it: never to be shown."""
    from botocore.exceptions import BotoCoreError, ClientError

    from engine.cognito.aws_session import open_client

    rate = source.requests_per_second
    calls = PacedCalls(source, Pacer(min(_PER_SECOND, rate) if rate is not None else None))
    try:
        client = open_client(source, connections=1)
    except (BotoCoreError, ClientError, ValueError) as error:
        raise translate(error, "cognito-idp:ListIdentityProviders", source) from error
    return [_describe(client, calls, source.user_pool_id, name) for name in sorted(_names(client, calls, source))]


def _names(client: CognitoIdentityProviderClient, calls: PacedCalls, source: CognitoSource) -> list[str]:
    names: list[str] = []
    more: dict[str, str] = {}
    while True:
        # Bound now: a try may come after the loop has gone on.
        arguments: Any = {"UserPoolId": source.user_pool_id, "MaxResults": _PAGE, **more}
        page = calls.call(
            "cognito-idp:ListIdentityProviders",
            lambda arguments=arguments: client.list_identity_providers(**arguments),  # type: ignore[misc]
            tries=FIRST_CONTACT_TRIES,
        )
        names += [one["ProviderName"] for one in page.get("Providers", []) if one.get("ProviderName")]
        token = page.get("NextToken")
        if not token:
            return names
        more = {"NextToken": token}


def _describe(client: CognitoIdentityProviderClient, calls: PacedCalls, pool_id: str, name: str) -> IdentityProvider:
    answer = calls.call(
        "cognito-idp:DescribeIdentityProvider",
        lambda: client.describe_identity_provider(UserPoolId=pool_id, ProviderName=name),
    )
    found = answer["IdentityProvider"]
    details = found.get("ProviderDetails", {})
    return IdentityProvider(
        name=name,
        kind=found.get("ProviderType", ""),
        client_id=details.get("client_id") or None,
        client_secret=details.get("client_secret") or None,
        # Facebook's are separated by commas, everybody else's by spaces (botocore, ProviderDetails).
        scopes=tuple(details.get("authorize_scopes", "").replace(",", " ").split()),
        issuer=details.get("oidc_issuer") or None,
        metadata_url=details.get("MetadataURL") or None,
        metadata_file=details.get("MetadataFile") or None,
        sso_url=details.get("SSORedirectBindingURI") or None,
        attributes=dict(found.get("AttributeMapping", {})),
    )
