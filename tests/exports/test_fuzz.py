"""No export gives a traceback, hangs or fills the memory: whatever is in it, it is read or refused with its place.

Each case goes all the way into a snapshot: filters, mapping, one person an address.
"""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.exports.files import ExportFiles
from engine.model.errors import SourceError
from engine.plan_file.loader import load
from engine.run.reading import Watch, read_people
from engine.run.sources import Sources
from engine.snapshot import database
from engine.snapshot.identifiers import identifiers
from engine.snapshot.known import fill_known
from engine.views.identifiers import as_csv, as_jsonl, as_sql
from tests.support.cli import export_source, plan_text
from tests.support.cognito import invent_users

USERS = invent_users(6)
PAGE: Any = {"Users": USERS, "PaginationToken": None}
TEXT = json.dumps(PAGE)
# Categories of controls, formats, surrogates, private use, and separators of lines and paragraphs.
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
MOST_MEMORY = 200 << 10  # KiB that a whole suite may grow by
SECTIONS = {
    "filters": "{attributes: [{name: email, not_matches: '@evil'}, {name: name, exists: false}], allow_empty: true}",
    "attributes": "{first_name: {from: given_name, split: name}, metadata: {a: {from: [locale, 'custom:plan'], "
    "map: {x: gold}, default: ö, when_invalid: escape}, b: {template: '{email} {identities.provider}'}, c: address}}",
}

FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=FIXTURE)
# Seeds are printed with what fails; a case that takes seconds counts as a hang.
LONG = settings(max_examples=2000, deadline=timedelta(seconds=10), suppress_health_check=FIXTURE, print_blob=True)

HOSTILE = [
    "", " ", "\x00", "\ud800", "\x1b[2J", "\u202e", "é" * 700, "x" * 3000, "true", "[]", "{", '[{"userId":1}]', "=1+1",
    "2024-13-45", "a@b.co", "A@B.CO ", "\ufeffa@b.co", "a@\u212aate.co", "-", "1e999", "NaN",
    '[{"userId":"1","providerName":"Google","providerType":"Google","primary":"true"}]',
    '[{"userId":[],"providerName":{}}]',
]  # fmt: skip
VALUES: Any = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 10**40, -(2**70), 1e308, float("nan"), float("inf")]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(HOSTILE),
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=20),
    st.dictionaries(st.text(max_size=8), st.text(max_size=5), max_size=3),
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture(autouse=True, scope="module")
def memory_stays() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


def holds(folder: Path, raw: bytes) -> None:
    (folder / "users.json").write_bytes(raw)
    plan = folder / "plan.yaml"
    plan.write_text(plan_text(export_source("users.json"), **SECTIONS), encoding="utf-8")
    spec = load(plan, sandbox=True).spec
    snapshot = folder / "snapshot.db"
    watch = Watch(reading=lambda _: None, listing=lambda _: None, stopping=lambda: False)
    try:
        with closing(database.create(snapshot)) as connection:
            people = read_people(spec, Sources.of(spec, ExportFiles(spec.source)), connection, bytes(32), watch)
            counts = people.source
            assert counts.seen == counts.selected + sum(counts.filtered.values())
            fill_known(connection)
            rows = list(identifiers(connection))
            lines = [*as_csv(rows), *as_jsonl(rows), *as_sql(rows, include_unverified=True)]
            # Unassigned characters are data: which those are depends on Python's Unicode version.
            assert not [char for line in lines for char in line if category(char) in HIDDEN and char != "\n"]
            for row, line in zip(rows, as_jsonl(rows), strict=True):
                assert json.loads(line)["cognito_sub"] == row.sub
    except SourceError as error:
        assert error.code
        assert "\n" not in str(error)


def places(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, child in children:
        yield (*above, step)
        yield from places(child, (*above, step))


def changed(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[place[0]] = changed(data[place[0]], place[1:], value)
    return copy


EDITS: Any = st.lists(st.tuples(st.sampled_from(list(places(PAGE))), VALUES), min_size=1, max_size=4)
CUTS: Any = {"start": st.integers(0, len(TEXT)), "length": st.integers(0, 60), "middle": st.binary(max_size=20)}


def edited(folder: Path, edits: list[tuple[tuple[Any, ...], Any]]) -> None:
    data = PAGE
    for place, value in edits:
        try:
            data = changed(data, place, value)
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # an earlier edit took the place away
    holds(folder, json.dumps(data).encode())


def cut(folder: Path, start: int, length: int, middle: bytes) -> None:
    raw = TEXT.encode()
    holds(folder, raw[:start] + middle + raw[start + length :])


@QUICK
@given(edits=EDITS)
def test_any_value_anywhere(folder: Path, edits: list[tuple[tuple[Any, ...], Any]]) -> None:
    edited(folder, edits)


@QUICK
@given(**CUTS)
def test_bytes_cut_and_spliced(folder: Path, start: int, length: int, middle: bytes) -> None:
    cut(folder, start, length, middle)


@pytest.mark.long
@LONG
@given(edits=EDITS)
def test_any_value_anywhere_often(folder: Path, edits: list[tuple[tuple[Any, ...], Any]]) -> None:
    edited(folder, edits)


@pytest.mark.long
@LONG
@given(**CUTS)
def test_bytes_cut_and_spliced_often(folder: Path, start: int, length: int, middle: bytes) -> None:
    cut(folder, start, length, middle)
