"""Texts that are no plan file as YAML, each with its exact fault.

A fault reads `code|line:column: wrong; right`; the least plan ends in line 9.
"""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.plan_file.loader import LoadedPlan
from tests.plan_file.plan_text import more

Faults = Callable[..., list[str]]

# Nine levels of ten aliases: a thousand million values from ten lines.
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + below] * 10)}]\n" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)

NOT_YAML: list[tuple[str | bytes, list[str]]] = [
    (
        b"",
        [
            "empty|1:1: the plan file is empty; begin with: version: 1",
        ],
    ),
    (
        b"# only a comment\n",
        [
            "empty|1:1: the plan file is empty; begin with: version: 1",
        ],
    ),
    (
        "- a\n",
        [
            "not_a_mapping|1:1: the plan file must be a mapping, found a list; begin with: version: 1",
        ],
    ),
    (
        "hello\n",
        [
            'not_a_mapping|1:1: the plan file must be a mapping, found the text "hello"; begin with: version: 1',
        ],
    ),
    (
        b"a: b\nc: \xe9\n",
        [
            "not_utf8|2:4: the file is not UTF-8 text; save it as UTF-8",
        ],
    ),
    (
        more("a: {b: ${X}}\n"),
        [
            "not_yaml|10:9: not valid YAML: did not find expected ',' or '}'; put the reference in quotes: inside { } and [ ] YAML needs them",
        ],
    ),
    (
        more("\tx: 1\n"),
        [
            "not_yaml|10:1: not valid YAML: found a tab character that violates indentation; indent with spaces, not with tabs",
        ],
    ),
    (
        more("x: @a\n"),
        [
            "not_yaml|10:4: not valid YAML: found character that cannot start any token; put the value in quotes: it begins with @",
        ],
    ),
    (
        more("x: a: b\n"),
        [
            "not_yaml|10:5: not valid YAML: mapping values are not allowed in this context; put the value in quotes if it holds a colon",
        ],
    ),
    (
        more("x: [\n"),
        [
            "not_yaml|11:1: not valid YAML: did not find expected node content; check quotes, brackets and the indentation above this place",
        ],
    ),
    (
        more("x: \x07\n"),
        [
            "not_yaml|10:4: not valid YAML: it holds U+0007; remove that character",
        ],
    ),
    (
        more("? [a]\n: b\n"),
        [
            "complex_key|10:3: a list or mapping stands as a key; keys are plain words",
        ],
    ),
    (
        more("mfa: !!python/object:os.system {}\n"),
        [
            "wrong_type|10:1: mfa must be text, found a mapping; for example ignore",
            'tag|10:6: the tag "tag:yaml.org,2002:python/object:os.system" is not allowed; remove it: plain values only',
        ],
    ),
    (
        more("<<: {a: b}\n"),
        [
            "merge_key|10:1: the merge key << is not supported; write the keys out",
        ],
    ),
    (
        more("x: &a [*a]\n"),
        [
            'alias|10:8: the alias "*a" contains itself; write the value out',
        ],
    ),
    (
        more("x: *a\n"),
        [
            'alias|10:4: the alias "*a" stands for nothing; write the value out',
        ],
    ),
    (
        more("---\nversion: 1\n"),
        [
            "many_documents|10:1: a second document begins here; one plan a file: remove the ---",
        ],
    ),
    (
        more("name: b\n"),
        [
            'duplicate_key|10:1: the key "name" stands twice in one mapping, first in line 2; keep one of the two',
        ],
    ),
    (
        "[" * 500,
        [
            "too_deep|1:41: more than 40 levels; no plan file nests that deep",
        ],
    ),
    (
        BOMB,
        [
            "alias_bomb|4:17: aliases stand for more than 5,000 values; write the values out instead of nesting aliases",
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), NOT_YAML)
def test_unreadable_text(text: str | bytes, faults: list[str], faults_of: Faults) -> None:
    assert faults_of(text) == faults


def test_nesting_that_the_parser_itself_refuses(faults_of: Faults) -> None:
    # libyaml gives up at 1,000 levels from version 0.2.6 on, before any event has come.
    (fault,) = faults_of(b"[" * 5000)
    assert fault.startswith("too_deep|1:") and fault.endswith("more than 40 levels; no plan file nests that deep")


def test_a_merge_key_in_quotes_is_a_name(load_text: Callable[..., LoadedPlan]) -> None:
    providers = load_text(more('oauth_providers: {"<<": {fallback: skip}}\n')).spec.providers
    assert list(providers or {}) == ["<<"]
