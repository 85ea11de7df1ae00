"""Owns what all nouns of one WorkOS environment share: database, clock, IDs and the settings now in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.sandbox.clock import SandboxClock
from engine.sandbox.database import Database
from engine.sandbox.errors import not_found
from engine.sandbox.identifiers import IdMaker
from engine.sandbox.options import Settings
from engine.sandbox.quotas import ResetQuota


@dataclass(slots=True)
class SandboxEnvironment:
    """One environment; `settings` may be replaced as a whole."""

    database: Database
    clock: SandboxClock
    ids: IdMaker
    settings: Settings
    resets: ResetQuota
    api_key: str
    client_id: str

    def one(self, table: str, kind: str, identifier: str) -> Any:
        """The row of that ID. Raises ApiError 404; `kind` is what the message calls it."""
        row = self.database.row(f"SELECT * FROM {table} WHERE id = ?", (identifier,))  # noqa: S608 - our own names
        if row is None:
            raise not_found(kind, identifier)
        return row
