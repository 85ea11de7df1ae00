"""What a pool says of itself: its schema, its second factor, and whether a password is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.cognito.pool import CognitoUserPool
from engine.model.pool_profile import PoolProfile, SchemaAttribute
from engine.plan_file.model import CognitoSource
from tests.support.cognito import REGION, StandIn, make_moto_pool, serving

Open = Callable[..., CognitoUserPool]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serving(StandIn([])) as served:
        yield served


def test_schema_and_settings(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.schema = [
        {"Name": "email", "AttributeDataType": "String", "Required": True, "Mutable": True},
        {"Name": "custom:seats", "AttributeDataType": "Number", "Mutable": False},
        {"Name": "dev:custom:old", "DeveloperOnlyAttribute": True},
    ]
    stand_in.mfa, stand_in.first_factors = "OPTIONAL", ["PASSWORD", "WEB_AUTHN"]
    pool = open_pool(stand_in)
    assert pool.profile() == PoolProfile(
        name="stand-in",
        estimated_users=0,
        schema=(
            SchemaAttribute("email", required=True),
            SchemaAttribute("custom:seats", "Number", mutable=False),
            SchemaAttribute("dev:custom:old", developer_only=True),
        ),
        mfa="OPTIONAL",
        first_factors=("PASSWORD", "WEB_AUTHN"),
    )
    pool.describe()
    assert len(stand_in.operations("DescribeUserPool")) == 1


def test_a_pool_that_says_little(stand_in: StandIn, open_pool: Open) -> None:
    found = open_pool(stand_in).profile()
    assert found == PoolProfile("stand-in", 0)
    assert not found.passwordless


def test_without_the_right_it_is_unknown(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.deny = frozenset({"DescribeUserPool"})
    pool = open_pool(stand_in)
    assert pool.profile() is None
    assert pool.describe().passwordless is None
    assert len(stand_in.operations("DescribeUserPool")) == 1


def test_custom_attributes_of_a_pool_in_moto(moto: str) -> None:
    pool_id = make_moto_pool(moto, [], custom=("plan",))
    found = CognitoUserPool(CognitoSource(pool_id, REGION, endpoint_url=moto, requests_per_second=None)).profile()
    assert found is not None
    # moto lists the standard ones, as the service does, only where there are no others.
    assert "custom:plan" in {one.name for one in found.schema}
