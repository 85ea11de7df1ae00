"""The schemas: complete for editors, true to their own examples, and in step with the loader."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.plan_file.loader import LoadedPlan
from engine.plan_file.schema import PLAN, example_at, load_schema, plan_schema_text, schema_at
from tests.plan_file.plan_text import LEAST, more, workos

SCHEMAS = ("plan.v1", "error.v1")


def nodes(schema: Any, where: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every subschema with its path."""
    if isinstance(schema, dict):
        yield where, schema
        for key, value in schema.items():
            if key not in {"examples", "default", "enum", "const", "required"}:
                yield from nodes(value, f"{where}/{key}")
    elif isinstance(schema, list):
        for at, value in enumerate(schema):
            yield from nodes(value, f"{where}/{at}")


def properties(name: str) -> list[Any]:
    return [
        pytest.param(name, one, id=f"{name}{where}/{key}")
        for where, node in nodes(load_schema(name))
        if isinstance(node.get("properties"), dict)
        for key, one in node["properties"].items()
    ]


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_one(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(name)


@pytest.mark.parametrize(("name", "schema"), [*properties("plan.v1"), *properties("error.v1")])
def test_each_property_is_described_and_true_to_its_examples(name: str, schema: dict[str, Any]) -> None:
    assert schema["description"].endswith((".", ":"))
    assert schema["examples"]
    validator = Draft202012Validator({**schema, "$defs": load_schema(name)["$defs"]})
    shown = [*schema["examples"], *([schema["default"]] if "default" in schema else [])]
    assert [list(validator.iter_errors(one)) for one in shown] == [[] for _ in shown]


@pytest.mark.parametrize("name", SCHEMAS)
def test_keys_are_closed(name: str) -> None:
    for where, node in nodes(load_schema(name)):
        if node.get("type") == "object":
            assert "additionalProperties" in node, where
            assert ("properties" in node) == (node["additionalProperties"] is False), where


def test_required_at_the_top() -> None:
    assert load_schema("plan.v1")["required"] == ["version", "name", "source", "destination"]


def test_plan_schema_text_is_the_schema() -> None:
    assert json.loads(plan_schema_text()) == load_schema("plan.v1")


def test_unknown_schema() -> None:
    with pytest.raises(FileNotFoundError):
        load_schema("nope.v9")


def test_look_ups_follow_references_and_alternatives() -> None:
    assert schema_at(("filters", "attributes", 3, "exists"))["type"] == "boolean"
    assert example_at(("attributes", "metadata", "x", "from")) == "custom:tier"
    assert schema_at(("nowhere", "at", 5, "all")) == {}


CONTRACT = """
oauth: {require: false, probe: false, allow_hosts: []}
oauth_providers:
  Google: {reuse_credentials: true, client_id: 123-abc.apps.googleusercontent.com}
  SignInWithApple: {reuse_credentials: true}
  Facebook: {fallback: password_reset}
  AcmeOkta: {connection: {organization: acme, organization_name: Acme}, trust_email: true}
organizations:
  from: group
  map:
    acme-admins: {organization: acme, organization_name: Acme, role: admin}
    acme-users: {organization: acme, organization_name: Acme}
  create_missing: true
password_reset:
  strategy: email
  flag: password_reset_pending
  email:
    send: manual
    batch: 500
    every: 1h
    window: {from: "08:00", to: "18:00", days: [mon, tue, wed, thu, fri]}
    timezone: Europe/Berlin
    status: [CONFIRMED, RESET_REQUIRED, FORCE_CHANGE_PASSWORD]
    unverified: false
    locale: en
    deliver: workos
    allow_addresses: ["*@acme.com"]
mfa: report
decisions: [{sub: a, action: adopt, user_id: user_1, because: asked}]
state: {path: "s3://bucket/key"}
"""


def test_the_contracts_later_sections_fit_the_schema() -> None:
    validator = Draft202012Validator(load_schema("plan.v1"))
    data = {**yaml.safe_load(LEAST), **yaml.safe_load(CONTRACT)}
    assert list(validator.iter_errors(data)) == []


@pytest.mark.parametrize("text", [LEAST, workos("environment: staging"), more("safety: {max_changes: 10%}\n")])
def test_what_loads_fits_the_published_schema(text: str, load_text: Callable[..., LoadedPlan]) -> None:
    load_text(text, resolve=False)
    assert list(Draft202012Validator(load_schema("plan.v1")).iter_errors(yaml.safe_load(text))) == []


def test_the_locales_are_the_sdks() -> None:
    from workos.common.models import CreatePasswordResetTokenLocaleLiteral

    email = load_schema(PLAN)["properties"]["password_reset"]["properties"]["email"]
    assert email["properties"]["locale"]["enum"] == list(get_args(CreatePasswordResetTokenLocaleLiteral))
