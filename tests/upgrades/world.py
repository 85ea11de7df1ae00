"""A pool in moto whose id and subs are fixed, so that a state made once belongs to it in every later test run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.cli import pool_source
from tests.support.cognito import REGION, make_moto_pool
from tests.support.pool_of_every_kind import SECTIONS

POOL_ID = "us-east-1_Fixture01"
PROVIDERS = """
  Google: {reuse_credentials: true}
  Okta: {connection: {organization: acme, organization_name: Acme}}
"""
APP = "https://app.acme.com/callback"


def restore_pool(endpoint: str, records: list[dict[str, Any]], groups: dict[str, list[str]]) -> None:
    """The pool with these users (their sub among the attributes), groups, and two identity providers."""
    import boto3
    from moto.cognitoidp.models import cognitoidp_backends
    from moto.core import DEFAULT_ACCOUNT_ID

    made = make_moto_pool(endpoint, records, groups)
    pools = cognitoidp_backends[DEFAULT_ACCOUNT_ID][REGION].user_pools
    pool = pools.pop(made)
    pool.id = POOL_ID
    pools[POOL_ID] = pool
    for record in records:
        user, given = pool.users[record["Username"]], {one["Name"]: one["Value"] for one in record["Attributes"]}
        user.id = given["sub"]
        user.attributes = [dict(one) for one in record["Attributes"]]
        user.attribute_lookup = given
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("cognito-idp", region_name=REGION, endpoint_url=endpoint, **keys)
    okta = {"client_id": "okta-1", "client_secret": "okta-secret-value-1", "attributes_request_method": "GET",
            "oidc_issuer": "https://acme.okta.com", "authorize_scopes": "openid email"}  # fmt: skip
    google = {"client_id": "google-1", "client_secret": "google-secret-value-1", "authorize_scopes": "openid email"}
    for name, kind, details in (("Google", "Google", google), ("Okta", "OIDC", okta)):
        client.create_identity_provider(
            UserPoolId=POOL_ID, ProviderName=name, ProviderType=kind, ProviderDetails=details
        )


def write_plan(path: Path, endpoint: str) -> None:
    """The plan that the state belongs to."""
    sections = {**SECTIONS, "oauth_providers": PROVIDERS}
    rest = "".join(f"{name}: {text}\n" for name, text in sections.items())
    path.write_text(
        f"version: 1\nname: acme\nsource:\n{pool_source(endpoint, POOL_ID)}\n"
        "destination:\n  workos:\n    api_key: ${WORKOS_API_KEY}\n    client_id: client_sandbox\n"
        f"    environment: staging\n    redirect_uris: [{APP}]\n"
        "    writes_per_10s: null\n    reads_per_10s: null\n    requests_per_60s: null\n"
        "password_reset:\n  strategy: email\n  email: {batch: 3, every: 1h, allow_addresses: ['*@example.com']}\n"
        f"{rest}",
        encoding="utf-8",
    )


def read_records(path: Path) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The pool as it was kept."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return kept["records"], kept["groups"]
