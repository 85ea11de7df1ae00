"""The plan's data against its JSON Schema: every violation as one fault in words for people.

What alternatives (`anyOf`, `oneOf`) report is narrowed to the one that the author meant. Sense is left to `checks`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from engine.plan_file.fault import Fault, Key, dotted, found, hidden, quoted, shown
from engine.plan_file.references import Opaque, Resolved
from engine.plan_file.schema import PLAN, example_at, homes_of, load_schema, schema_at
from engine.plan_file.suggestions import closest

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}
# What nobody can say of a text whose references are not replaced.
_UNKNOWABLE = frozenset({"enum", "const", "pattern", "minLength", "maxLength"})
_API_KEY: Key = ("destination", "workos", "api_key")
# What the schema says by a pattern, in words.
_SHARE = "a whole number of users, or a share in percent as text"
_MOMENT = "a date (YYYY-MM-DD), or a date and time (YYYY-MM-DDTHH:MM, with seconds and offset if you like)"
_RULES = {
    "name": "1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first",
    "filters.created.after": _MOMENT,
    "filters.created.before": _MOMENT,
    "filters.cohorts.from": "a date (YYYY-MM-DD)",
    "password_reset.email.every": "a whole number and a unit: s, m, h or d",
    "safety.max_changes": _SHARE,
    "safety.max_failures": _SHARE,
    "safety.max_left_source": _SHARE,
    "safety.max_updates": _SHARE,
}
# Under any entry.
_SLUG = "a slug: lower-case letters, digits, dashes and underscores, at most 48"
_RULES_BY_NAME = {
    "role": _SLUG,
    "roles": _SLUG,
    "permissions": "a slug: lower-case letters, digits and _ : . * -, at most 48",
}
_LONGEST_EXAMPLE = 90
_REFERENCE = r"|.*\$\{.*"
"""How the schema's patterns admit references."""


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    # The schema lets references pass for editors; here they are replaced, and what still has ${ is plain text.
    strict = pattern.replace(_REFERENCE, "")
    # Python's $ also matches before a last line break, which a file name must not have.
    strict = strict[:-1] + r"\Z" if strict.endswith("$") else strict
    if isinstance(instance, str) and not re.search(strict, instance):
        yield ValidationError("does not match")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # no types


def find_misshapen(data: Mapping[str, Any]) -> list[Fault]:
    """Everything that the schema forbids, each once."""
    version = data.get("version")
    if "version" in data and not isinstance(version, bool) and version != 1:
        # Complaints by the rules of version 1 would mislead the author of another version's file.
        wrong = f"version is {shown(version)}, which this program does not know"
        return [Fault("unknown_version", ("version",), wrong, "write version: 1, or install a newer migrate")]
    errors = _Validator(load_schema(PLAN)).iter_errors(data)
    faults = list(dict.fromkeys(fault for error in errors for fault in _faults(error, ())))
    mistyped = {fault.key for fault in faults if fault.code == "wrong_type"}
    # A required key that was misspelt is one fault, not two; and a wrong type says all about a value.
    meant = {(fault.key[:-1], fault.right) for fault in faults if fault.code == "unknown_key"}
    return [
        fault
        for fault in faults
        if (fault.code != "missing_key" or (fault.key[:-1], f"did you mean {fault.key[-1]}?") not in meant)
        and (fault.code == "wrong_type" or fault.key not in mistyped)
    ]


def without(data: Mapping[str, Any], faults: Iterable[Fault]) -> dict[str, Any]:
    """The data with None for every value at fault, so that the sense of the rest can be checked."""
    gone = {fault.key for fault in faults}

    def rest(value: Any, key: Key) -> Any:
        if key in gone:
            return None
        if isinstance(value, dict):
            return {name: rest(one, (*key, name)) for name, one in value.items()}
        return [rest(one, (*key, at)) for at, one in enumerate(value)] if isinstance(value, list) else value

    return {name: rest(one, (name,)) for name, one in data.items()}


def _faults(error: ValidationError, above: Key) -> Iterator[Fault]:
    key: Key = (*above, *error.path)
    # The stubs leave room for errors that belong to no keyword; a validator never makes such.
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Any = error.schema
    rule = error.validator
    if isinstance(value, Opaque) and rule in _UNKNOWABLE:
        return
    if rule == "additionalProperties":
        known = schema["properties"]
        yield from (_unknown((*key, name), known) for name in value if name not in known)
    elif rule == "required":
        yield from (_missing((*key, name)) for name in limit if name not in value)
    elif rule == "type":
        yield _wrong_type(key, value, limit)
    elif rule in {"enum", "const"}:
        yield _not_listed(key, value, limit if rule == "enum" else [limit])
    elif rule == "oneOf":
        if isinstance(value, dict):  # anything else has the wrong type, which is said already
            yield _not_one(key, value, [one["required"][0] for one in limit])
    elif rule == "anyOf":
        yield from _any_of(error, key)
    # An API key is judged as it was written, by `checks.secrets`; here it may have been replaced.
    elif key != _API_KEY or rule != "pattern":
        yield Fault("invalid_value", key, f"{dotted(key)} {_breach(key, value, str(rule), error)}", _example(key))


def _any_of(error: ValidationError, key: Key) -> Iterator[Fault]:
    """The faults of the alternative whose type the value has; one fault where it has none's."""
    branches: dict[int, list[ValidationError]] = {}
    for one in error.context or ():
        branches.setdefault(int(one.schema_path[0]), []).append(one)
    fitting = [
        branch for branch in branches.values() if not any(one.validator == "type" and not one.path for one in branch)
    ]
    if fitting:
        above = key
        yield from (fault for one in fitting[0] for fault in _faults(one, above))
        return
    wanted = [
        one.validator_value
        for branch in branches.values()
        for one in branch
        if one.validator == "type" and not one.path
    ]
    yield _wrong_type(key, error.instance, [kind for kind in wanted if isinstance(kind, str)])


def _unknown(key: Key, known: Iterable[str]) -> Fault:
    name = str(key[-1])
    guess = closest(name, known)
    homes = [home for home in homes_of(name) if home != key[:-1]]
    if guess:
        right = f"did you mean {guess}?"
    elif 1 <= len(homes) <= 2:
        right = f"{name} belongs " + " or ".join(f"under {dotted(one)}" if one else "at the top" for one in homes)
    else:
        right = "known here: " + ", ".join(known)
    return Fault("unknown_key", key, f"unknown key {dotted(key)}", right, at_key=True)


def _missing(key: Key) -> Fault:
    example = example_at(key)
    right = f"add it, for example {key[-1]}: {_written(example)}" if _short(example) else "add it"
    return Fault("missing_key", key, f"{dotted(key)} is missing", right)


def _wrong_type(key: Key, value: Any, wanted: str | list[str]) -> Fault:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    words = " or ".join(_TYPES[kind] for kind in sorted(kinds, key=lambda kind: kind == "null"))
    wrong = f"{dotted(key)} must be {words}, found {found(value, key)}"
    if value is None and key[-1] not in schema_at(key[:-1]).get("required", ()):
        return Fault("wrong_type", key, wrong, "give it a value or leave it out")
    if isinstance(value, Opaque | Resolved):
        return Fault("wrong_type", key, wrong, "a ${NAME} reference always gives text: write the value itself")
    free_text = "string" in kinds and "integer" not in kinds and "pattern" not in schema_at(key)
    if free_text and isinstance(value, bool | int | float) and not hidden(value, key):
        return Fault("wrong_type", key, wrong, f'put it in quotes: "{json.dumps(value)}"')
    return Fault("wrong_type", key, wrong, _example(key))


def _not_listed(key: Key, value: Any, listed: list[Any]) -> Fault:
    words = ["null" if one is None else one if isinstance(one, str) else json.dumps(one) for one in listed]
    guess = closest(value, words) if isinstance(value, str) and not hidden(value, key) else None
    right = f"possible: {', '.join(words)}"
    if guess and not isinstance(value, Resolved):
        right = f"did you mean {guess}? {right}"
    return Fault("invalid_value", key, f"{dotted(key)} is {shown(value, key)}", right)


def _not_one(key: Key, value: Mapping[str, Any], names: list[str]) -> Fault:
    given = [name for name in names if name in value]
    if not given:
        wrong = f"{dotted(key)} has neither {' nor '.join(names)}"
        return Fault("missing_key", key, wrong, "give exactly one of them")
    both = "both " if len(given) == 2 else ""
    wrong = f"{dotted(key)} has {both}{', '.join(given[:-1])} and {given[-1]}"
    return Fault("two_sources", (*key, given[-1]), wrong, "keep one of them", at_key=True)


def _breach(key: Key, value: Any, rule: str, error: ValidationError) -> str:
    limit = error.validator_value
    match rule:
        case "minimum":
            return f"is {shown(value, key)}, less than {limit}"
        case "maximum":
            return f"is {shown(value, key)}, more than {limit}"
        case "exclusiveMinimum":
            return f"is {shown(value, key)}, not more than {limit}"
        case "minItems" | "minProperties" | "minLength" if not value:
            return "is empty"
        case "uniqueItems":
            return "holds one value twice"
        case "pattern" if isinstance(value, str):
            return f"is {shown(value, key)}"
        case _:
            return f"does not fit: {quoted(rule)}"


def _example(key: Key) -> str:
    """What may stand there: the rule where an example alone would not tell it, and an example."""
    example = example_at(key)
    steps = [step for step in key if isinstance(step, str)]
    rule = _RULES.get(dotted(tuple(steps))) or _RULES_BY_NAME.get(steps[-1] if steps else "")
    words = [rule, f"for example {_written(example)}" if _short(example) else None]
    return ", ".join(word for word in words if word)


def _short(example: Any) -> bool:
    return example is not None and len(_written(example)) <= _LONGEST_EXAMPLE


def _written(example: Any) -> str:
    """An example as one would write it in YAML."""
    if isinstance(example, str) and re.fullmatch(r"[\w$./{}:-]*[\w}]", example):
        return example
    return json.dumps(example, ensure_ascii=False)
