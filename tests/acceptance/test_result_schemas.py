"""schemas/: each is sound and strict, and describes all that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.run.results import APPLIED, PLANNED
from tests.support.cli import ROOT

RESULTS = sorted(path for path in (ROOT / "schemas").glob("*.json") if not path.name.startswith("plan.v1"))
# Of a status: results that an earlier version stored lack what came later.
# And of plans with one pool, or none without an address.
OPTIONAL = {
    "listed", "username", "email", "unverified_address", "pool", "pools", "cognito_pool", "placeholder",
}  # fmt: skip


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name.removesuffix(".schema.json"))
def test_schema_is_sound_strict_and_described(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    name = path.name.removesuffix(".schema.json")
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:cognito-workos-migrate:schema:{name}"
    assert schema["properties"]["schema"]["const"] == name
    optional = OPTIONAL - {"pool"} if name == "report.v1" else OPTIONAL
    if name == "ids-of-resources.v1":
        # Of memberships alone.
        optional = optional | {"cognito_sub", "workos_user_id", "workos_membership_id", "roles"}
    if name in ("result.v1", "plan-result.v1", "status.v1"):
        # Where somebody waits, or the plan has waves.
        optional = optional | {"waiting", "canary", "waves"}
    if name == "verify.v1":
        # Where the plan has organizations, or waves.
        optional = optional | {"organizations", "memberships", "organization", "waves", "pending"}
    if name == "result.v1":
        # Under --every.
        optional = optional | {"rounds"}
    if name in ("plan-result.v1", "change.v1", "explain.v1", "verify.v1"):
        # With --values.
        optional = optional | {"old", "new", "value", "wanted", "held"}
    for part in objects(schema):
        assert part["additionalProperties"] is False
        assert set(part["required"]) == part["properties"].keys() - optional
        assert all(one.get("description") or "$ref" in one for one in part["properties"].values())


def test_the_figures_are_those_of_the_contract() -> None:
    applied = json.loads((ROOT / "schemas" / "result.v1.schema.json").read_text())
    planned = json.loads((ROOT / "schemas" / "plan-result.v1.schema.json").read_text())
    assert applied["properties"]["users"]["required"] == list(APPLIED)
    assert planned["properties"]["users"]["required"] == list(PLANNED)
    assert len(APPLIED) == 9


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object with named properties."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema
        for one in schema.values():
            yield from objects(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from objects(one)
