"""Properties of random pools: order and pages do not matter, everybody is in `ids` once, nobody becomes verified."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.users import SourceUser, normalise_email
from tests.support.identity import IdentityWorld, cases, in_two_worlds, record
from tests.support.instant_loop import run_instantly

_PREFER = st.sampled_from(
    [[], *[[one] for one in ["native", "federated", "newest", "oldest"]], ["native", "oldest"], ["newest", "federated"]]
)
_ADDRESSES = ("ann@x.co", " Ann@X.co ", "ANN@x.co", "bob@x.co", "Bob@x.co", "cat@x.co", "no address", None)
_NAMES = st.dictionaries(st.sampled_from(["first", "last", "plan", "tier"]), st.sampled_from(["A", "B", ""]))


@st.composite
def pools(draw: st.DrawFn) -> list[SourceUser]:
    subs = draw(st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=9, unique=True))
    return [
        record(
            sub,
            draw(st.sampled_from(_ADDRESSES)),
            draw(st.sampled_from(["verified", "no"])),
            day=draw(st.integers(0, 2)),
            via=draw(st.sampled_from([None, None, "Google", "Okta"])),
            enabled=draw(st.sampled_from([True, True, True, False])),
            **draw(_NAMES),
        )
        for sub in subs
    ]


@st.composite
def plans(draw: st.DrawFn) -> str:
    prefer, fill = draw(_PREFER), draw(st.booleans())
    return f"duplicates: {{prefer: [{', '.join(prefer)}], allow_unverified: {str(fill).lower()}}}\n"


def delivered(pool: Sequence[SourceUser], seed: int) -> list[list[SourceUser]]:
    """The pool in another order and other pages, as chains side by side give it: one page empty, one user twice."""
    rng = random.Random(seed)
    users = rng.sample(pool, len(pool))
    pages: list[list[SourceUser]] = [[]]
    while users:
        size = rng.randint(1, 4)
        pages.append(users[:size])
        del users[:size]
    return [*pages, [rng.choice(pool)]]


DELIVERED: Any = given(pools(), plans(), st.integers())


@cases(20)
@DELIVERED
def test_same_pool_same_workos(pool: list[SourceUser], plan: str, seed: int) -> None:
    in_two_worlds(partial(_compare, pool, seed), plan)


@pytest.mark.long
@cases(200)
@DELIVERED
def test_same_pool_same_workos_often(pool: list[SourceUser], plan: str, seed: int) -> None:
    in_two_worlds(partial(_compare, pool, seed), plan)


async def _compare(pool: list[SourceUser], seed: int, first: IdentityWorld, second: IdentityWorld) -> None:
    result = await first.apply(*pool)
    other = await second.apply(pages=delivered(pool, seed))
    assert second.workos() == first.workos() and second.state() == first.state()
    assert (other.users, other.source) == (result.users, result.source)

    selected = {one.sub for one in pool if one.enabled and normalise_email(one.attributes.get("email", "")).count("@")}
    rows = first.ids(*pool)
    assert [row.sub for row in rows] == sorted(selected)
    # All records of an address point to one user, who has that address.
    email = {user.id: user.email for user in first.target.users.values()}
    addresses = {one.sub: normalise_email(one.attributes.get("email", "")) for one in pool}
    assert all(email[row.workos_id or ""] == addresses[row.sub] for row in rows)
    assert len(first.target.users) == len({addresses[sub] for sub in selected})

    asserted = {
        addresses[one.sub]
        for one in pool
        if one.attributes.get("email_verified") == "true" and "Okta" not in one.attributes.get("identities", "")
    }
    assert {user.email for user in first.target.users.values() if user.email_verified} <= asserted
    relations = {row.sub: row.relation for row in rows}
    for user in first.target.users.values():
        group = [row.relation for row in rows if row.workos_id == user.id]
        assert group.count("primary") == 1 and relations[user.external_id or ""] == "primary"
        assert user.email_verified or "unverified" not in group

    for world in (first, second):
        again = await world.apply(pages=delivered(pool, seed + 1))
        assert again.requests.writes == 0 and again.users["unchanged"] + again.users["merged"] == len(selected)


CHANGING: Any = given(st.lists(pools(), min_size=2, max_size=4), plans())


@cases(12)
@CHANGING
def test_pools_that_change(versions: list[list[SourceUser]], plan: str) -> None:
    _change_by(versions, plan)


@pytest.mark.long
@cases(125)
@CHANGING
def test_pools_that_change_often(versions: list[list[SourceUser]], plan: str) -> None:
    _change_by(versions, plan)


def _change_by(versions: list[list[SourceUser]], plan: str) -> None:
    """One pool after the other: no flag without a record that has it, one line in `ids` each, and then rest."""
    with tempfile.TemporaryDirectory() as folder:
        run_instantly(_change(versions, IdentityWorld(Path(folder), plan)))


async def _change(versions: list[list[SourceUser]], world: IdentityWorld) -> None:
    asserted: dict[str, set[str]] = {}
    for pool in versions:
        await world.apply(*pool)
        for one in pool:
            if one.attributes.get("email_verified") == "true" and "Okta" not in one.attributes.get("identities", ""):
                asserted.setdefault(one.sub, set()).add(normalise_email(one.attributes["email"]))
        for user in world.target.users.values():
            # By the record whose user it is: nobody is verified by what somebody else's record says.
            if user.email_verified:
                assert user.email in asserted.get(user.external_id or "", set()), world.workos()
        rows = world.ids(*pool)
        assert len({row.sub for row in rows}) == len(rows)
        assert {row.workos_id for row in rows if row.workos_id} <= world.target.users.keys()
    # A change of address may wait for another: two more runs at most, then there is nothing left but conflicts.
    for _ in range(2):
        await world.apply(*versions[-1])
    before = world.workos(), world.state()
    again = await world.apply(*versions[-1])
    assert (world.workos(), world.state()) == before
    assert not any(again.users[name] for name in ("created", "updated", "adopted", "failed", "pending"))
