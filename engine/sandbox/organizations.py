"""Owns the organizations: create, look up, list, update, delete."""

from __future__ import annotations

from typing import Any

import orjson

from engine.sandbox.bodies import Field, check, check_metadata, check_texts, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError, invalid_parameters, not_found, refused
from engine.sandbox.events import Events
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

_UPDATE = {
    "name": Field(str),
    "allow_profiles_outside_organization": Field(bool),
    "domains": Field(list),
    "domain_data": Field(list),
    "stripe_customer_id": Field(str),
    "metadata": Field(dict, nullable=True),
    "external_id": Field(str, nullable=True),
}
_CREATE = {**_UPDATE, "name": Field(str, required=True)}
_DOMAIN = {
    "domain": Field(str, required=True),
    "state": Field(str, required=True, choices=frozenset({"pending", "verified"})),
}


class SandboxOrganizations:
    """The organizations of the environment; external IDs are unique, names are not."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/organizations", self.create),
            Route("GET", "/organizations", self.list_page),
            Route("GET", "/organizations/external_id/{external_id}", self.get_by_external_id),
            Route("GET", "/organizations/{id}", self.get),
            Route("PUT", "/organizations/{id}", self.update),
            Route("DELETE", "/organizations/{id}", self.delete),
        ]

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CREATE)
        identifier = own.ids.new("org_")
        values = self._values(given, {}, identifier)
        now = own.clock.stamp()
        row = {"id": identifier, "metadata": "{}", "domains": "[]", "allow_outside": False, "created_at": now} | values
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        own.database.write(
            f"INSERT INTO organizations ({columns}, updated_at) VALUES ({marks}, ?)",  # noqa: S608 - our own names
            (*row.values(), now),
        )
        self._record_domains(identifier, [], orjson.loads(values.get("domains", "[]")))
        return self._done(identifier, 201, "organization.created")

    def get(self, request: SandboxRequest) -> Reply:
        return reply(200, organization_shape(self._one(request)))

    def get_by_external_id(self, request: SandboxRequest) -> Reply:
        external_id = request.parameters["external_id"]
        row = self._environment.database.row("SELECT * FROM organizations WHERE external_id = ?", (external_id,))
        if row is None:
            raise not_found("Organization", external_id)
        return reply(200, organization_shape(row))

    def list_page(self, request: SandboxRequest) -> Reply:
        conditions: list[tuple[str, Any]] = []
        domains = request.arguments("domains")
        if domains:
            sql = (
                "EXISTS (SELECT 1 FROM json_each(domains) JOIN json_each(?) AS wanted"
                " ON json_extract(json_each.value, '$.domain') = wanted.value)"
            )
            conditions.append((sql, orjson.dumps([one.lower() for one in domains]).decode()))
        search = request.argument("search")
        if search is not None:
            conditions.append(("instr(lower(name), ?) > 0", search.lower()))
        return list_rows(
            self._environment.database, "organizations", read_page(request), conditions, organization_shape
        )

    def update(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _UPDATE)
        row = self._one(request)
        values = self._values(given, orjson.loads(row["metadata"]), row["id"])
        values["updated_at"] = own.clock.stamp()
        columns = ", ".join(f"{name} = ?" for name in values)
        own.database.write(f"UPDATE organizations SET {columns} WHERE id = ?", (*values.values(), row["id"]))  # noqa: S608 - our own names
        if "domains" in values:
            self._record_domains(row["id"], orjson.loads(row["domains"]), orjson.loads(values["domains"]))
        return self._done(row["id"], 200, "organization.updated")

    def delete(self, request: SandboxRequest) -> Reply:
        own = self._environment
        row = self._one(request)
        for member in own.database.rows(
            "SELECT id, user_id, organization_id FROM memberships WHERE organization_id = ?", (row["id"],)
        ):
            data = {"object": "organization_membership", **dict(member)}
            self._events.record("organization_membership.deleted", data, row["id"])
        self._record_domains(row["id"], orjson.loads(row["domains"]), [])
        for table in ("memberships", "connections", "sessions"):
            own.database.write(f"DELETE FROM {table} WHERE organization_id = ?", (row["id"],))  # noqa: S608 - our own names
        own.database.write("DELETE FROM organizations WHERE id = ?", (row["id"],))
        self._events.record("organization.deleted", organization_shape(row), row["id"])
        return Reply(202)

    def _one(self, request: SandboxRequest) -> Any:
        return self._environment.one("organizations", "Organization", request.parameters["id"])

    def _done(self, identifier: str, status: int, event: str) -> Reply:
        shape = organization_shape(self._environment.one("organizations", "Organization", identifier))
        self._events.record(event, shape, identifier)
        return reply(status, shape)

    def _values(self, given: dict[str, Any], held: dict[str, str], identifier: str) -> dict[str, Any]:
        """The columns that a body changes. Raises ApiError 400 and 422."""
        own = self._environment
        values: dict[str, Any] = {name: given[name] for name in ("name", "stripe_customer_id") if name in given}
        if not values.get("name", "-").strip():
            raise invalid_parameters([("name", "name_required", "name must not be empty")])
        if "allow_profiles_outside_organization" in given:
            values["allow_outside"] = given["allow_profiles_outside_organization"]
        if given.get("metadata") is not None:
            metadata = check_metadata(given["metadata"], held, own.settings.metadata_keys)
            values["metadata"] = orjson.dumps(metadata).decode()
        if "external_id" in given:
            values["external_id"] = external_id = given["external_id"]
            longest = own.settings.external_id_length
            if external_id is not None and not 1 <= len(external_id) <= longest:
                message = f"external_id must be 1 to {longest} characters long"
                raise invalid_parameters([("external_id", "invalid_length", message)])
            sql = "SELECT 1 FROM organizations WHERE external_id = ? AND id != ?"
            if external_id is not None and own.database.row(sql, (external_id, identifier)):
                raise refused(400, "external_id_already_used")
        if "domains" in given or "domain_data" in given:
            there = own.database.row("SELECT domains FROM organizations WHERE id = ?", (identifier,))
            before = orjson.loads(there["domains"]) if there is not None else []
            values["domains"] = orjson.dumps(self._domains(given, identifier, before)).decode()
        return values

    def _record_domains(self, identifier: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
        """The events of an organization's domains (docs, events)."""
        were, are = {one["domain"]: one for one in before}, {one["domain"]: one for one in after}
        for name, one in are.items():
            if name not in were:
                self._events.record("organization_domain.created", one, identifier)
            if one["state"] == "verified" and were.get(name, {}).get("state") != "verified":
                self._events.record("organization_domain.verified", one, identifier)
        for name in were.keys() - are.keys():
            self._events.record("organization_domain.deleted", were[name], identifier)

    def _check_domain(self, name: str, identifier: str) -> None:
        """Whether another organization's verified domain is refused is said nowhere, but 409 is among the answers."""
        own = self._environment
        sql = (
            "SELECT 1 FROM organizations, json_each(domains) AS one WHERE organizations.id != ?"
            " AND json_extract(one.value, '$.domain') = ? AND json_extract(one.value, '$.state') = 'verified'"
        )
        if own.settings.unique_domains and own.database.row(sql, (identifier, name)) is not None:
            raise ApiError(409, {"message": f"Domain '{name}' is verified for another organization."})

    def _domains(self, given: dict[str, Any], identifier: str, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the domains become: replaced by those sent; one that stays keeps its ID."""
        own = self._environment
        for one in given.get("domain_data", []):
            if not isinstance(one, dict):
                raise invalid_parameters([("domain_data", "invalid_type", "each value must be an object")])
            check(one, _DOMAIN, "domain_data.")
        plain = [{"domain": one, "state": "verified"} for one in check_texts(given.get("domains", []), "domains")]
        now = own.clock.stamp()
        held = {one["domain"]: one for one in before}
        found: dict[str, dict[str, Any]] = {}
        for one in [*plain, *given.get("domain_data", [])]:
            name = one["domain"].strip().lower()
            self._check_domain(name, identifier)
            new = {
                "object": "organization_domain",
                "id": own.ids.new("org_domain_"),
                "organization_id": identifier,
                "domain": name,
                "state": one["state"],
                "verification_strategy": "manual",
                "created_at": now,
            }
            found[name] = {**new, **held.get(name, {}), "state": one["state"], "updated_at": now}
        return list(found.values())


def organization_shape(row: Any) -> dict[str, Any]:
    """A row of organizations as the API shows it."""
    shape = {
        "object": "organization",
        "id": row["id"],
        "name": row["name"],
        "domains": orjson.Fragment(row["domains"]),
        "metadata": orjson.Fragment(row["metadata"]),
        "external_id": row["external_id"],
        "allow_profiles_outside_organization": bool(row["allow_outside"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    if row["stripe_customer_id"] is not None:
        shape["stripe_customer_id"] = row["stripe_customer_id"]
    return shape
