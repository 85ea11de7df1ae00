"""The vendor's API description (npm `@workos/openapi-spec`, which comes with the emulator): what it says of a call."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.sandbox.server import Server
from engine.sandbox.service import Handled

_FILE = Path(__file__).resolve().parents[2] / ".tools/node_modules/@workos/openapi-spec/open-api-spec.yaml"
_TYPES = {"integer": re.compile(r"-?\d+"), "boolean": re.compile("true|false")}


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its answer."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    body: bytes
    status: int
    answer: bytes


def record(server: Server) -> list[Call]:
    """Every call of the API from now on."""
    calls: list[Call] = []
    handle = server.service.handle

    def recorded(
        method: str, raw_path: str, query: Sequence[tuple[str, str]], body: bytes, authorization: str | None
    ) -> Handled:
        outcome = handle(method, raw_path, query, body, authorization)
        if not raw_path.startswith("/_sandbox/"):
            calls.append(Call(method, raw_path, query, body, outcome.reply.status, outcome.reply.body))
        return outcome

    server.service.handle = recorded  # type: ignore[method-assign]
    return calls


@cache
def description() -> ApiDescription:
    """The description; skips the test where it is not installed, or fails it where CI requires it."""
    if not _FILE.exists():
        missing = "the vendor's API description is not installed: `make emulator` does it"
        if os.environ.get("MIGRATE_REQUIRE_EMULATOR"):
            pytest.fail(missing)
        pytest.skip(missing)
    return ApiDescription(yaml.load(_FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


class ApiDescription:
    """What is valid under one."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z"), path) for path in document["paths"]]
        # Literal parts win over named ones.
        self._paths.sort(key=lambda one: one[1].count("{"))

    def route(self, call: Call) -> str | None:
        """ "GET /organizations/{id}"; None for a call that the description does not know."""
        for pattern, path in self._paths:
            if pattern.match(call.path) and call.method.lower() in self._document["paths"][path]:
                return f"{call.method} {path}"
        return None

    def violations(self, call: Call) -> list[str]:
        """What the description says against a call that it knows."""
        route = self.route(call)
        assert route is not None
        operation = self._document["paths"][route.split(" ")[1]][call.method.lower()]
        return [f"{route}: {one}" for one in (*self._request(operation, call), *self._answer(operation, call))]

    def _request(self, operation: Mapping[str, Any], call: Call) -> Iterator[str]:
        known = {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        for name, value in call.query:
            if name not in known:
                yield f"the query has {name}"
                continue
            schema = known[name]
            values = value.split(",") if schema["type"] == "array" else [value]
            schema = schema["items"] if schema["type"] == "array" else schema
            for one in values:
                pattern = _TYPES.get(schema.get("type", ""))
                if (pattern and not pattern.fullmatch(one)) or one not in schema.get("enum", [one]):
                    yield f"the query's {name} is {one}"
        given = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if given is not None:
            yield from self._json(given["schema"], call.body, "request")
        elif call.body:
            yield "the request has a body"

    def _answer(self, operation: Mapping[str, Any], call: Call) -> Iterator[str]:
        answer = operation["responses"].get(str(call.status))
        if answer is None:
            yield f"the answer is {call.status}"
            return
        content = answer.get("content", {}).get("application/json")
        if content is not None:
            yield from self._json(content["schema"], call.answer, "answer")
        elif call.answer:
            yield "the answer has a body"

    def _json(self, schema: Mapping[str, Any], body: bytes, what: str) -> Iterator[str]:
        # The document is the schema's root, so that its references lead into it.
        validator = Draft202012Validator({**self._document, **schema})
        for error in validator.iter_errors(orjson.loads(body)):
            yield f"{what}: {error.json_path}: {error.message}"
