"""The JSON Schemas that travel with the package, and lookups in the plan file's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from engine.plan_file.fault import Key

PLAN = "plan.v1"


def plan_schema_text() -> str:
    """The plan file's schema as `migrate schema` prints it."""
    return _text(PLAN)


@cache
def load_schema(name: str) -> Mapping[str, Any]:
    """A schema by its name, such as `plan.v1` or `error.v1`; raises FileNotFoundError for an unknown one."""
    schema: Mapping[str, Any] = json.loads(_text(name))
    return schema


def _text(name: str) -> str:
    # Through importlib, not beside this file: in an installed wheel `schemas` is a package like any other.
    return files("schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


def schema_at(key: Key) -> Mapping[str, Any]:
    """The schema of one key of the plan file, references followed; empty where there is none."""
    here: Mapping[str, Any] = load_schema(PLAN)
    for step in key:
        here = next((child for one in _alternatives(here) if (child := _child(one, step)) is not None), {})
        if not here:
            return {}
    return here


def example_at(key: Key) -> Any:
    """The first example of a key, None where the schema has none."""
    examples = schema_at(key).get("examples") or [None]
    return examples[0]


def homes_of(name: str) -> list[Key]:
    """The mappings of the plan file in which a key of that name is at home."""
    return [key for key in _mappings(load_schema(PLAN), ()) if name in _properties(schema_at(key))]


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: one for each in _alternatives(schema) for name, one in each.get("properties", {}).items()}


def _mappings(schema: Mapping[str, Any], key: Key) -> Iterator[Key]:
    # A mapping that is one way of several to write a value (`mapping_object`) is no home: it would be everywhere.
    ways = [schema, _referred(schema), *(one for one in schema.get("anyOf", ()) if "$ref" not in one)]
    for properties in (one["properties"] for one in ways if "properties" in one):
        yield key
        for name, child in properties.items():
            yield from _mappings(child, (*key, name))


def _child(schema: Mapping[str, Any], step: str | int) -> Mapping[str, Any] | None:
    if isinstance(step, int):
        child = schema.get("items")
    else:
        child = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return child if isinstance(child, Mapping) else None


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema, what it refers to, and its alternatives, in this order."""
    yield schema
    if "$ref" in schema:
        yield from _alternatives(_referred(schema))
    for one in schema.get("anyOf", ()):
        yield from _alternatives(one)


def _referred(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a schema refers to, empty where it refers to none."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = load_schema(PLAN)["$defs"][name] if name else {}
    return found
