"""Owns the SSO connections: OIDC and SAML, idempotent by external ID within the organization."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from engine.sandbox.bodies import Field, check, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters, refused
from engine.sandbox.events import Events
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

# Fields as SDK 10.8 sends them (sso.create_connection); the vendor's API description has no POST /connections yet.
_STANDARD = {
    name: Field(str, nullable=True) for name in ("idp_id", "email", "first_name", "last_name", "groups", "name")
}
_MAPS = {"standard_attributes": Field(dict), "custom_attributes": Field(dict)}
_OIDC = {
    **{name: Field(str) for name in ("discovery_endpoint", "client_id")},
    **{name: Field(str, nullable=True) for name in ("client_secret", "redirect_uri", "token_authentication_method")},
    "id_token_signature_algorithm": Field(str, nullable=True),
    "pkce": Field(bool, nullable=True),
    "fetch_user_info": Field(bool, nullable=True),
    "jwt_signing_key_pair": Field(dict),
}
_SAML = {
    **{name: Field(str, nullable=True) for name in ("idp_metadata_url", "acs_url", "sp_entity_id", "idp_entity_id")},
    "idp_sso_url": Field(str, nullable=True),
    "idp_signing_certs": Field(list),
    "sp_signing_key_pair": Field(dict),
    "sp_encryption_key_pairs": Field(list),
}
_UPDATE = {
    "name": Field(str),
    "external_id": Field(str, nullable=True),
    "connection_type": Field(str),
    "attribute_maps": Field(dict),
    "saml_options": Field(dict),
    "oidc_options": Field(dict),
}
_CREATE = {**_UPDATE, "organization_id": Field(str, required=True)}
# fmt: off
TYPES = frozenset((
    "ADFSSAML", "AdpOidc", "AppleOAuth", "Auth0SAML", "AzureSAML", "BitbucketOAuth", "CasSAML", "CloudflareSAML",
    "ClassLinkSAML", "CleverOIDC", "CyberArkSAML", "DiscordOAuth", "DuoSAML", "EntraIdOIDC", "GenericOIDC",
    "GenericSAML", "GithubOAuth", "GitLabOAuth", "GoogleOAuth", "GoogleOIDC", "GoogleSAML", "IntuitOAuth",
    "JumpCloudSAML", "KeycloakSAML", "LastPassSAML", "LinkedInOAuth", "LoginGovOidc", "MagicLink", "MicrosoftOAuth",
    "MiniOrangeSAML", "NetIqSAML", "OktaOIDC", "OktaSAML", "OneLoginSAML", "OracleSAML", "PingFederateSAML",
    "PingOneSAML", "RipplingSAML", "SalesforceSAML", "ShibbolethGenericSAML", "ShibbolethSAML", "SimpleSamlPhpSAML",
    "SalesforceOAuth", "SlackOAuth", "VercelMarketplaceOAuth", "VercelOAuth", "VMwareSAML", "XeroOAuth",
))
# fmt: on
"""Every type that the vendor's API description lists (GET /connections)."""
_SECRETS = ("client_secret", "jwt_signing_key_pair", "sp_signing_key_pair", "sp_encryption_key_pairs")


class Connections:
    """The connections of the environment. Of secrets only a digest is kept, enough to see that one arrived."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/connections", self.create),
            Route("GET", "/connections", self.list_page),
            Route("GET", "/connections/{id}", self.get),
            Route("PATCH", "/connections/{id}", self.update),
            Route("PUT", "/connections/{id}", self.update),
            Route("DELETE", "/connections/{id}", self.delete),
        ]

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CREATE)
        _check_nested(given)
        if ("oidc_options" in given) == ("saml_options" in given):
            message = "exactly one of oidc_options and saml_options is required"
            raise invalid_parameters([("oidc_options", "invalid_options", message)])
        oidc = "oidc_options" in given
        kind = given.get("connection_type", "GenericOIDC" if oidc else "GenericSAML")
        if kind not in TYPES or not kind.lower().endswith("oidc" if oidc else "saml"):
            raise invalid_parameters([("connection_type", "invalid_value", "the type does not fit the options")])
        if oidc and not {"discovery_endpoint", "client_id"} <= given["oidc_options"].keys():
            message = "discovery_endpoint and client_id are required"
            raise invalid_parameters([("oidc_options", "options_required", message)])
        organization = own.one("organizations", "Organization", given["organization_id"])
        external_id = given.get("external_id")
        held = self._held(organization["id"], external_id)
        if held is not None:
            return reply(200, connection_shape(held))
        options = _digested(given["oidc_options"] if oidc else given["saml_options"])
        now = own.clock.stamp()
        identifier = own.ids.new("conn_")
        maps = orjson.dumps(given.get("attribute_maps", {})).decode()
        name = given.get("name", organization["name"])
        own.database.write(
            "INSERT INTO connections (id, organization_id, external_id, name, connection_type, state, options,"
            " attribute_maps, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (identifier, organization["id"], external_id, name, kind, _state(options), _text(options), maps, now, now),
        )
        row = self._row(identifier)
        if row["state"] == "active":
            self._events.record("connection.activated", connection_shape(row), organization["id"])
        return reply(201, connection_shape(row))

    def get(self, request: SandboxRequest) -> Reply:
        return reply(200, connection_shape(self._row(request.parameters["id"])))

    def list_page(self, request: SandboxRequest) -> Reply:
        conditions: list[tuple[str, Any]] = []
        for name in ("organization_id", "connection_type"):
            value = request.argument(name)
            if name == "connection_type" and value is not None and value not in TYPES:
                raise invalid_parameters([(name, "invalid_value", f"{name} must be one of {', '.join(sorted(TYPES))}")])
            if value is not None:
                conditions.append((f"{name} = ?", value))
        search = request.argument("search")
        if search is not None:
            conditions.append(("instr(lower(name), ?) > 0", search.lower()))
        return list_rows(self._environment.database, "connections", read_page(request), conditions, connection_shape)

    def update(self, request: SandboxRequest) -> Reply:
        """Only the fields given change; null resets an option or unsets a mapping."""
        own = self._environment
        given = read_body(request.body, _UPDATE)
        _check_nested(given)
        row = self._row(request.parameters["id"])
        if given.get("connection_type", row["connection_type"]) != row["connection_type"]:
            raise refused(422, "connection_type_not_updatable", "The type of a connection cannot be changed.")
        external_id = given.get("external_id", row["external_id"])
        other = self._held(row["organization_id"], external_id)
        if other is not None and other["id"] != row["id"]:
            raise refused(409, "external_id_already_used")
        changed = given.get("oidc_options") or given.get("saml_options") or {}
        options = _merged(orjson.loads(row["options"]), _digested(changed))
        maps = orjson.loads(row["attribute_maps"])
        for name, values in given.get("attribute_maps", {}).items():
            maps[name] = _merged(maps.get(name, {}), values)
        own.database.write(
            "UPDATE connections SET name = ?, external_id = ?, state = ?, options = ?, attribute_maps = ?,"
            " updated_at = ? WHERE id = ?",
            (
                *(given.get("name", row["name"]), external_id, _state(options), _text(options), _text(maps)),
                *(own.clock.stamp(), row["id"]),
            ),
        )
        return reply(200, connection_shape(self._row(row["id"])))

    def delete(self, request: SandboxRequest) -> Reply:
        row = self._row(request.parameters["id"])
        self._environment.database.write("DELETE FROM connections WHERE id = ?", (row["id"],))
        self._events.record("connection.deleted", connection_shape(row), row["organization_id"])
        return Reply(204)

    def _row(self, identifier: str) -> Any:
        return self._environment.one("connections", "Connection", identifier)

    def _held(self, organization_id: str, external_id: str | None) -> Any:
        sql = "SELECT * FROM connections WHERE organization_id = ? AND external_id = ?"
        return self._environment.database.row(sql, (organization_id, external_id))


def _check_nested(given: dict[str, Any]) -> None:
    for name, fields in (("oidc_options", _OIDC), ("saml_options", _SAML), ("attribute_maps", _MAPS)):
        if name in given:
            check(given[name], fields, f"{name}.")
    if "standard_attributes" in given.get("attribute_maps", {}):
        check(given["attribute_maps"]["standard_attributes"], _STANDARD, "attribute_maps.standard_attributes.")


def _digested(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: f"sha256:{hashlib.sha256(value.encode() if isinstance(value, str) else orjson.dumps(value)).hexdigest()}"
        if name in _SECRETS and value is not None
        else value
        for name, value in options.items()
    }


def _merged(held: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (held | given).items() if value is not None}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _state(options: dict[str, Any]) -> str:
    saml = options.get("idp_metadata_url") or (options.get("idp_sso_url") and options.get("idp_signing_certs"))
    return "active" if saml or options.get("discovery_endpoint") else "draft"


def connection_shape(row: Any) -> dict[str, Any]:
    return {
        "object": "connection",
        "id": row["id"],
        "organization_id": row["organization_id"],
        "connection_type": row["connection_type"],
        "name": row["name"],
        "state": row["state"],
        "status": "linked" if row["state"] == "active" else "unlinked",
        "domains": [],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
