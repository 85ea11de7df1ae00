"""One truth about defaults: what the schema promises is what a plan gets that leaves the key out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.plan_file.builder import build_spec
from engine.plan_file.fault import Key, dotted
from engine.plan_file.model import Spec
from engine.plan_file.schema import PLAN, load_schema
from tests.plan_file.plan_text import LEAST

ENTRY = "entry"
"""Stands for a name that the author gives: a provider's, a role's, a metadata key's."""


def ways(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema, what it refers to and its alternatives."""
    yield schema
    if "$ref" in schema:
        yield from ways(load_schema(PLAN)["$defs"][schema["$ref"].rpartition("/")[2]])
    for one in schema.get("anyOf", ()):
        yield from ways(one)


def children(schema: Mapping[str, Any]) -> Iterator[tuple[str | int, Mapping[str, Any], Mapping[str, Any]]]:
    """The keys of a schema: (key, its schema, the way of writing that has it)."""
    for one in ways(schema):
        yield from ((name, child, one) for name, child in one.get("properties", {}).items())
        if isinstance(one.get("additionalProperties"), Mapping):
            yield ENTRY, one["additionalProperties"], one
        if isinstance(one.get("items"), Mapping):
            yield 0, one["items"], one


def keys(schema: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    for name, child, _ in children(schema):
        yield (*above, name), child
        yield from keys(child, (*above, name))


def filled(schema: Mapping[str, Any], key: Key, data: Any) -> Any:
    """The data with everything that `key` needs above and beside it, and the key itself still left out."""
    if not key:
        return data
    step = key[0]
    child, way = next((child, way) for name, child, way in children(schema) if name == step)
    if step == 0:
        return [filled(child, key[1:], None)]
    held = dict(data) if isinstance(data, dict) else {}
    choices = [one["required"][0] for one in way.get("oneOf", ())]
    if step in choices:
        held = {name: value for name, value in held.items() if name not in choices}
    elif choices and not any(name in held for name in choices):
        held[choices[0]] = way["properties"][choices[0]]["examples"][0]
    for name in way.get("required", ()):
        if name != step and name not in held:
            held[name] = way["properties"][name]["examples"][0]
    if len(key) > 1:
        held[step] = filled(child, key[1:], held.get(step))
    return held


def with_value(data: Any, key: Key, value: Any) -> Any:
    if not key:
        return value
    if isinstance(data, list):
        return [with_value(data[0], key[1:], value)]
    return {**data, key[0]: with_value((data or {}).get(key[0]), key[1:], value)}


def built(data: Any) -> Spec:
    return build_spec(data, Path("p.yaml"))


WRITTEN = dict(keys(load_schema(PLAN)))
DEFAULTS = {key: one["default"] for key, one in WRITTEN.items() if "default" in one}
LEAST_DATA = yaml.safe_load(LEAST)


def other(schema: Mapping[str, Any]) -> list[Any]:
    """A value that is not the default, for a key whose schema lists its values."""
    values = [True, False] if schema.get("type") == "boolean" else schema.get("enum", [])
    return [value for value in values if value != schema["default"]][:1]


def test_the_defaults_are_found() -> None:
    found = {dotted(key) for key in DEFAULTS}
    assert len(found) > 90
    assert {"safety.max_failures", "source.cognito.requests_per_second", "source[0].filters.sample.seed"} <= found
    assert {"oauth_providers.entry.connection.members", "attributes.metadata.entry.when_invalid"} <= found


@pytest.mark.parametrize("key", DEFAULTS, ids=dotted)
def test_the_default_written_out_changes_nothing(key: Key) -> None:
    without = filled(load_schema(PLAN), key, LEAST_DATA)
    assert built(with_value(without, key, DEFAULTS[key])) == built(without)


@pytest.mark.parametrize("key", [key for key in DEFAULTS if other(WRITTEN[key])], ids=dotted)
def test_another_value_is_read(key: Key) -> None:
    without = filled(load_schema(PLAN), key, LEAST_DATA)
    assert built(with_value(without, key, other(WRITTEN[key])[0])) != built(without)
