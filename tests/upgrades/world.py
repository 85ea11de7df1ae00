"""A pool in moto whose id, subs and dates are fixed: a state made once belongs to it in every later test run."""

from __future__ import annotations

import datetime
import json
import uuid
from pathlib import Path
from typing import Any

from tests.support.cli import pool_source
from tests.support.cognito import REGION, make_moto_pool
from tests.support.pool_of_every_kind import SECTIONS

ALL = 90
IN_CONFLICT = ("plain.1@example.com", "yes.1@example.com")
POOL_ID = "us-east-1_Fixture01"
PROVIDERS = """
  Google: {reuse_credentials: true}
  Okta: {connection: {organization: acme, organization_name: Acme}}
"""
APP = "https://app.acme.com/callback"
E_MAILS = "{strategy: email, email: {batch: 3, every: 1h, allow_addresses: ['*@example.com']}}"

# Of version 2: a second connection, e-mails without waiting, and people of whom a first run has none.
TWO_PROVIDERS = PROVIDERS + "  Adfs: {connection: {organization: globex}}\n"
E_MAILS_AT_ONCE = "{strategy: email, email: {batch: 1000, every: 1m, allow_addresses: ['*@example.com']}}"
EXTRA = ("gone", "left", "twin", "other.twin", "moves", "fails", "skipped", "returns")
_KINDS = {
    "Google": ("Google", {"client_id": "google-1", "client_secret": "google-secret-value-1",
                          "authorize_scopes": "openid email"}),
    "Okta": ("OIDC", {"client_id": "okta-1", "client_secret": "okta-secret-value-1",
                      "attributes_request_method": "GET", "oidc_issuer": "https://acme.okta.com",
                      "authorize_scopes": "openid email"}),
    "Adfs": ("SAML", {"MetadataURL": "https://adfs.globex.com/metadata"}),
}  # fmt: skip


def sub_of(at: int) -> str:
    """The sub of the record of that number."""
    return str(uuid.UUID(int=0xF1C0 * 2**80 + at * 7919 * 2**48 + at, version=4))


def give_subs(records: list[dict[str, Any]]) -> None:
    """A sub and a date for each record, by its place."""
    for at, record in enumerate(records):
        record["Attributes"].insert(0, {"Name": "sub", "Value": sub_of(at)})
        record["UserCreateDate"] = 1_600_000_000 + at


def extra_records() -> list[dict[str, Any]]:
    """Records of EXTRA, whose addresses are verified and whose username is their name; they follow the first ALL."""
    return [
        {
            "Username": name,
            "Attributes": [
                {"Name": "email", "Value": f"{name}@example.com"},
                {"Name": "email_verified", "Value": "true"},
                {"Name": "given_name", "Value": name.title()},
            ],
            "Enabled": True,
            "UserStatus": "CONFIRMED",
        }
        for name in EXTRA
    ]


def sub_of_extra(name: str) -> str:
    """The sub of one of EXTRA."""
    return sub_of(ALL + EXTRA.index(name))


def skip_decision() -> str:
    """The section `decisions` of version 2."""
    return f"[{{sub: {sub_of_extra('skipped')}, action: skip, because: they asked to be left}}]"


def restore_pool(
    endpoint: str,
    records: list[dict[str, Any]],
    groups: dict[str, list[str]],
    providers: tuple[str, ...] = ("Google", "Okta"),
) -> None:
    """The pool with these users (their sub among the attributes), groups, and identity providers; anew if it exists."""
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
        if (created := record.get("UserCreateDate")) is not None:
            user.create_date = user.last_modified_date = _moment(created)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("cognito-idp", region_name=REGION, endpoint_url=endpoint, **keys)
    for name in providers:
        kind, details = _KINDS[name]
        client.create_identity_provider(
            UserPoolId=POOL_ID, ProviderName=name, ProviderType=kind, ProviderDetails=details
        )


def write_plan(path: Path, endpoint: str, *, base_url: str = "", **changed: str) -> None:
    """The plan that the state belongs to, with these sections in place of its own; without an address for --sandbox."""
    sections = {**SECTIONS, "oauth_providers": PROVIDERS, "password_reset": E_MAILS, **changed}
    rest = "".join(f"{name}: {text}\n" for name, text in sections.items())
    where = f"    base_url: {base_url}\n" if base_url else ""
    path.write_text(
        f"version: 1\nname: acme\nsource:\n{pool_source(endpoint, POOL_ID)}\n"
        f"destination:\n  workos:\n    api_key: ${{WORKOS_API_KEY}}\n    client_id: client_sandbox\n{where}"
        f"    environment: staging\n    redirect_uris: [{APP}]\n"
        "    writes_per_10s: null\n    reads_per_10s: null\n    requests_per_60s: null\n"
        f"{rest}",
        encoding="utf-8",
    )


def _moment(seconds: float) -> datetime.datetime:
    # moto's own dates are UTC without saying so.
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)


def read_records(path: Path) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The pool as it was kept."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return kept["records"], kept["groups"]
