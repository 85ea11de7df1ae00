"""The identity providers of a live user pool: names by ListIdentityProviders, the rest by DescribeIdentityProvider."""

from __future__ import annotations

from engine.cognito.settings import PoolSettings
from engine.model.exchanges import Trace, untraced
from engine.model.identity_providers import IdentityProvider
from engine.plan_file.model import CognitoSource

_LIST = "cognito-idp:ListIdentityProviders"


def read_identity_providers(source: CognitoSource, *, trace: Trace = untraced) -> list[IdentityProvider]:
    """Every provider of the pool, by name; blocking. Raises SourceError. Secrets among it: never to be shown."""
    with PoolSettings(source, _LIST, trace=trace) as settings:
        found = settings.listed(_LIST, settings.client.list_identity_providers, under="Providers", limit="MaxResults")
        return [_describe(settings, name) for name in sorted({one["ProviderName"] for one in found})]


def _describe(settings: PoolSettings, name: str) -> IdentityProvider:
    answer = settings.calls.call(
        "cognito-idp:DescribeIdentityProvider",
        lambda: settings.client.describe_identity_provider(UserPoolId=settings.pool_id, ProviderName=name),
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
