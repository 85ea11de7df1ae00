"""What the commands say as JSON is what they said when the files here were made; keys may be added, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden.scenarios import SCENARIOS

FOLDER = Path(__file__).parent
# Sentences for people, whose words may be mended: compared last.
_SENTENCES = ("message", "remedy", "warnings")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_json_is_the_same(scenario: str, tmp_path: Path) -> None:
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / scenario).iterdir()}
    now = SCENARIOS[scenario](tmp_path)
    assert set(kept) == set(now)
    assert list(_differences(_without_sentences(kept), _without_sentences(now), "")) == []
    # Only then the words: who mended a sentence on purpose makes the files anew, and looks at what git shows.
    assert list(_differences(kept, now, "")) == []


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ({"a": 1, "b": [{"c": None}], "more": 2}, []),
        ({"a": 1, "b": [{"c": None, "more": 3}]}, []),
        ({"a": 2, "b": [{"c": None}]}, ["/a: 1 became 2"]),
        ({"a": True, "b": [{"c": None}]}, ["/a: 1 became True"]),
        ({"b": [{"c": None}]}, ["/a is missing"]),
        ({"a": 1, "b": [{}]}, ["/b/0/c is missing"]),
        ({"a": 1, "b": []}, ["/b: 1 became 0 long"]),
        ({"a": 1, "b": None}, ["/b: [{'c': None}] became None"]),
    ],
)
def test_what_counts_as_a_difference(now: Any, found: list[str]) -> None:
    assert list(_differences({"a": 1, "b": [{"c": None}]}, now, "")) == found


def _differences(kept: Any, now: Any, place: str) -> Iterator[str]:
    if isinstance(kept, dict) and isinstance(now, dict):
        for key, value in kept.items():
            if key in now:
                yield from _differences(value, now[key], f"{place}/{key}")
            else:
                yield f"{place}/{key} is missing"
    elif isinstance(kept, list) and isinstance(now, list):
        if len(kept) != len(now):
            yield f"{place}: {len(kept)} became {len(now)} long"
        for at, (one, other) in enumerate(zip(kept, now, strict=False)):
            yield from _differences(one, other, f"{place}/{at}")
    elif type(kept) is not type(now) or kept != now:
        yield f"{place}: {kept!r} became {now!r}"


def _without_sentences(value: Any) -> Any:
    """Of sentences only whether they are there, and how many."""
    if isinstance(value, dict):
        return {key: _blank(one) if key in _SENTENCES else _without_sentences(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_sentences(one) for one in value]
    return value


def _blank(sentences: Any) -> Any:
    if isinstance(sentences, list):
        return [_blank(one) for one in sentences]
    return sentences if sentences is None else "<sentence>"
