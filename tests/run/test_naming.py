"""What a name in the plan is held against, and how much of a pool is read for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.errors import InvalidPlanFile
from engine.model.pool_profile import PoolProfile, SchemaAttribute
from engine.plan_file.model import CognitoSource, Destination, Spec
from engine.plan_file.written_attribute import WrittenAttribute
from engine.run.naming import PoolNames, check_names, check_names_in_pools
from engine.run.sources import Sources
from tests.support.fake_source import FakeSource
from tests.support.people import cognito_user

PROFILE = PoolProfile(schema=(SchemaAttribute("custom:plan"), SchemaAttribute("custom:spare")))
USERS = [cognito_user(str(at), email=f"{at}@b.co", custom__plan="x") for at in range(500)]


def written(name: str, *, pools: tuple[int, ...] = (0,), optional: bool = False) -> WrittenAttribute:
    return WrittenAttribute(name, "attributes.metadata.a", "mapping", pools, optional, 7, 3)


def spec_of(*names: WrittenAttribute) -> Spec:
    return Spec(
        name="acme",
        path=Path("plan.yaml"),
        source=CognitoSource("us-east-1_Fake00001", "us-east-1"),
        destination=Destination(client_id="c", api_key="k"),
        state_path=Path("state.db"),
        written_attributes=names,
    )


@pytest.mark.parametrize(
    ("names", "pages", "closed"),
    [
        (("custom:plan", "email"), 1, 1),  # found with the first users
        (("custom:plan", "custom:spare"), 9, 0),  # in the schema: whether somebody has it, only all of them tell
        ((), 0, 0),
        (("sub",), 0, 0),
    ],
)
def test_users_are_read_until_every_name_is_found(names: tuple[str, ...], pages: int, closed: int) -> None:
    source, seen = FakeSource(users=USERS, described_as=PROFILE), list[int]()
    spec = spec_of(*map(written, names))
    found = check_names_in_pools(spec, Sources.of(spec, source), seen.append)
    assert (len(seen), source.closed) == (pages, closed)
    assert [one.code for one in found] == ["unfilled_attribute"] * ("custom:spare" in names)


def pool(*filled: str, schema: tuple[str, ...] | None = None, seen: int = 5, live: bool = True) -> PoolNames:
    return PoolNames("p", frozenset(schema) if schema is not None else None, filled, seen, live)


@pytest.mark.parametrize(
    ("name", "held", "verdict"),
    [
        ("custom:a", pool("custom:a"), "filled"),
        ("sub", pool(), "filled"),
        ("custom:a", pool(schema=("custom:a",)), "empty"),
        ("locale", pool(schema=()), "empty"),
        ("emailVerified", pool(schema=()), "empty"),
        ("custom:a", pool(schema=()), "missing"),
        ("custom:a", pool(schema=(), seen=0), "missing"),
        ("custom:a", pool(), "unknown"),  # the right to read the schema is missing
        ("custom:a", pool(live=False), "missing"),  # files have none: what users have decides
        ("custom:a", pool(live=False, seen=0), "unknown"),
        ("locale", pool(live=False), "empty"),
    ],
)
def test_what_a_pool_says_of_a_name(name: str, held: PoolNames, verdict: str) -> None:
    assert held.verdict(name) == verdict
    spec = spec_of(written(name), written(name, optional=True))
    if verdict == "missing":
        with pytest.raises(InvalidPlanFile):
            check_names(spec, [held])
    else:
        expected = ["unfilled_attribute"] if verdict != "filled" and held.seen else []
        assert [one.code for one in check_names(spec, [held])] == expected
    assert check_names(spec_of(written(name, optional=True)), [held]) == []


def test_a_schema_that_cannot_be_read_is_named_with_the_right() -> None:
    (told,) = check_names(spec_of(written("custom:a")), [pool()])
    assert str(told) == (
        'plan.yaml:7:3: attributes.metadata.a names the attribute "custom:a", which no user of the pool has; whether '
        "the pool's schema has it cannot be read (cognito-idp:DescribeUserPool)"
    )


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("custom:plna", "custom:plan"),
        ("plan", "custom:plan"),
        ("costum:plan", "custom:plan"),
        ("dev:custom:plan", "custom:plan"),
        ("given_nme", "given_name"),
        ("usernme", "username"),
        # All custom names are alike in their prefix: that is no reason for a guess.
        ("custom:zq", None),
    ],
)
def test_guesses(name: str, guess: str | None) -> None:
    with pytest.raises(InvalidPlanFile) as raised:
        check_names(spec_of(written(name)), [pool(schema=("custom:plan", "custom:spare"))])
    (one,) = raised.value.found
    right = f"did you mean {guess}? or" if guess else "correct the name, or"
    assert one.right == f"{right} write optional: true in the mapping if no user needs to have it"
