"""Owns the webhook endpoints: they are kept and listed. The emulator calls nobody, whatever they subscribe to."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

import orjson

from engine.sandbox.bodies import Field, check_texts, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError, invalid_parameters
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

_BASE = "/webhook_endpoints"
_CREATE = {"endpoint_url": Field(str, required=True), "events": Field(list, required=True)}
_UPDATE = {
    "endpoint_url": Field(str),
    "events": Field(list),
    "status": Field(str, choices=frozenset({"enabled", "disabled"})),
}


class Webhooks:
    """The webhook endpoints of the environment."""

    def __init__(self, environment: SandboxEnvironment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        return [
            Route("GET", _BASE, self.list_page),
            Route("POST", _BASE, self.create),
            Route("PATCH", f"{_BASE}/{{id}}", self.update),
        ]

    def list_page(self, request: SandboxRequest) -> Reply:
        return list_rows(self._environment.database, "webhook_endpoints", read_page(request), [], _shape)

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CREATE)
        self._check(given)
        now, identifier = own.clock.stamp(), own.ids.new("we_")
        own.database.write(
            "INSERT INTO webhook_endpoints (id, endpoint_url, secret, status, events, created_at, updated_at)"
            " VALUES (?, ?, ?, 'enabled', ?, ?, ?)",
            (identifier, given["endpoint_url"], f"whsec_{secrets.token_hex(12)}", _dump(given["events"]), now, now),
        )
        return reply(201, _shape(self._one(identifier)))

    def update(self, request: SandboxRequest) -> Reply:
        own, row = self._environment, self._one(request.parameters["id"])
        given = read_body(request.body, _UPDATE)
        self._check(given, but=row["id"])
        own.database.write(
            "UPDATE webhook_endpoints SET endpoint_url = ?, status = ?, events = ?, updated_at = ? WHERE id = ?",
            (given.get("endpoint_url", row["endpoint_url"]), given.get("status", row["status"]),
             _dump(given["events"]) if "events" in given else row["events"], own.clock.stamp(), row["id"]),
        )  # fmt: skip
        return reply(200, _shape(self._one(row["id"])))

    def _one(self, identifier: str) -> Any:
        return self._environment.one("webhook_endpoints", "Webhook Endpoint", identifier)

    def _check(self, given: dict[str, Any], but: str = "") -> None:
        """Addresses are https and each its own. Raises ApiError 409 and 422 (API description)."""
        for name in check_texts(given.get("events", []), "events"):
            if "." not in name:
                raise invalid_parameters([("events", "unknown_event_type", "Invalid enum value.")])
        url = given.get("endpoint_url")
        if url is None:
            return
        if urlsplit(url).scheme != "https":
            raise ApiError(422, {"code": "invalid_url", "message": "The endpoint URL must be https."})
        found = self._environment.database.row(
            "SELECT 1 FROM webhook_endpoints WHERE endpoint_url = ? AND id != ?", (url, but)
        )
        if found is not None:
            message = "A Webhook Endpoint with the same endpoint URL already exists."
            raise ApiError(409, {"code": "duplicate_endpoint", "message": message})


def _dump(events: list[str]) -> str:
    return orjson.dumps(events).decode()


def _shape(row: Any) -> dict[str, Any]:
    return {
        "object": "webhook_endpoint",
        "id": row["id"],
        "endpoint_url": row["endpoint_url"],
        "secret": row["secret"],
        "status": row["status"],
        "events": orjson.Fragment(row["events"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
