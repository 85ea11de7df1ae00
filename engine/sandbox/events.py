"""Owns the events: what really happened in the environment, kept 90 days as WorkOS keeps them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import orjson

from engine.sandbox.clock import iso
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest

# Kept for 90 days, at most 30 of them a request (docs, events API).
_KEPT_S = 90 * 86400
_RANGE_S = 30 * 86400
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)+\Z")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z)?\Z")


class Events:
    """Records events and lists them."""

    def __init__(self, environment: SandboxEnvironment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        return [Route("GET", "/events", self.list_page)]

    def record(self, event: str, data: Any, organization_id: str | None = None) -> None:
        """Keep an event; `data` is the object it is about, as the API shows it, or its JSON."""
        own = self._environment
        text = data if isinstance(data, bytes) else orjson.dumps(data)
        own.database.write(
            "INSERT INTO events (id, event, data, organization_id, created_at) VALUES (?, ?, ?, ?, ?)",
            (own.ids.new("event_"), event, text.decode(), organization_id, own.clock.stamp()),
        )

    def list_page(self, request: SandboxRequest) -> Reply:
        """Oldest first unless told otherwise (SDK, list_events; the API description says newest)."""
        names = request.arguments("events")
        if not names:
            raise invalid_parameters([("events", "events_required", "events must name at least one event")])
        wrong = [name for name in names if not _NAME.match(name)]
        if wrong:
            raise invalid_parameters([("events", "unknown_event_type", "Invalid enum value.")])
        now = self._environment.clock.now()
        start, end = _stamp(request, "range_start"), _stamp(request, "range_end")
        _check_range(request, start, end, iso(now))
        conditions: list[tuple[str, Any]] = [("created_at >= ?", max(iso(now - _KEPT_S), start or ""))]
        if end is not None:
            conditions.append(("created_at < ?", end))
        organization = request.argument("organization_id")
        if organization is not None:
            conditions.append(("organization_id = ?", organization))
        conditions.append(("event IN (SELECT value FROM json_each(?))", orjson.dumps(names).decode()))
        page = read_page(request, "asc")
        # An answer has the one cursor (docs and API description, list events).
        return list_rows(self._environment.database, "events", page, conditions, _shape, cursors=("after",))


def _check_range(request: SandboxRequest, start: str | None, end: str | None, now: str) -> None:
    if start is None:
        return
    if request.argument("after") is not None:
        # Docs, list events.
        message = "after and range_start are mutually exclusive"
        raise invalid_parameters([("after", "mutually_exclusive_parameters", message)])
    until = min(end or now, now)
    if (_moment(until) - _moment(start)).total_seconds() > _RANGE_S:
        raise invalid_parameters([("range_start", "range_too_long", "at most 30 days of events a request")])


def _moment(stamp: str) -> datetime:
    # A date without a time is midnight in UTC.
    moment = datetime.fromisoformat(stamp)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(request: SandboxRequest, name: str) -> str | None:
    value = request.argument(name)
    if value is not None and not _STAMP.match(value):
        message = f"{name} must be an ISO 8601 timestamp with a Z suffix"
        raise invalid_parameters([(name, "invalid_date", message)])
    if value is None or not value.endswith("Z"):
        return value
    # Stored stamps carry milliseconds; texts only sort by time when all have the same form.
    whole, _, fraction = value[:-1].partition(".")
    whole += ":00" * (2 - whole.count(":"))
    return f"{whole}.{fraction[:3]:0<3}Z"


def _shape(row: Any) -> dict[str, Any]:
    return {
        "object": "event",
        "id": row["id"],
        "event": row["event"],
        "data": orjson.Fragment(row["data"]),
        "created_at": row["created_at"],
    }
