"""Cognito's quota is an account's in a Region: pools that share one share a pacer, and nobody else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.cli.sources import open_sources, reading_limits
from engine.cognito.pacing import Pacer
from engine.cognito.pool import CognitoUserPool
from engine.plan_file.model import CognitoSource, Destination, ExportSource, Pool, Spec

ONE = CognitoSource("us-east-1_A", "us-east-1", requests_per_second=20)


def spec_of(*sources: CognitoSource | ExportSource) -> Spec:
    pools = tuple(Pool(f"p{at}", one) for at, one in enumerate(sources))
    path = Path("plan.yaml")
    return Spec("acme", path, sources[0], Destination("client_1", "sk_test_1"), path, pools=pools)


def pacers(*sources: CognitoSource | ExportSource, told: list[str] | None = None) -> list[Pacer]:
    spec = spec_of(*sources)
    opened = open_sources(spec, tell=(told if told is not None else []).append)
    return [one.source.pacer for one in opened.pools if isinstance(one.source, CognitoUserPool)]


def test_pools_of_one_account_and_region_share_the_lowest_figure() -> None:
    first, second = pacers(ONE, replace(ONE, user_pool_id="us-east-1_B", requests_per_second=8))
    assert first is second
    assert first.rate == 8
    # No pacing for one of them is no figure that counts.
    first, second = pacers(replace(ONE, requests_per_second=None), replace(ONE, user_pool_id="us-east-1_B"))
    assert (first is second, first.rate) == (True, 20)


def test_another_region_profile_role_or_address_is_another_quota() -> None:
    others = [
        replace(ONE, user_pool_id="eu-west-1_B", region="eu-west-1"),
        replace(ONE, user_pool_id="us-east-1_C", profile="other"),
        replace(ONE, user_pool_id="us-east-1_D", role_arn="arn:aws:iam::1:role/reader"),
        replace(ONE, user_pool_id="us-east-1_E", endpoint_url="http://127.0.0.1:1"),
    ]
    found = pacers(ONE, *others, ExportSource(("a",), Path(), "us-east-1_F"))
    assert len({id(one) for one in found}) == 5
    assert [one.rate for one in found] == [20] * 5


def test_how_fast_pools_can_be_read_at_most() -> None:
    """60 users a request; what the time left is reckoned by."""
    same = replace(ONE, user_pool_id="us-east-1_B", requests_per_second=8)
    other = replace(ONE, user_pool_id="eu-west-1_B", region="eu-west-1")
    assert [one.number for one in reading_limits(spec_of(ONE))] == [1200]
    assert [one.number for one in reading_limits(spec_of(ONE, same))] == [480]
    assert [one.number for one in reading_limits(spec_of(ONE, same, other))] == [480 + 1200]
    assert reading_limits(spec_of(ONE, replace(ONE, requests_per_second=None))) == ()
    assert reading_limits(spec_of(ONE, ExportSource(("a",), Path(), "us-east-1_F"))) == ()
