"""Filters that could let nobody through, or that do not compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from engine.model.patterns import InvalidPattern, compile_pattern
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.pools import OF_PEOPLE, written_sections
from engine.plan_file.section import entries, known_text, section
from engine.plan_file.values import parse_moment


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    for key, filters in written_sections(data, "filters"):
        yield from _check_created((*key, "created"), section(filters, "created"))
        yield from _check_groups((*key, "groups", "any"), section(filters, "groups"))
        yield from _check_patterns(key, filters)
        if key[0] == "source":
            yield from _check_own(key, filters)
    yield from _check_cohorts(("filters", "cohorts"), section(data, "filters"))


def _check_own(key: Key, filters: Mapping[str, Any]) -> Iterator[Fault]:
    for name in OF_PEOPLE:
        if name in filters:
            wrong = f"{dotted((*key, name))} is about people, and one person may have records in several pools"
            yield Fault(
                "contradiction", (*key, name), wrong, f"write it under filters.{name}, for all pools", at_key=True
            )


def _check_created(key: Key, created: Mapping[str, Any]) -> Iterator[Fault]:
    moments: dict[str, datetime] = {}
    for name in ("after", "before"):
        text = known_text(created, name)
        if text is None:
            continue
        try:
            moments[name] = parse_moment(text)
        except ValueError:
            yield _no_date((*key, name), text)
    if len(moments) == 2 and moments["after"] >= moments["before"]:
        wrong = f"{dotted(key)} is an empty range: after is not earlier than before"
        yield Fault("empty_range", (*key, "after"), wrong, "swap the two, or leave one out")


def _no_date(key: Key, text: str) -> Fault:
    wrong = f"{dotted(key)} is {shown(text)}, which no calendar has"
    return Fault("invalid_value", key, wrong, "write a date: 2020-01-01")


def _check_groups(key: Key, groups: Mapping[str, Any]) -> Iterator[Fault]:
    barred = {one for one in groups.get("none") or () if isinstance(one, str)}
    for at, group in enumerate(groups.get("any") or ()):
        if isinstance(group, str) and group in barred:
            wrong = f"the group {shown(group)} stands under any and under none"
            yield Fault("contradiction", (*key, at), wrong, "keep one of the two")


def _check_cohorts(key: Key, filters: Mapping[str, Any]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    everybody: int | None = None
    for at, cohort in entries(filters, "cohorts"):
        name = known_text(cohort, "name")
        if name is not None and first.setdefault(str(name), at) != at:
            wrong = f"{dotted((*key, at, 'name'))} is {shown(name)}, as {dotted((*key, first[name], 'name'))} is"
            yield Fault("duplicate_cohort", (*key, at, "name"), wrong, "give each a name of its own")
        if everybody is not None:
            wrong = f"{dotted((*key, at))} does nothing: everybody is in {dotted((*key, everybody))} already"
            yield Fault("no_effect", (*key, at), wrong, "give that one groups or attributes, or make it the last")
        elif "groups" not in cohort and "attributes" not in cohort:
            everybody = at
        starts = known_text(cohort, "from")
        if starts is not None and not _is_day(starts):
            yield _no_date((*key, at, "from"), starts)
        yield from _check_patterns((*key, at), cohort)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _check_patterns(key: Key, filters: Mapping[str, Any]) -> Iterator[Fault]:
    for at, test in entries(filters, "attributes"):
        for name in ("matches", "not_matches"):
            pattern = known_text(test, name)
            if pattern is not None:
                yield from _check_pattern((*key, "attributes", at, name), pattern)


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
