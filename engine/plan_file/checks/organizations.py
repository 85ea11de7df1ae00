"""The organizations of a plan: external IDs, names, domains and metadata, and that all entries agree on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.model.patterns import InvalidPattern, Pattern, compile_pattern
from engine.plan_file.checks.attributes import check_metadata_key, external_id_limit
from engine.plan_file.checks.domains import check_domains
from engine.plan_file.checks.names import PLACEHOLDER
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.model import Limits
from engine.plan_file.organizations import wildcards
from engine.plan_file.pools import written_pools
from engine.plan_file.references import Opaque
from engine.plan_file.section import known_text, section

_MAP: Key = ("organizations", "map")
_LIMITS = Limits()
_ANYTHING = "\ue000"
"""Stands for what a star may be: a character that no entry has."""
_MOST_PATTERNS = 500
"""Beyond these a map is a program's work, and comparing each entry with each pattern would take minutes."""


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key, stars, entry in written_placements(data):
        yield from _check_placement(data, key, entry, stars)
    yield from _check_hidden(section(data, *_MAP))
    yield from _check_agreement(data)
    for key, pool in written_pools(data):
        yield from check_organization_id(data, (*key, "organization"), known_text(pool, "organization"))


def written_placements(data: Mapping[str, Any]) -> Iterator[tuple[Key, int, Mapping[str, Any]]]:
    """The entries of `map` and `default`, each with its key and the number of its pattern's stars."""
    for name in section(data, *_MAP):
        entry = section(data, *_MAP, name)
        if entry:
            yield (*_MAP, name), name.count("*"), entry
    default = section(data, "organizations", "default")
    if default:
        yield ("organizations", "default"), 0, default


def verified_domains(data: Mapping[str, Any]) -> frozenset[str]:
    """The domains that the plan calls verified, for whichever organization, in lower case."""
    connections = [section(data, "oauth_providers", name, "connection") for name in section(data, "oauth_providers")]
    named = [*connections, *(entry for _, _, entry in written_placements(data))]
    domains = [one for each in named for one in each.get("domains") or () if isinstance(one, Mapping)]
    return frozenset(str(one.get("domain")).lower() for one in domains if one.get("state") == "verified")


def fits(entry: str, name: str) -> bool:
    """Whether an entry of `map` is for that group, value or pool."""
    try:
        return bool(compile_pattern(wildcards(entry)).fullmatch(name))
    except InvalidPattern:  # half a character, which no group and no value has
        return False


def check_organization_id(data: Mapping[str, Any], key: Key, external_id: str | None) -> Iterator[Fault]:
    """WorkOS's limits on an external ID."""
    limit = external_id_limit(data)
    if external_id is None:
        return
    if not re.fullmatch(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", external_id):
        wrong = f"{dotted(key)} is {shown(external_id)}, which is no external ID of an organization"
        yield Fault("invalid_value", key, wrong, "write it in ASCII, with no space around it")
    elif len(external_id) > limit:
        wrong = f"{dotted(key)} has {len(external_id)} characters, and WorkOS takes {limit}"
        yield Fault("external_id_too_long", key, wrong, "shorten it")


def _check_placement(data: Mapping[str, Any], key: Key, entry: Mapping[str, Any], stars: int) -> Iterator[Fault]:
    for name in ("organization", "organization_name"):
        text = known_text(entry, name)
        if text is not None:
            yield from _check_places((*key, name), text, stars)
    organization = known_text(entry, "organization")
    if organization is not None and not re.search("[{}]", organization):
        yield from check_organization_id(data, (*key, "organization"), organization)
    if "role" in entry and "roles" in entry:
        yield Fault("two_sources", (*key, "roles"), f"{dotted(key)} has both role and roles", "keep one of them")
    yield from check_domains((*key, "domains"), entry.get("domains") or ())
    yield from _check_metadata(data, (*key, "metadata"), section(entry, "metadata"))


def _check_places(key: Key, text: str, stars: int) -> Iterator[Fault]:
    """{1}, {2} … stand for the stars of the entry's pattern, and nothing else stands in braces."""
    names = PLACEHOLDER.findall(text)
    right = "{1} is what the pattern's first star stands for"
    if re.search("[{}]", PLACEHOLDER.sub("", text)):
        yield Fault("invalid_template", key, f"{dotted(key)} has a brace without its partner", right)
    for name in dict.fromkeys(names):
        number = int(name) if re.fullmatch("[0-9]{1,3}", name) else 0
        if not number:
            wrong = f"{dotted(key)} has {shown('{' + name + '}')}, which stands for nothing"
        elif number > stars:
            count = f"{stars} {'star' if stars == 1 else 'stars'}" if stars else "no star"
            wrong = f"{dotted(key)} has {{{name}}}, and its pattern has {count}"
        else:
            continue
        yield Fault("invalid_template", key, wrong, right)


def _check_metadata(data: Mapping[str, Any], key: Key, metadata: Mapping[str, Any]) -> Iterator[Fault]:
    for name in metadata:
        place = (*key, name)
        yield from check_metadata_key(place, name)
        text = known_text(metadata, name)
        if text is None:
            continue
        if re.search(r"\{[0-9]+\}", text):
            wrong = (
                f"{dotted(place)} is {shown(text)}: only organization and organization_name take parts of the pattern"
            )
            yield Fault("invalid_template", place, wrong, "write the value itself")
        elif not text.isascii():
            wrong = f"{dotted(place)} is not ASCII, and WorkOS takes nothing else in metadata"
            yield Fault("metadata_not_ascii", place, wrong, "write it in ASCII")
        elif len(text) > _LIMITS.metadata_value_length:
            wrong = f"{dotted(place)} has {len(text)} characters, and WorkOS takes {_LIMITS.metadata_value_length}"
            yield Fault("metadata_too_long", place, wrong, "shorten it")
    limit = section(data, "destination", "workos", "limits").get("metadata_keys", _LIMITS.metadata_keys)
    if isinstance(limit, int) and len(metadata) > limit:
        wrong = f"{dotted(key)} has {len(metadata)} keys, and destination.workos.limits.metadata_keys is {limit}"
        right = "give fewer, or raise the limit if your environment takes more"
        yield Fault("metadata_limit", key, wrong, right, at_key=True)


def _check_hidden(entries: Mapping[str, Any]) -> Iterator[Fault]:
    """An entry that an earlier pattern leaves nothing for: the first that fits counts."""
    before: list[tuple[str, Pattern]] = []
    for name in entries:
        probe = name.replace("*", _ANYTHING)
        first = next((pattern for pattern, compiled in before if compiled.fullmatch(probe)), None)
        if first is not None:
            key = (*_MAP, name)
            wrong = f"{dotted(key)} does nothing: {shown(first)} before it fits all that it fits"
            yield Fault("no_effect", key, wrong, "move it up, or leave it out", at_key=True)
        elif "*" in name and len(before) < _MOST_PATTERNS:
            try:
                before.append((name, compile_pattern(wildcards(name))))
            except InvalidPattern:  # half a character, which no group and no value has
                continue


def _check_agreement(data: Mapping[str, Any]) -> Iterator[Fault]:
    """One organization has one name and one value of a metadata key, whoever names it."""
    said: dict[tuple[str, ...], tuple[str, Key]] = {}
    for key, organization, entry in _named(data):
        told: list[tuple[tuple[str, ...], Key, Any]] = []
        told.append((("name",), (*key, "organization_name"), entry.get("organization_name")))
        metadata = section(entry, "metadata")
        told += [(("metadata", name), (*key, "metadata", name), value) for name, value in metadata.items()]
        for what, place, value in told:
            if not isinstance(value, str) or isinstance(value, Opaque):
                continue
            first, where = said.setdefault((organization, *what), (value, place))
            # Two connections may name one organization twice, as they always might: the first name counts.
            if first != value and not place[0] == where[0] == "oauth_providers":
                wrong = f"{dotted(place)} is {shown(value)}, but {dotted(where)} is {shown(first)}"
                yield Fault("contradiction", place, wrong, f"the organization {shown(organization)} has one: keep it")


def _named(data: Mapping[str, Any]) -> Iterator[tuple[Key, str, Mapping[str, Any]]]:
    """Whatever names an organization by its whole external ID, with that."""
    written = [(key, entry) for key, _, entry in written_placements(data)]
    for name in section(data, "oauth_providers"):
        key: Key = ("oauth_providers", name, "connection")
        written.append((key, section(data, *key)))
    for key, entry in written:
        organization = known_text(entry, "organization")
        if organization is not None and "{" not in organization:
            yield key, str(organization), entry
