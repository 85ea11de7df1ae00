"""Filters that could let nobody through, or that do not compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.model.patterns import InvalidPattern, compile_pattern
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.section import entries, known_text, section
from engine.plan_file.values import parse_moment

_CREATED: Key = ("filters", "created")


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _check_created(section(data, *_CREATED))
    yield from _check_groups(section(data, "filters", "groups"))
    for at, test in entries(section(data, "filters"), "attributes"):
        for name in ("matches", "not_matches"):
            pattern = known_text(test, name)
            if pattern is not None:
                yield from _check_pattern(("filters", "attributes", at, name), pattern)


def _check_created(created: Mapping[str, Any]) -> Iterator[Fault]:
    moments: dict[str, datetime] = {}
    for name in ("after", "before"):
        text = known_text(created, name)
        if text is None:
            continue
        try:
            moments[name] = parse_moment(text)
        except ValueError:
            key = (*_CREATED, name)
            wrong = f"{dotted(key)} is {shown(created[name])}, which no calendar has"
            yield Fault("invalid_value", key, wrong, "write a date: 2020-01-01")
    if len(moments) == 2 and moments["after"] >= moments["before"]:
        wrong = f"{dotted(_CREATED)} is an empty range: after is not earlier than before"
        yield Fault("empty_range", (*_CREATED, "after"), wrong, "swap the two, or leave one out")


def _check_groups(groups: Mapping[str, Any]) -> Iterator[Fault]:
    barred = {one for one in groups.get("none") or () if isinstance(one, str)}
    for at, group in enumerate(groups.get("any") or ()):
        if isinstance(group, str) and group in barred:
            key = ("filters", "groups", "any", at)
            wrong = f"the group {shown(group)} stands under any and under none"
            yield Fault("contradiction", key, wrong, "keep one of the two")


def _check_pattern(key: Key, pattern: str) -> Iterator[Fault]:
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        wrong = f"{dotted(key)} is no regular expression that can be used: {error}"
        right = (
            "RE2's syntax: no look-around or back-references (not_matches excludes), \\z for the end; "
            "in single quotes YAML leaves \\ alone"
        )
        yield Fault("invalid_regex", key, wrong, right)
