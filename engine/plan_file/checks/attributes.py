"""Mappings: templates, and WorkOS's limits on metadata (facts: ASCII, key up to 40, value up to 600 characters)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.checks.names import PLACEHOLDER
from engine.plan_file.fault import Fault, Key, dotted, quoted
from engine.plan_file.model import Limits, PasswordReset
from engine.plan_file.pools import written_mappings, written_pools, written_sections
from engine.plan_file.references import Opaque
from engine.plan_file.section import known_text, section

_FLAG: Key = ("password_reset", "flag")
_ATTRIBUTE = re.compile(r"[\w.:@#/+-]+")
_LIMITS = Limits()


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key, mapping in written_mappings(data):
        yield from _check_template(key, mapping)
        yield from _check_pool(data, key, mapping)
    for key, attributes in written_sections(data, "attributes"):
        yield from _check_verified((*key, "email_verified"), section(attributes, "email_verified"))
        yield from _check_external_id(data, (*key, "external_id"), section(attributes, "external_id"))
        metadata = section(attributes, "metadata")
        for name in metadata:
            place = (*key, "metadata", name)
            yield from check_metadata_key(place, name)
            yield from _check_constants(place, section(metadata, name))
        yield from _check_count(data, (*key, "metadata"), list(metadata))


def _check_template(key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    template = known_text(mapping, "template")
    if template is None:
        return
    key = (*key, "template")
    names = PLACEHOLDER.findall(template)
    bad = next((name for name in names if not _ATTRIBUTE.fullmatch(name)), None)
    if re.search(r"[{}]", PLACEHOLDER.sub("", template)):
        wrong = f"{dotted(key)} has a brace without its partner"
    elif bad is not None:
        wrong = f"{dotted(key)} has the placeholder {quoted('{' + bad + '}')}, which names no attribute"
    elif not names:
        wrong = f"{dotted(key)} names no attribute"
    else:
        return
    yield Fault("invalid_template", key, wrong, "write attributes in braces: {given_name} {family_name}")


def _check_pool(data: Mapping[str, Any], key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    """{pool} is the user pool's ID, which files need not have."""
    if "{pool}" not in (known_text(mapping, "template") or ""):
        return
    for at, pool in written_pools(data):
        export = section(pool, "export")
        if export and export.get("user_pool_id") is None:
            place = (*at, "export", "user_pool_id")
            wrong = f"{dotted((*key, 'template'))} has {{pool}}, and {dotted(place)} is missing"
            yield Fault("missing_key", (*key, "template"), wrong, "add the ID of the pool that the files came from")


def _check_verified(key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    for where, text in _constants(mapping):
        if text not in {"true", "false"}:
            wrong = f"{dotted((*key, *where))} is neither true nor false"
            yield Fault("invalid_value", (*key, *where), wrong, 'write "true" or "false", in quotes')


def _constants(mapping: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """The values that the plan itself gives: the default, a constant, and what `map` translates to."""
    given: list[tuple[Key, Any]] = [((name,), mapping.get(name)) for name in ("default", "const")]
    given += [(("map", name), value) for name, value in section(mapping, "map").items()]
    for key, value in given:
        if isinstance(value, str) and not isinstance(value, Opaque):
            yield key, value


def external_id_limit(data: Mapping[str, Any]) -> int:
    """How long an external ID may be."""
    limit = section(data, "destination", "workos", "limits").get("external_id_length")
    return limit if isinstance(limit, int) else _LIMITS.external_id_length


def _check_external_id(data: Mapping[str, Any], key: Key, mapping: Mapping[str, Any]) -> Iterator[Fault]:
    limit = external_id_limit(data)
    for where, text in _constants(mapping):
        place: Key = (*key, *where)
        if not text.isascii():
            wrong = f"{dotted(place)} is not ASCII, and WorkOS takes no other external ID"
            yield Fault("external_id_not_ascii", place, wrong, "write it in ASCII")
        elif len(text) > limit:
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


def check_metadata_key(place: Key, name: str) -> Iterator[Fault]:
    """WorkOS's limits on a metadata key."""
    what = "password_reset.flag" if place == _FLAG else f"the metadata key {quoted(name)}"
    at_key = place != _FLAG
    if not name or not name.isascii():
        wrong = f"{what} is not ASCII" if name else "a metadata key is empty"
        yield Fault("metadata_key", place, wrong, "WorkOS takes ASCII keys only", at_key=at_key)
    elif len(name) > _LIMITS.metadata_key_length:
        wrong = f"{what} has {len(name)} characters"
        right = f"WorkOS takes at most {_LIMITS.metadata_key_length}"
        yield Fault("metadata_key", place, wrong, right, at_key=at_key)


def _check_count(data: Mapping[str, Any], key: Key, keys: list[str]) -> Iterator[Fault]:
    reset = section(data, "password_reset")
    flagged = reset.get("strategy") == "on_next_sign_in"
    flag = PasswordReset().flag if "flag" not in reset else known_text(reset, "flag")
    if flagged and flag is not None:
        yield from check_metadata_key(_FLAG, flag)
        if flag in keys:
            wrong = f"the metadata key {quoted(flag)} has two sources, {dotted(key)} and password_reset.flag"
            place = _FLAG if "flag" in reset else (*key, flag)
            yield Fault("two_sources", place, wrong, "rename one of the two")
            flagged = False
    limit = section(data, "destination", "workos", "limits").get("metadata_keys", _LIMITS.metadata_keys)
    count = len(keys) + flagged
    if isinstance(limit, int) and count > limit:
        with_flag = " with password_reset.flag" if flagged else ""
        wrong = f"{count} metadata keys{with_flag}, and destination.workos.limits.metadata_keys is {limit}"
        right = "map fewer, or raise the limit if your environment takes more"
        yield Fault("metadata_limit", key if keys else _FLAG, wrong, right, at_key=True)
