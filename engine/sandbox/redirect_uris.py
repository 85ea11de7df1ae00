"""Owns the application's redirect URIs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

_BASE = "/user_management/redirect_uris"
_CREATE = {"uri": Field(str, required=True)}


class RedirectUris:
    """The redirect URIs of the environment; the first one made is the default."""

    def __init__(self, environment: SandboxEnvironment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        return [
            Route("GET", _BASE, self.list_page),
            Route("POST", _BASE, self.create),
            Route("DELETE", f"{_BASE}/{{id}}", self.delete),
        ]

    def knows(self, uri: str) -> bool:
        """Whether the application may be sent back there."""
        return self._environment.database.row("SELECT 1 FROM redirect_uris WHERE uri = ?", (uri,)) is not None

    def list_page(self, request: SandboxRequest) -> Reply:
        return list_rows(self._environment.database, "redirect_uris", read_page(request), [], _shape)

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        uri = read_body(request.body, _CREATE)["uri"].strip()
        if not _is_absolute(uri):
            raise ApiError(400, {"message": f"Redirect URI '{uri}' is not valid."})
        if self.knows(uri):
            raise ApiError(422, {"message": f"Redirect URI '{uri}' already exists."})
        first = own.database.row("SELECT 1 FROM redirect_uris") is None
        now = own.clock.stamp()
        identifier = own.ids.new("ruri_")
        own.database.write(
            "INSERT INTO redirect_uris (id, uri, is_default, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
            (identifier, uri, first, now, now),
        )
        return reply(201, _shape(own.one("redirect_uris", "Redirect URI", identifier)))

    def delete(self, request: SandboxRequest) -> Reply:
        row = self._environment.one("redirect_uris", "Redirect URI", request.parameters["id"])
        if row["is_default"]:
            # The status is in the SDK (delete_redirect_uris); its body is documented nowhere.
            raise ApiError(409, {"message": "The default redirect URI cannot be deleted."})
        self._environment.database.write("DELETE FROM redirect_uris WHERE id = ?", (row["id"],))
        return Reply(204)


def _is_absolute(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc) and not parts.fragment


def _shape(row: Any) -> dict[str, Any]:
    return {
        "object": "redirect_uri",
        "id": row["id"],
        "uri": row["uri"],
        "default": bool(row["is_default"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
