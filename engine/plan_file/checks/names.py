"""Names of Cognito attributes that no pool can have; whether one that could be is there, only the pool can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.model.attribute_names import CAMEL_CASE_VERIFIED, STANDARD
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.pools import written_sections
from engine.plan_file.references import Opaque
from engine.plan_file.section import entries, known_items, section

_CUSTOM = re.compile(r"(dev:)?custom:", re.IGNORECASE)
_BRACES = re.compile(r"[{}]")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
"""An attribute in a template."""


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key, attributes in written_sections(data, "attributes"):
        for name, one in attributes.items():
            if name != "metadata":
                yield from _check_mapping((*key, name), one)
        for name, one in section(attributes, "metadata").items():
            yield from _check_mapping((*key, "metadata", name), one)
    for key, filters in written_sections(data, "filters"):
        yield from _check_filters(key, filters)
        for at, cohort in entries(filters, "cohorts"):
            yield from _check_filters((*key, "cohorts", at), cohort)
    yield from _check_name(("organizations", "attribute"), section(data, "organizations").get("attribute"))


def can_be_named(name: str) -> bool:
    """Whether a plan may name an attribute so."""
    return not _BRACES.search(name) and _meant(name) is None


def _check_filters(key: Key, filters: Mapping[str, Any]) -> Iterator[Fault]:
    for at, test in entries(filters, "attributes"):
        yield from _check_name((*key, "attributes", at, "name"), test.get("name"))


def _check_mapping(key: Key, mapping: Any) -> Iterator[Fault]:
    if not isinstance(mapping, Mapping):
        yield from _check_name(key, mapping)
        return
    yield from _check_name((*key, "from"), mapping.get("from"))
    if isinstance(mapping.get("from"), list):
        for at, name in known_items(mapping, "from"):
            yield from _check_name((*key, "from", at), name)
    yield from _check_name((*key, "split"), mapping.get("split"))
    template = mapping.get("template")
    if isinstance(template, str) and not isinstance(template, Opaque):
        for name in PLACEHOLDER.findall(template):
            meant = _meant(name)
            if meant is not None and not re.search(r"\s", name):
                wrong = f"{dotted((*key, 'template'))} has {shown('{' + name + '}')}, and Cognito has no such attribute"
                yield Fault("unknown_attribute", (*key, "template"), wrong, f"did you mean {{{meant}}}?")


def _check_name(key: Key, name: Any) -> Iterator[Fault]:
    if not isinstance(name, str) or isinstance(name, Opaque):
        return
    meant = _meant(name)
    of_test = key[-1] == "name" and isinstance(key[-2], int)
    if _BRACES.search(name):
        right = "name one attribute" if of_test else 'a template stands under template: {template: "…"}'
    elif meant is not None:
        right = f"did you mean {meant}?"
    else:
        return
    wrong = f"{dotted(key)} is {shown(name, key)}, and no Cognito attribute can be called that"
    yield Fault("unknown_attribute", key, wrong, right)


def _meant(name: str) -> str | None:
    """The name that was meant by one that cannot be; None for one that can."""
    tight = re.sub(r"\s", "", name)
    custom = _CUSTOM.match(tight)
    if custom is not None:
        meant = custom[0].lower() + tight[custom.end() :]
    else:
        folded = _folded(tight)
        meant = next((one for one in STANDARD if _folded(one) == folded), tight)
    return None if name in (meant, CAMEL_CASE_VERIFIED) else meant


def _folded(name: str) -> str:
    return re.sub(r"[-_]", "", name).lower()
