"""Owns the words between the HTTP server and the nouns: a request, its reply, how it is handed over, and a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from engine.sandbox.errors import ApiError


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """One call. `parameters` are the decoded parts of the path that the route names."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def argument(self, name: str) -> str | None:
        """The first query argument of that name."""
        return next((value for key, value in self.query if key == name), None)

    def arguments(self, name: str) -> list[str]:
        """All of that name: repeated, with brackets, or separated by commas."""
        found = [value for key, value in self.query if key in (name, f"{name}[]")]
        return [part for value in found for part in value.split(",") if part]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `body` is JSON already."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Handled:
    """What is to be sent, and how the connection must fail while doing it (None: not at all)."""

    reply: Reply
    fault: str | None = None


def refusal_reply(error: ApiError) -> Reply:
    """A refusal as it is answered."""
    return Reply(error.status, orjson.dumps(error.body), error.headers)


def reply(status: int, value: Any, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, orjson.dumps(value), tuple(headers))


Handler = Callable[[SandboxRequest], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a pattern such as /user_management/users/{id}."""

    method: str
    pattern: str
    handler: Handler

    @property
    def name(self) -> str:
        """How statistics call it."""
        return f"{self.method} {self.pattern}"


class Router:
    """Finds the route of a request; literal parts win over named ones by the order of the routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            parts = tuple(route.pattern.split("/"))
            self._routes.setdefault((route.method, len(parts)), []).append((parts, route))

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and its parameters, from a path that is still percent-encoded."""
        parts = raw_path.split("/")
        for pattern, route in self._routes.get((method, len(parts)), ()):
            parameters: dict[str, str] = {}
            for expected, part in zip(pattern, parts, strict=True):
                if expected[:1] == "{" and part:
                    parameters[expected[1:-1]] = unquote(part)
                elif expected != part:
                    break
            else:
                return route, parameters
        return None
