"""Secrets in the plan file itself: only references may stand for them. Judges the data as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.model.redaction import looks_secret
from engine.plan_file.fault import Fault, Key, dotted
from engine.plan_file.references import is_broken, is_reference, strings
from engine.plan_file.section import section

API_KEY: Key = ("destination", "workos", "api_key")
_VARIABLE = "WORKOS_API_KEY"


def check(written: Mapping[str, Any]) -> Iterator[Fault]:
    """A fault for every literal that is, or looks like, a secret."""
    api_key = section(written, "destination", "workos").get("api_key")
    # A number is a key that somebody left the quotes off.
    numeric = isinstance(api_key, int | float) and not isinstance(api_key, bool)
    if numeric or (isinstance(api_key, str) and not is_reference(api_key) and not is_broken(api_key)):
        yield _literal(API_KEY, "holds a literal key", _VARIABLE)
    for key, text in strings(written):
        if key != API_KEY and looks_secret(text):
            yield _literal(key, "holds what looks like a secret", "NAME")


def _literal(key: Key, wrong: str, variable: str) -> Fault:
    right = f"write ${{{variable}}} and set {variable} in the environment; take a key that was committed out of use"
    return Fault("literal_secret", key, f"{dotted(key)} {wrong}", right)
