"""A user deleted in WorkOS is noticed by the next run, by events or by a listing; nobody is gone on hearsay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.model.call_errors import Refused, Terminal
from tests.support.identity import IdentityWorld, counted, record

ANN, BEN = record("a", "ann@x.co"), record("b", "ben@x.co")
GONE = ["a 1 primary gone:gone made", "b 2 primary done made"]
_DAY = 86_400.0


@pytest.fixture
async def world(tmp_path: Path) -> IdentityWorld:
    made = IdentityWorld(tmp_path)
    assert (await made.apply(ANN, BEN)).refreshed == "not_needed"
    return made


def looked(world: IdentityWorld, ago: float | None) -> None:
    """Move the state's last look back; None takes it away."""
    with closing(sqlite3.connect(world.spec().state_path)) as state, state:
        if ago is None:
            state.execute("DELETE FROM meta WHERE key = 'looked_at'")
        else:
            state.execute("UPDATE meta SET value = CAST(value - ? AS TEXT) WHERE key = 'looked_at'", (ago,))


@pytest.mark.parametrize(
    ("ago", "way"),
    [(0.0, "events"), (27.9 * _DAY, "events"), (28.1 * _DAY, "listing"), (-2 * _DAY, "listing"), (None, "listing")],
)
async def test_who_was_deleted_is_said(world: IdentityWorld, ago: float | None, way: str) -> None:
    looked(world, ago)
    await world.target.delete("user_0001")
    planned = await world.plan(ANN, BEN)
    assert (planned.refreshed, planned.users["conflicts"], planned.failures[0].code) == (way, 1, "gone")
    result = await world.apply(ANN, BEN)
    assert (result.refreshed, result.exit_code, counted(result)) == (way, 3, "unchanged 1, conflicts 1")
    assert world.state() == GONE
    assert (await world.apply(ANN, BEN)).exit_code == 3
    assert world.target.called("create") == 2


async def test_events_that_may_not_be_read_give_way_to_the_listing(world: IdentityWorld) -> None:
    await world.target.delete("user_0001")
    world.target.fail("deleted_page", Refused("forbidden", status=403))
    assert (await world.apply(ANN, BEN)).refreshed == "listing"
    assert world.state() == GONE


async def test_where_neither_can_be_read_nothing_is_claimed(world: IdentityWorld) -> None:
    await world.target.delete("user_0001")
    world.target.fail("deleted_page", Terminal("http_400", status=400))
    world.target.fail("list_page", Refused("forbidden", status=403))
    result = await world.apply(ANN, BEN)
    assert (result.refreshed, result.converged, result.exit_code) == ("failed", False, 3)
    # What was not looked at then is looked at now.
    assert (await world.apply(ANN, BEN)).refreshed == "events"
    assert world.state() == GONE


async def test_an_event_about_somebody_who_is_there_counts_for_nothing(world: IdentityWorld) -> None:
    world.target.deleted += ["user_0001", "user_stranger"]
    result = await world.apply(ANN, BEN)
    assert (result.refreshed, result.converged, counted(result)) == ("events", True, "unchanged 2")


async def test_a_look_costs_one_request(world: IdentityWorld) -> None:
    await world.apply(ANN, BEN)
    assert world.target.called("deleted_page") == 1
    assert world.target.called("get") == 0


async def test_who_left_the_pool_and_was_deleted_is_settled(world: IdentityWorld) -> None:
    await world.apply(BEN)
    await world.target.delete("user_0001")
    result = await world.apply(BEN)
    assert (result.converged, result.reported.left_source) == (True, 0)
    assert (await world.apply(ANN, BEN)).failures[0].code == "gone"
