"""Coverage as `migrate plan` shows it, against figures that are counted here without the engine."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from tests.acceptance.conftest import World
from tests.support.records import record, write_records

NAMES = ("given_name", "family_name", "locale", "custom:company", "custom:spare", "custom:tenant", "custom:gone")
SECTIONS = {
    "filters": "{attributes: [{name: 'custom:gone', exists: false}, {name: email, matches: '@x[.]co$'}]}",
    "attributes": """
  metadata:
    company: {from: "custom:company", when_invalid: omit}
    motto: "custom:company"
    where: {from: [locale, "custom:tenant"], default: nowhere}
    made: {const: here}""",
}


def invented(number: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    users = []
    for at in range(number):
        values = {name: chance.choice(("Zoë", "x" * 601, "Acme")) for name in NAMES if chance.random() < 0.4}
        if chance.random() < 0.1:
            values["custom:spare"] = ""
        email = {"email": f"u{at}@{chance.choice(('x.co', 'x.co', 'y.co'))}", "email_verified": "true"}
        users.append(
            record(
                f"u{seed}-{at}",
                status=chance.choice(("CONFIRMED", "CONFIRMED", "UNCONFIRMED")),
                enabled=chance.random() < 0.8,
                **(email if chance.random() < 0.9 else {}),
                **values,
            )
        )
    return users


def values_of(user: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in user["Attributes"] if one["Value"]}


def failed(user: dict[str, Any]) -> list[str]:
    """The filters that a user does not pass, counted by hand."""
    values = values_of(user)
    tests = {
        "status": user["UserStatus"] == "CONFIRMED",
        "enabled": user["Enabled"],
        "attributes[0] custom:gone": "custom:gone" not in values,
        "attributes[1] email": values.get("email", "").endswith("@x.co"),
    }
    return [name for name, passes in tests.items() if not passes]


def check(found: dict[str, Any], users: list[dict[str, Any]]) -> None:
    """One pool's coverage against these records."""
    selected = [values_of(one) for one in users if not failed(one)]
    assert (found["seen"], found["selected"]) == (len(users), len(selected))
    attributes = {one["name"]: one for one in found["attributes"]}
    filled, in_pool = (Counter(name for one in some for name in one) for some in (selected, map(values_of, users)))
    assert {name: one["filled"] for name, one in attributes.items() if one["in_pool"]} == {
        name: filled[name] for name in in_pool
    }
    assert {name: one["in_pool"] for name, one in attributes.items() if one["in_pool"]} == dict(in_pool)
    assert attributes["custom:company"]["mapped_to"] == ["metadata.company", "metadata.motto"]
    assert attributes["given_name"]["mapped_to"] == ["first_name"]
    assert attributes["custom:spare"]["mapped_to"] == []

    fields = {one["name"]: one for one in found["fields"]}
    faults = Counter(
        "not_ascii" if not one["custom:company"].isascii() else "too_long"
        for one in selected
        if one.get("custom:company", "Acme") != "Acme"
    )
    fits = sum(one.get("custom:company") == "Acme" for one in selected)
    assert (fields["metadata.company"]["filled"], fields["metadata.motto"]["filled"]) == (fits, fits)
    assert (fields["metadata.company"]["omitted"], fields["metadata.company"]["invalid"]) == (dict(faults), {})
    assert (fields["metadata.motto"]["omitted"], fields["metadata.motto"]["invalid"]) == ({}, dict(faults))
    where = [one.get("locale") or one.get("custom:tenant") for one in selected]
    assert fields["metadata.where"]["filled"] == sum(one == "Acme" for one in where)
    assert fields["metadata.where"]["default"] is True
    assert fields["metadata.made"] == {
        "name": "metadata.made", "from": "a constant", "filled": len(selected), "invalid": {}, "omitted": {},
        "default": False,
    }  # fmt: skip
    assert fields["email_verified"]["filled"] == fields["email"]["filled"] == len(selected)

    excluded = [failed(one) for one in users]
    # Nobody without an address would come along if the filters let them.
    alone = Counter(one[0] for one, user in zip(excluded, users, strict=True) if len(one) == 1 and has_address(user))
    assert found["filters"] == [
        {"name": name, "excludes": sum(name in one for one in excluded), "alone": alone[name]}
        for name in ("status", "enabled", "attributes[0] custom:gone", "attributes[1] email")
    ]


def has_address(user: dict[str, Any]) -> bool:
    return "email" in values_of(user)


def test_the_figures_are_those_that_one_counts_by_hand(world: World) -> None:
    users = invented(400, 1)
    world.write_plan(write_records(world.plan.parent, users), **SECTIONS)
    (found,) = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["coverage"]
    assert "pool" not in found and found["schema_read"] is False and found["complete"]
    check(found, users)
    assert all(one["in_schema"] is None for one in found["attributes"])


def test_each_pool_has_figures_of_its_own(world: World) -> None:
    pools = {name: invented(150, seed) for seed, name in enumerate(("eu", "us"), 5)}
    folder = world.plan.parent
    source = "\n".join(f"  - {{name: {n}, {write_records(folder, users, n).strip()}}}" for n, users in pools.items())
    world.write_plan(source, **SECTIONS)
    found = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")["coverage"]
    assert [one["pool"] for one in found] == ["eu", "us"]
    for one in found:
        check(one, pools[one["pool"]])
    text = world.cli("plan", "plan.yaml").err
    assert "attributes of pool eu, filled by how many of" in text and "filters of pool us" in text


def test_what_people_see(world: World) -> None:
    users = [
        record("a", email="a@x.co", given_name="Ann", **{"custom:company": "Straße", "custom:spare": "1"}),
        record("b", email="b@x.co", **{"custom:company": "Acme"}),
        record("c", email="c@x.co", enabled=False, **{"custom:tenant": "x"}),
    ]
    world.write_plan(
        write_records(world.plan.parent, users),
        attributes="{first_name: given_name, metadata: {company: custom:company}}",
    )
    text = world.cli("plan", "plan.yaml").err
    assert (
        """
attributes, filled by how many of 2 selected users
  email           2  100.0 %  email
  email_verified  0    0.0 %  email_verified
  given_name      1   50.0 %  first_name
  family_name     0    0.0 %  last_name
  sub             2  100.0 %  external_id
  custom:company  2  100.0 %  metadata.company  company: 1 not ASCII
  custom:spare    1   50.0 %  not mapped
  custom:tenant   0    0.0 %  not mapped

filters, and how many of 3 users each excludes
  status   0  0 by it alone
  enabled  1  1 by it alone
"""
        in text
    )
