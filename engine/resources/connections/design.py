"""What a pool's OIDC or SAML provider becomes as a WorkOS connection, and whether that is a change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b, pbkdf2_hmac
from typing import Literal
from xml.etree import ElementTree

import orjson

from engine.model.errors import GuardRefused
from engine.model.identity_providers import IdentityProvider
from engine.plan_file.providers import ConnectionSpec

DISCOVERY = "/.well-known/openid-configuration"
_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"
# A fifth of a second; a plan has few connections, and of those only the ones that change are hashed.
_ROUNDS = 400_000
_REDIRECT_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
# User pool attribute to WorkOS's profile field. Cognito's own user name is always the subject, as WorkOS's is.
_FIELDS = {"email": "email", "given_name": "first_name", "family_name": "last_name", "name": "name"}


@dataclass(frozen=True, slots=True)
class Design:
    """A connection as it should be. `options` hold a secret: they are in no repr and nowhere on disk."""

    pool: str  # the user pool's ID
    provider: str
    external_id: str
    name: str
    organization: ConnectionSpec
    protocol: Literal["oidc", "saml"]
    options: Mapping[str, object] = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self, key: bytes) -> bytes:
        """Keyed, over all that would be sent: tells a change without keeping the value (rule 14)."""
        return blake2b(self._content(), key=key, digest_size=16).digest()

    def slow_hash(self) -> str:
        """The same on every machine, for the digest of a plan; slow, so that no secret can be tried against it."""
        salt = self.external_id.encode()
        return pbkdf2_hmac("sha256", self._content(), salt, _ROUNDS, dklen=16).hex()

    def _content(self) -> bytes:
        return orjson.dumps(
            [self.external_id, self.name, self.organization.organization, self.protocol, dict(self.options),
             dict(self.attributes)],
            option=orjson.OPT_SORT_KEYS,
        )  # fmt: skip


def connection_name(pool_id: str, provider: str) -> str:
    """What WorkOS shows of a connection. It shows no external ID, so that a creation cut off is found by this."""
    return f"{provider} ({pool_id})"


def design(provider: IdentityProvider, organization: ConnectionSpec, pool_id: str) -> Design:
    """The connection for a provider. Raises GuardRefused where the pool's provider does not give what it takes."""
    if provider.kind == "OIDC":
        protocol: Literal["oidc", "saml"] = "oidc"
        options = _oidc(provider)
    elif provider.kind == "SAML":
        protocol, options = "saml", _saml(provider)
    else:
        raise _refuse(provider, f"is {provider.kind}, and connections are for OIDC and SAML", "remove connection")
    return Design(
        pool=pool_id,
        provider=provider.name,
        external_id=f"{pool_id}:{provider.name}",
        name=connection_name(pool_id, provider.name),
        organization=organization,
        protocol=protocol,
        options=options,
        attributes={
            theirs: provider.attributes[ours]
            for ours, theirs in sorted(_FIELDS.items())
            if provider.attributes.get(ours)
        },
    )


def _oidc(provider: IdentityProvider) -> dict[str, object]:
    if not provider.issuer or not provider.client_id:
        raise _refuse(provider, "has no issuer or no client ID in the pool", "complete it in Cognito")
    options: dict[str, object] = {
        "discovery_endpoint": provider.issuer.rstrip("/") + DISCOVERY,
        "client_id": provider.client_id,
    }
    if provider.client_secret:
        options["client_secret"] = provider.client_secret
    return options


def _saml(provider: IdentityProvider) -> dict[str, object]:
    if provider.metadata_url:
        return {"idp_metadata_url": provider.metadata_url}
    if not provider.metadata_file:
        raise _refuse(provider, "has neither metadata URL nor file in the pool", "complete it in Cognito")
    # No document of this kind has a DTD; one that does may hold an entity bomb.
    if "<!DOCTYPE" in provider.metadata_file or "<!ENTITY" in provider.metadata_file:
        raise _refuse(provider, "has a metadata file with a DTD", "put a plain metadata file into Cognito")
    try:
        root = ElementTree.fromstring(provider.metadata_file)  # noqa: S314 - DTDs are refused above
    except ElementTree.ParseError as error:
        raise _refuse(provider, "has a metadata file that is no XML", "put a sound one into Cognito") from error
    entity = root if root.tag == f"{_METADATA}EntityDescriptor" else root.find(f".//{_METADATA}EntityDescriptor")
    role = entity.find(f"{_METADATA}IDPSSODescriptor") if entity is not None else None
    services = role.findall(f"{_METADATA}SingleSignOnService") if role is not None else []
    sso_url = provider.sso_url or next(
        (one.get("Location") for one in services if one.get("Binding") == _REDIRECT_BINDING), None
    )
    certificates = [
        "".join((found.text or "").split())
        for one in (role.findall(f"{_METADATA}KeyDescriptor") if role is not None else [])
        if one.get("use") in (None, "signing")
        for found in one.iter(f"{_SIGNATURE}X509Certificate")
    ]
    entity_id = entity.get("entityID") if entity is not None else None
    if not entity_id or not sso_url or not certificates:
        raise _refuse(
            provider, "has a metadata file without entity ID, sign-on address or certificate", "complete it in Cognito"
        )
    return {"idp_entity_id": entity_id, "idp_sso_url": sso_url, "idp_signing_certs": certificates}


def _refuse(provider: IdentityProvider, wrong: str, right: str) -> GuardRefused:
    return GuardRefused(
        f"identity provider {provider.name} {wrong}; no connection can be made of it",
        remedy=right,
        code="connection_impossible",
    )
