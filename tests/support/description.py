"""Holds exchanges against the vendor's API description (npm `@workos/openapi-spec`), stricter than it says itself.

What the description does not name (an operation, an argument, a status, a property) counts as a fault as well: a
misspelt property would else be valid. It lies in `.tools`, where `make test` installs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from jsonschema.exceptions import ValidationError
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PATH = Path(__file__).resolve().parents[2] / ".tools/node_modules/@workos/openapi-spec/open-api-spec.yaml"
_LAX = "__lax"
_URI = "urn:workos"
# What the description limits the length of may have at least so many characters.
_SHORT = 40


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as the recorder writes them."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    body: str
    status: int
    answer: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One disagreement: `part` is operation, query, body or answer; `at` the place in it, its items as `*`."""

    operation: str
    part: str
    at: str
    message: str


class Description:
    """The description, read once; `faults` compares one exchange with it."""

    def __init__(self, path: Path = PATH) -> None:
        with path.open(encoding="utf-8") as file:
            document = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        schemas = document["components"]["schemas"]
        document["components"]["schemas"] = {name: _strict(one) for name, one in schemas.items()} | {
            name + _LAX: _strict(one, lax=True) for name, one in schemas.items()
        }
        self._words = frozenset(_words(document))
        self._registry: Registry[Any] = Registry().with_resource(_URI, Resource(document, DRAFT202012))
        self._operations: dict[tuple[str, int], list[tuple[list[str], dict[str, Any]]]] = {}
        # Literal parts before named ones.
        for pattern, item in sorted(document["paths"].items(), key=lambda one: one[0].replace("{", "~")):
            parts = pattern.split("/")
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    key = (method.upper(), len(parts))
                    self._operations.setdefault(key, []).append((parts, operation))
        self._validators: dict[int, tuple[Any, OAS31Validator]] = {}
        self._seen: dict[tuple[int, str], list[ValidationError]] = {}

    def faults(self, exchange: Exchange) -> list[Fault]:
        """Everything in an exchange that the description does not say. A faked answer is not looked at."""
        found = self._find(exchange)
        if found is None:
            name = f"{exchange.method} {re.sub(r'[a-z_]+_01[0-9A-Z]{24}', '{id}', exchange.path)}"
            return [Fault(name, "operation", "", "is not described")]
        pattern, operation = found
        name = f"{exchange.method} {pattern}"
        faults = [Fault(name, "query", at, said) for at, said in self._query(operation, exchange.query)]
        faults += [Fault(name, "body", at, said) for at, said in self._body(operation, exchange.body)]
        if exchange.fault is None:
            faults += [Fault(name, "answer", at, said) for at, said in self._answer(operation, exchange)]
        return faults

    def operation(self, exchange: Exchange) -> str | None:
        """ "GET /organizations/{id}"; None where the description does not know it."""
        found = self._find(exchange)
        return None if found is None else f"{exchange.method} {found[0]}"

    def _find(self, exchange: Exchange) -> tuple[str, dict[str, Any]] | None:
        given = exchange.path.split("/")
        for parts, operation in self._operations.get((exchange.method, len(given)), ()):
            if all(part[:1] == "{" or part == unquote(one) for part, one in zip(parts, given, strict=True)):
                return "/".join(parts), operation
        return None

    def _query(self, operation: Mapping[str, Any], query: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        described = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}
        given: dict[str, list[str]] = {}
        for name, value in query:
            given.setdefault(name, []).append(value)
        for name in given.keys() - described.keys():
            yield name, "is not described"
        for name, one in described.items():
            if name not in given:
                if one.get("required"):
                    yield name, "is missing"
            elif one["schema"].get("type") != "array" and len(given[name]) > 1:
                yield name, "is given twice"
            else:
                for error in self._errors(one["schema"], json.dumps(_read(one["schema"], given[name]))):
                    yield name, error.message

    def _body(self, operation: Mapping[str, Any], body: str) -> Iterator[tuple[str, str]]:
        described = operation.get("requestBody")
        if described is None:
            if body:
                yield "", "a body is not described"
        elif not body:
            if described.get("required"):
                yield "", "is missing"
        else:
            yield from self._json(described["content"], body)

    def _answer(self, operation: Mapping[str, Any], exchange: Exchange) -> Iterator[tuple[str, str]]:
        described = operation["responses"].get(str(exchange.status))
        place = str(exchange.status)
        if described is None:
            yield place, "the status is not described"
        elif exchange.answer and "content" in described:
            for at, said in self._json(described["content"], exchange.answer):
                yield f"{place}/{at}".rstrip("/"), said
        elif exchange.answer or "content" in described:
            yield place, "has a body that is not described" if exchange.answer else "has no body"

    def _json(self, content: Mapping[str, Any], text: str) -> Iterator[tuple[str, str]]:
        # Many answers are one to the description: what nobody compares with is not looked at again in each.
        alike = json.dumps(_alike(json.loads(text), self._words))
        for outer in self._errors(content["application/json"]["schema"], alike):
            for error in _innermost(outer):
                yield "/".join("*" if isinstance(one, int) else one for one in error.absolute_path), error.message

    def _errors(self, schema: Any, text: str) -> list[ValidationError]:
        key = (id(schema), text)
        if key not in self._seen:
            if id(schema) not in self._validators:
                absolute = _absolute(_strict(schema))
                self._validators[id(schema)] = schema, OAS31Validator(absolute, registry=self._registry)
            self._seen[key] = list(self._validators[id(schema)][1].iter_errors(json.loads(text)))
        return self._seen[key]


def _words(part: Any) -> Iterator[str]:
    """Every string that some value must be equal to."""
    if isinstance(part, dict):
        for name, one in part.items():
            meant = one if name == "enum" else [one] if name == "const" else ()
            yield from (word for word in meant if isinstance(word, str))
            yield from _words(one)
    elif isinstance(part, list):
        for one in part:
            yield from _words(one)


def _alike(value: Any, words: frozenset[str]) -> Any:
    """The value with one string for all that mean nothing to the description, and each kind of a page's rows once.

    The description has no patterns and no least lengths; formats are not looked at.
    """
    if isinstance(value, str):
        return value if value in words or len(value) > _SHORT else "x"
    if isinstance(value, list):
        return [_alike(one, words) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: _alike(one, words) for name, one in value.items()}
    if isinstance(rows := made.get("data"), list):
        made["data"] = list({json.dumps(one): one for one in rows}.values())
    return made


def _read(schema: Mapping[str, Any], values: Sequence[str]) -> Any:
    """An argument's text as the description types it: arrays repeated or separated by commas."""
    if schema.get("type") == "array":
        return [part for value in values for part in value.split(",")]
    if schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]+", values[0]):
        return int(values[0])
    return {"true": True, "false": False}.get(values[0], values[0]) if schema.get("type") == "boolean" else values[0]


def _innermost(error: ValidationError) -> Iterator[ValidationError]:
    """Of alternatives that all fail, what is wrong in the only one that is meant: whose constants fit."""
    branches: dict[Any, list[ValidationError]] = {}
    for one in error.context or ():
        branches.setdefault(one.relative_schema_path[0], []).append(one)
    meant = [found for found in branches.values() if not any(one.validator in ("const", "enum") for one in found)]
    if len(meant) == 1:
        for one in meant[0]:
            yield from _innermost(one)
    else:
        yield error


def _strict(schema: Any, *, lax: bool = False) -> Any:
    """The schema without room for properties that it does not name; `lax` where another part of it names more."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    if lax and "$ref" in made:
        made["$ref"] += _LAX
    named = "properties" in made or "allOf" in made
    for word in ("allOf", "anyOf", "oneOf"):
        if word in made:
            made[word] = [_strict(one, lax=lax or named) for one in made[word]]
    for word in ("items", "additionalProperties"):
        if word in made:
            made[word] = _strict(made[word])
    if "not" in made:
        # What must not be there is not there only in part: nothing is added to it.
        made["not"] = _strict(made["not"], lax=True)
    if "properties" in made:
        made["properties"] = {name: _strict(one) for name, one in made["properties"].items()}
    if named and not lax and "additionalProperties" not in made:
        made["unevaluatedProperties"] = False
    return made


def _absolute(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            name: _URI + one if name == "$ref" and isinstance(one, str) else _absolute(one)
            for name, one in schema.items()
        }
    return [_absolute(one) for one in schema] if isinstance(schema, list) else schema
