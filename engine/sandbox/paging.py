"""Owns lists: limit, order and cursors, always in the order of creation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.sandbox.database import Database
from engine.sandbox.errors import invalid_parameters
from engine.sandbox.requests import Reply, SandboxRequest, reply

_ORDERS = ("desc", "asc", "normal")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a list request asks for."""

    limit: int
    order: str
    before: str | None
    after: str | None


def read_page(request: SandboxRequest, default_order: str = "desc") -> PageRequest:
    """The paging arguments. Raises ApiError 422."""
    raw = request.argument("limit")
    limit = int(raw) if raw is not None and raw.isascii() and raw.isdigit() else 10 if raw is None else 0
    if not 1 <= limit <= 100:
        raise invalid_parameters([("limit", "invalid_limit", "limit must be between 1 and 100")])
    given = request.argument("order")
    # An empty one is not a missing one: the API description has no empty string among its values.
    order = default_order if given is None else given
    if order not in _ORDERS:
        raise invalid_parameters([("order", "invalid_order", f"order must be one of {', '.join(_ORDERS)}")])
    return PageRequest(limit, order, request.argument("before"), request.argument("after"))


def list_rows(
    database: Database,
    table: str,
    page: PageRequest,
    conditions: Sequence[tuple[str, Any]],
    shape: Callable[[Any], Any],
    cursors: Sequence[str] = ("before", "after"),
) -> Reply:
    """One page of a table as the API lists it: the rows that fulfil every condition, and the cursors of that name."""
    # Order "normal" lists newest first with the cursors the other way round (SDK, list methods).
    normal = page.order == "normal"
    ascending = page.order == "asc"
    onward, back = (page.before, page.after) if normal else (page.after, page.before)
    backwards = back is not None and onward is None
    where = [sql for sql, _ in conditions]
    arguments = [argument for _, argument in conditions]
    for cursor, upward in ((onward, ascending), (back, not ascending)):
        if cursor is not None:
            where.append("seq > ?" if upward else "seq < ?")
            arguments.append(_position(database, table, cursor, upward))
    direction = "ASC" if ascending != backwards else "DESC"
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    sql = f"SELECT * FROM {table} {clause} ORDER BY seq {direction} LIMIT ?"  # noqa: S608 - our own names
    rows = database.rows(sql, [*arguments, page.limit + 1])
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    if backwards:
        rows.reverse()
    has_next, has_previous = (bool(rows), more) if backwards else (more, onward is not None and bool(rows))
    following = rows[-1]["id"] if has_next else None
    previous = rows[0]["id"] if has_previous else None
    places = {"before": following, "after": previous} if normal else {"before": previous, "after": following}
    metadata = {name: places[name] for name in cursors}
    return reply(200, {"object": "list", "data": [shape(row) for row in rows], "list_metadata": metadata})


def _position(database: Database, table: str, cursor: str, upward: bool) -> int:
    # IDs grow as rows are made, so a cursor whose row was deleted still has its place.
    comparison, direction = ("<=", "DESC") if upward else (">=", "ASC")
    sql = f"SELECT seq FROM {table} WHERE id {comparison} ? ORDER BY id {direction} LIMIT 1"  # noqa: S608 - our own names
    row = database.row(sql, (cursor,))
    if row is not None:
        return int(row["seq"])
    return 0 if upward else 2**62
