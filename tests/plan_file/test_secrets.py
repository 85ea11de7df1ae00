"""Secrets in the plan file: refused, and never repeated.

A fault reads `code|line:column: wrong; right`; the least plan ends in line 9.
"""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plan_file.plan_text import LEAST, more, workos

Faults = Callable[..., list[str]]

SECRETS: list[tuple[str | bytes, list[str]]] = [
    (
        LEAST.replace("${KEY}", "sk_live_literalkey"),
        [
            "literal_secret|8:14: destination.workos.api_key holds a literal key; write ${WORKOS_API_KEY} and set WORKOS_API_KEY in the environment; take a key that was committed out of use",
        ],
    ),
    (
        LEAST.replace("${KEY}", "plainword"),
        [
            "literal_secret|8:14: destination.workos.api_key holds a literal key; write ${WORKOS_API_KEY} and set WORKOS_API_KEY in the environment; take a key that was committed out of use",
        ],
    ),
    (
        LEAST.replace("${KEY}", "Bearer ${KEY}"),
        [
            "literal_secret|8:14: destination.workos.api_key holds a literal key; write ${WORKOS_API_KEY} and set WORKOS_API_KEY in the environment; take a key that was committed out of use",
        ],
    ),
    (
        LEAST.replace("${KEY}", "12345"),
        [
            "literal_secret|8:14: destination.workos.api_key holds a literal key; write ${WORKOS_API_KEY} and set WORKOS_API_KEY in the environment; take a key that was committed out of use",
        ],
    ),
    (
        LEAST.replace("${KEY}", ""),
        [
            "wrong_type|8:5: destination.workos.api_key must be text, found nothing; for example ${WORKOS_API_KEY}",
        ],
    ),
    (
        LEAST.replace("${KEY}", "[sk_live_literalkey]"),
        [
            "wrong_type|8:5: destination.workos.api_key must be text, found a list; for example ${WORKOS_API_KEY}",
            "literal_secret|8:15: destination.workos.api_key[0] holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use",
        ],
    ),
    (
        LEAST.replace("${KEY}", "${key-x}"),
        [
            "invalid_reference|8:14: destination.workos.api_key has a ${ that begins no reference; write ${NAME}, or $${ for a plain ${",
        ],
    ),
    (
        LEAST.replace("${KEY}", "$${KEY}"),
        [
            "literal_secret|8:14: destination.workos.api_key holds a literal key; write ${WORKOS_API_KEY} and set WORKOS_API_KEY in the environment; take a key that was committed out of use",
        ],
    ),
    (
        more("keep_snapshot: sk_live_literalkey\n"),
        [
            "literal_secret|10:16: keep_snapshot holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use",
        ],
    ),
    (
        more("sk_live_literalkey: 1\n"),
        [
            "unknown_key|10:1: unknown key [secret]; known here: version, name, source, destination, filters, attributes, duplicates, existing_users, decisions, oauth, oauth_providers, organizations, disabled, left, no_email, placeholder, password_reset, mfa, safety, state, keep_snapshot",
        ],
    ),
    (
        more("mfa: AKIAABCDEFGHIJKLMNOP\n"),
        [
            "literal_secret|10:6: mfa holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use",
        ],
    ),
    (
        more("state: {path: postgresql://u:hunter2pw@h/d}\n"),
        [
            "literal_secret|10:15: state.path holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use",
        ],
    ),
    (
        workos("base_url: https://u:hunter2pw@h"),
        [
            "literal_secret|10:15: destination.workos.base_url holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use",
        ],
    ),
    (
        workos("apikey: sk_live_literalkey"),
        [
            "unknown_key|10:5: unknown key destination.workos.apikey; did you mean api_key?",
            "literal_secret|10:13: destination.workos.apikey holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use",
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), SECRETS)
def test_literal_secret(text: str | bytes, faults: list[str], faults_of: Faults) -> None:
    assert faults_of(text) == faults
