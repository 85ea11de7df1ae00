"""Mappings: templates, and WorkOS's limits on metadata (facts: ASCII, key up to 40, value up to 600 characters)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, quoted
from engine.plan_file.model import Limits, PasswordReset
from engine.plan_file.references import Opaque
from engine.plan_file.section import known_text, section

_FIELDS = ("email", "email_verified", "first_name", "last_name", "external_id")
_METADATA: Key = ("attributes", "metadata")
_FLAG: Key = ("password_reset", "flag")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_ATTRIBUTE = re.compile(r"[\w.:@#/+-]+")
_LIMITS = Limits()


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    attributes = section(data, "attributes")
    for name in _FIELDS:
        yield from _check_template(("attributes", name), section(attributes, name))
    yield from _check_verified(section(attributes, "email_verified"))
    yield from _check_external_id(data, section(attributes, "external_id"))
    metadata = section(attributes, "metadata")
    for name in metadata:
        yield from _check_key((*_METADATA, name), name)
        mapping = section(metadata, name)
        yield from _check_template((*_METADATA, name), mapping)
        yield from _check_constants((*_METADATA, name), mapping)
    yield from _check_count(data, list(metadata))


def _check_template(key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    template = known_text(mapping, "template")
    if template is None:
        return
    key = (*key, "template")
    names = _PLACEHOLDER.findall(template)
    bad = next((name for name in names if not _ATTRIBUTE.fullmatch(name)), None)
    if re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
        wrong = f"{dotted(key)} has a brace without its partner"
    elif bad is not None:
        wrong = f"{dotted(key)} has the placeholder {quoted('{' + bad + '}')}, which names no attribute"
    elif not names:
        wrong = f"{dotted(key)} names no attribute"
    else:
        return
    yield Fault("invalid_template", key, wrong, "write attributes in braces: {given_name} {family_name}")


def _check_verified(mapping: Mapping[str, Any]) -> Iterator[Fault]:
    key: Key = ("attributes", "email_verified")
    for where, text in _constants(mapping):
        if text not in {"true", "false"}:
            wrong = f"{dotted((*key, *where))} is neither true nor false"
            yield Fault("invalid_value", (*key, *where), wrong, 'write "true" or "false", in quotes')


def _constants(mapping: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """The values that the plan itself gives: the default and what `map` translates to."""
    given: list[tuple[Key, Any]] = [(("default",), mapping.get("default"))]
    given += [(("map", name), value) for name, value in section(mapping, "map").items()]
    for key, value in given:
        if isinstance(value, str) and not isinstance(value, Opaque):
            yield key, value


def _check_external_id(data: Mapping[str, Any], mapping: Mapping[str, Any]) -> Iterator[Fault]:
    limit = section(data, "destination", "workos", "limits").get("external_id_length", _LIMITS.external_id_length)
    for where, text in _constants(mapping):
        place: Key = ("attributes", "external_id", *where)
        if not text.isascii():
            wrong = f"{dotted(place)} is not ASCII, and WorkOS takes no other external ID"
            yield Fault("external_id_not_ascii", place, wrong, "write it in ASCII")
        elif isinstance(limit, int) and len(text) > limit:
            wrong = f"{dotted(place)} has {len(text)} characters, and WorkOS takes {limit}"
            yield Fault("external_id_too_long", place, wrong, "shorten it")


def _check_constants(key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    # The plan's own values go the way of the users': what omit would leave out helps nobody either.
    if isinstance(mapping.get("when_invalid"), Opaque):
        return
    escaped = mapping.get("when_invalid") == "escape"
    for where, text in _constants(mapping):
        place = (*key, *where)
        length = sum(1 if char.isascii() else 6 + 6 * (ord(char) > 0xFFFF) for char in text) if escaped else len(text)
        if not text.isascii() and not escaped:
            wrong = f"{dotted(place)} is not ASCII, and WorkOS takes nothing else in metadata"
            yield Fault("metadata_not_ascii", place, wrong, "write it in ASCII, or when_invalid: escape")
        elif length > _LIMITS.metadata_value_length:
            wrong = f"{dotted(place)} has {length} characters, and WorkOS takes {_LIMITS.metadata_value_length}"
            yield Fault("metadata_too_long", place, wrong, "shorten it")


def _check_key(place: Key, name: str) -> Iterator[Fault]:
    what = "password_reset.flag" if place == _FLAG else f"the metadata key {quoted(name)}"
    at_key = place != _FLAG
    if not name or not name.isascii():
        wrong = f"{what} is not ASCII" if name else "a metadata key is empty"
        yield Fault("metadata_key", place, wrong, "WorkOS takes ASCII keys only", at_key=at_key)
    elif len(name) > _LIMITS.metadata_key_length:
        wrong = f"{what} has {len(name)} characters"
        right = f"WorkOS takes at most {_LIMITS.metadata_key_length}"
        yield Fault("metadata_key", place, wrong, right, at_key=at_key)


def _check_count(data: Mapping[str, Any], keys: list[str]) -> Iterator[Fault]:
    reset = section(data, "password_reset")
    flagged = reset.get("strategy") == "on_next_sign_in"
    flag = PasswordReset().flag if "flag" not in reset else known_text(reset, "flag")
    if flagged and flag is not None:
        yield from _check_key(_FLAG, flag)
        if flag in keys:
            wrong = f"the metadata key {quoted(flag)} has two sources, attributes.metadata and password_reset.flag"
            place = _FLAG if "flag" in reset else (*_METADATA, flag)
            yield Fault("two_sources", place, wrong, "rename one of the two")
            flagged = False
    limit = section(data, "destination", "workos", "limits").get("metadata_keys", _LIMITS.metadata_keys)
    count = len(keys) + flagged
    if isinstance(limit, int) and count > limit:
        with_flag = " with password_reset.flag" if flagged else ""
        wrong = f"{count} metadata keys{with_flag}, and destination.workos.limits.metadata_keys is {limit}"
        right = "map fewer, or raise the limit if your environment takes more"
        yield Fault("metadata_limit", _METADATA if keys else _FLAG, wrong, right, at_key=True)
