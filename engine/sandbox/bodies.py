"""Owns the checking of request bodies: JSON objects of known fields with the right types.

What the values mean is left to those who own the nouns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from engine.sandbox.errors import ApiError, invalid_parameters, refused


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body: its Python type, and what the API description says of it."""

    kind: type
    nullable: bool = False
    required: bool = False
    longest: int | None = None
    choices: frozenset[str] | None = None


Fields = Mapping[str, Field]

_NAMES = {str: "string", bool: "boolean", dict: "object", list: "array", int: "integer", float: "number"}


def read_object(body: bytes) -> dict[str, Any]:
    """The body as an object. Raises ApiError 400 where it is not JSON, 422 where it is no object."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, {"message": "SandboxRequest body is not valid JSON.", "code": "bad_request"}) from error
    if not isinstance(value, dict):
        raise invalid_parameters([("", "invalid_type", "the body must be an object")])
    return value


def read_body(body: bytes, fields: Fields) -> dict[str, Any]:
    """The body's fields. Raises ApiError 422 that names every unknown, missing and mistyped one."""
    value = read_object(body)
    check(value, fields)
    return value


def check(value: Mapping[str, Any], fields: Fields, within: str = "") -> None:
    """Hold an object against its fields. Raises ApiError 422; `within` is the path of a nested object."""
    found: list[tuple[str, str, str]] = []
    for name, one in value.items():
        field = fields.get(name)
        path = within + name
        if field is None:
            found.append((path, "unknown_field", f"property {path} should not exist"))
        elif one is None:
            if not field.nullable:
                found.append((path, "invalid_type", f"{path} must not be null"))
        elif type(one) is not field.kind:
            found.append((path, "invalid_type", f"{path} must be a {_NAMES[field.kind]}"))
        elif field.longest is not None and len(str(one)) > field.longest:
            found.append((path, "too_long", f"{path} must be at most {field.longest} characters long"))
        elif field.choices is not None and one not in field.choices:
            found.append((path, "invalid_value", f"{path} must be one of {', '.join(sorted(field.choices))}"))
    for name, field in fields.items():
        if field.required and name not in value:
            found.append((within + name, f"{name}_required", f"{within}{name} is required"))
    if found:
        raise invalid_parameters(found)


def check_texts(values: list[Any], name: str) -> list[str]:
    """A list of strings. Raises ApiError 422."""
    if not all(isinstance(one, str) for one in values):
        raise invalid_parameters([(name, "invalid_type", f"each value in {name} must be a string")])
    return values


def check_metadata(given: Mapping[str, Any], held: Mapping[str, str], most_keys: int) -> dict[str, str]:
    """What the metadata becomes: given keys are merged, null removes one, `{}` removes all.

    At most `most_keys` keys of 40 characters and values of 600, ASCII only (WorkOS docs, metadata). Raises
    ApiError 400 invalid_metadata.
    """
    if not given:
        return {}
    merged = dict(held)
    for key, value in given.items():
        if not key or len(key) > 40 or not key.isascii():
            raise refused(400, "invalid_metadata", "Metadata keys must be ASCII, 1 to 40 characters long.")
        if value is None:
            merged.pop(key, None)
        elif not isinstance(value, str) or len(value) > 600 or not value.isascii():
            message = "Metadata values must be ASCII strings of at most 600 characters."
            raise refused(400, "invalid_metadata", message)
        else:
            merged[key] = value
    if len(merged) > most_keys:
        raise refused(400, "invalid_metadata", f"Metadata is limited to {most_keys} keys.")
    return merged
