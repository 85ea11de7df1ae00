"""Attribute names that the plan writes, held against schema and users: plan, apply, verify, validate --pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import pool_source
from tests.support.cognito import make_moto_pool
from tests.support.records import record, write_records

COMMANDS = [("plan", "plan.yaml"), ("apply", "plan.yaml"), ("verify", "plan.yaml"), ("validate", "plan.yaml", "--pool")]
ANN = record("ann", email="ann@x.co", email_verified="true", given_name="Ann", **{"custom:plan": "pro"})
BOB = record("bob", email="bob@x.co", email_verified="true", **{"custom:plan": "free", "custom:tenant": "acme"})


def exported(world: World, *users: dict[str, Any], **sections: str) -> World:
    """These users in a file, and a plan for them."""
    source = write_records(world.plan.parent, users or (ANN, BOB))
    world.write_plan(source, **sections)
    return world


def place_of(world: World, word: str) -> str:
    """Where a word stands in the plan file, as messages say it."""
    lines = world.plan.read_text().splitlines()
    at = next(at for at, text in enumerate(lines) if word in text)
    return f"plan.yaml:{at + 1}:{lines[at].index(word) + 1}"


MISSPELT = [
    (
        {"attributes": "{metadata: {plan: 'custom:plna'}}"},
        'attributes.metadata.plan names the attribute "custom:plna", which no user in the export files has; did you '
        "mean custom:plan? or write optional: true in the mapping if no user needs to have it",
        "'custom:plna'",
    ),
    (
        {"attributes": "{metadata: {plan: {from: [locale, 'custom:Plan']}}}"},
        'attributes.metadata.plan.from[1] names the attribute "custom:Plan", which no user in the export files has; '
        "did you mean custom:plan? or write optional: true in the mapping if no user needs to have it",
        "'custom:Plan'",
    ),
    (
        {"attributes": "{last_name: {template: '{given_name} {familiy_name}'}}"},
        'attributes.last_name.template names the attribute "familiy_name", which no user in the export files has; did '
        "you mean family_name? or write optional: true in the mapping if no user needs to have it",
        "'{given_name} {familiy_name}'",
    ),
    (
        {"attributes": "{metadata: {via: identities.provder}}"},
        'attributes.metadata.via names the attribute "identities.provder", which no user in the export files has; did '
        "you mean identities.provider? or write optional: true in the mapping if no user needs to have it",
        "identities.provder",
    ),
    (
        {"filters": "{attributes: [{name: tenant, in: [acme]}]}"},
        'filters.attributes[0].name names the attribute "tenant", which no user in the export files has; did you mean '
        "custom:tenant?",
        "tenant",
    ),
    (
        {"filters": "{attributes: [{name: 'custom:xyz', exists: false}]}"},
        'filters.attributes[0].name names the attribute "custom:xyz", which no user in the export files has; correct '
        "the name, or take the filter out",
        "'custom:xyz'",
    ),
    (
        {"organizations": "{from: attribute, attribute: 'custom:tenent', unmapped: create}"},
        'organizations.attribute names the attribute "custom:tenent", which no user in the export files has; did you '
        "mean custom:tenant?",
        "'custom:tenent'",
    ),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
@pytest.mark.parametrize(("sections", "message", "word"), MISSPELT, ids=lambda one: str(one)[:40])
def test_a_misspelt_name_is_an_error_with_its_place(
    command: tuple[str, ...],
    sections: dict[str, str],
    message: str,
    word: str,
    world: World,
    nothing_happens: Callable[..., None],
) -> None:
    exported(world, **sections)
    nothing_happens(world, [f"{place_of(world, word)}: {message}"], *command)
    (error,) = world.cli(*command, "--json").json("error.v1")["errors"]
    assert error["code"] == "unknown_attribute"


def test_validate_contacts_nobody_unless_it_is_told_to(world: World) -> None:
    exported(world, attributes="{metadata: {plan: 'custom:plna'}}")
    (world.plan.parent / "users.jsonl").unlink()
    assert world.cli("validate", "plan.yaml").code == 0
    ended = world.cli("validate", "plan.yaml", "--pool")
    assert ended.code == 1 and "users.jsonl" in ended.err


def test_an_optional_name_passes_and_a_standard_one_that_nobody_has_is_a_warning(world: World) -> None:
    exported(
        world, attributes="{metadata: {plan: {from: custom:plna, optional: true}, town: locale, made: {const: here}}}"
    )
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == 0, ended.said
    told = 'attributes.metadata.town names the attribute "locale", which no user of the pool has'
    assert ended.json("result.v1")["warnings"] == [f"{place_of(world, 'locale')}: {told}"]
    assert {one["metadata"]["made"] for one in world.users().values()} == {"here"}
    (warning,) = world.cli("validate", "plan.yaml", "--pool", "--json").json("validate.v1")["warnings"][1:]
    assert (warning["code"], warning["message"]) == ("unfilled_attribute", told)
    assert told in world.cli("verify", "plan.yaml").err


def test_the_plans_own_defaults_are_held_against_nothing(world: World) -> None:
    exported(world, record("ann", email="ann@x.co"))
    assert world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["warnings"] == []


@pytest.fixture
def live(world: World, moto: str) -> Callable[..., World]:
    """A pool in moto whose schema has custom:plan and custom:spare, and a plan for it."""

    def make(*users: dict[str, Any], **sections: str) -> World:
        world.endpoint = moto
        world.pool_id = make_moto_pool(moto, list(users), custom=("plan", "spare"))
        world.write_plan(pool_source(moto, world.pool_id), **sections)
        return world

    return make


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_a_live_pools_schema_counts(
    command: tuple[str, ...], live: Callable[..., World], nothing_happens: Callable[..., None]
) -> None:
    world = live(ANN, attributes="{metadata: {a: 'custom:spare', b: 'custom:spear'}}")
    message = (
        'attributes.metadata.b names the attribute "custom:spear", which neither the pool\'s schema nor any user has; '
        "did you mean custom:spare? or write optional: true in the mapping if no user needs to have it"
    )
    nothing_happens(world, [f"{place_of(world, chr(39) + 'custom:spear')}: {message}"], *command)


def test_in_the_schema_and_filled_by_nobody_is_a_warning(live: Callable[..., World]) -> None:
    world = live(ANN, attributes="{metadata: {a: 'custom:spare', b: 'custom:plan'}}")
    (warning,) = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["warnings"]
    assert warning.endswith('attributes.metadata.a names the attribute "custom:spare", which no user of the pool has')


def test_a_pool_without_users_lacks_only_what_its_schema_lacks(live: Callable[..., World]) -> None:
    world = live(attributes="{metadata: {a: 'custom:spare'}}")
    assert world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["warnings"] == []
    world = live(attributes="{metadata: {a: 'custom:spear'}}")
    assert world.cli("plan", "plan.yaml").code == 1


def test_each_pool_has_names_of_its_own(world: World) -> None:
    """What the plan says for several pools must be in one of them; a pool's own section in that pool."""
    eu, us = (write_records(world.plan.parent, (one,), name) for name, one in (("eu", ANN), ("us", BOB)))
    pools = [f"  - {{name: {name}, {text.strip()}%s}}" for name, text in (("eu", eu), ("us", us))]

    def write(own: str = "", **sections: str) -> None:
        world.write_plan(f"{pools[0] % ''}\n{pools[1] % own}", **sections)

    write(attributes="{metadata: {plan: 'custom:plan', tenant: 'custom:tenant'}}")
    (warning,) = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["warnings"]
    assert warning.endswith(
        'attributes.metadata.tenant names the attribute "custom:tenant", which no user of pool eu has'
    )
    write(", attributes: {metadata: {who: given_nam}}", attributes="{metadata: {plan: 'custom:tenant'}}")
    # The pool's own section takes the plan's place: custom:tenant is then for eu alone, which lacks it.
    for command in COMMANDS:
        errors = world.cli(*command, "--json").errors()
        assert [one.split(": ", 1)[1].partition("; ")[0] for one in errors] == [
            'attributes.metadata.plan names the attribute "custom:tenant", which no user in the export files has',
            'source[1].attributes.metadata.who names the attribute "given_nam", which no user in the export files has',
        ]
    write(", filters: {attributes: [{name: 'custom:tenant', exists: true}]}", attributes="{metadata: {a: given_name}}")
    planned = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")
    assert [one.rpartition(", ")[2] for one in planned["warnings"]] == ["which no user of pool us has"]
    assert planned["users"]["create"] == 2


def test_validate_needs_no_key_of_workos_for_it(live: Callable[..., World]) -> None:
    world = live(ANN, attributes="{metadata: {plan: 'custom:plan'}}")
    ended = world.cli("validate", "plan.yaml", "--pool", WORKOS_API_KEY="")
    assert ended.code == 0, ended.said
    assert "plan.yaml: valid" in ended.err
