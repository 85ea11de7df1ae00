"""The vendor's own emulator: organizations and connections. It knows no updates, external IDs or list of URIs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, plan_text, pool_source
from tests.support.cognito import REGION, make_moto_pool
from tests.support.emulator import KEY, emulator, read_json
from tests.support.person import federated

pytestmark = pytest.mark.xdist_group("emulator")


def test_organizations_and_connections(tmp_path: Path, moto: str) -> None:
    import boto3

    pool_id = make_moto_pool(moto, [federated("olga", "AcmeOkta", "OIDC"), federated("sam", "AcmeAdfs", "SAML")])
    client = boto3.client(
        "cognito-idp", region_name=REGION, endpoint_url=moto, aws_access_key_id="t", aws_secret_access_key="t"
    )
    secret = "emulated-client-secret"
    details: list[tuple[str, str, dict[str, str]]] = [
        ("AcmeOkta", "OIDC", {"client_id": "c", "client_secret": secret, "oidc_issuer": "https://acme.okta.com"}),
        ("AcmeAdfs", "SAML", {"MetadataURL": "https://adfs.acme.com/metadata"}),
    ]
    for name, kind, one in details:
        client.create_identity_provider(UserPoolId=pool_id, ProviderName=name, ProviderType=kind, ProviderDetails=one)
    providers = (
        "{AcmeOkta: {connection: {organization: acme, organization_name: Acme}},"
        " AcmeAdfs: {connection: {organization: acme}}}"
    )
    cli = Cli(tmp_path)
    cli.environment |= {"WORKOS_API_KEY": KEY}
    with emulator(tmp_path) as url:
        (tmp_path / "plan.yaml").write_text(plan_text(pool_source(moto, pool_id), url, oauth_providers=providers))
        ended = cli("apply", "plan.yaml", "--json")
        assert ended.code == 0, ended.said
        result = ended.json("result.v1")
        assert (result["connections"]["created"], result["organizations"]["created"]) == (2, 1)
        assert result["users"]["created"] == 2

        again = cli("apply", "plan.yaml", "--json").json("result.v1")
        assert (again["connections"]["unchanged"], again["organizations"]["unchanged"]) == (2, 1)
        assert again["requests"]["writes"] == 0

        (organization,) = _all(url, "organizations", external_id="acme")
        held = _all(url, "connections", organization_id=organization["id"])
        assert organization["name"] == "Acme"
        assert {(one["name"], one["connection_type"]) for one in held} == {
            (f"AcmeOkta ({pool_id})", "GenericOIDC"), (f"AcmeAdfs ({pool_id})", "GenericSAML"),
        }  # fmt: skip
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def _all(url: str, what: str, **wanted: str) -> list[dict[str, Any]]:
    found = read_json(f"{url}/{what}?limit=100")["data"]
    return [one for one in found if all(one[name] == value for name, value in wanted.items())]
