"""A live pool under faults: nobody lost, nothing endless, and how it is cut into chains."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from engine.cognito.pool import CognitoUserPool
from engine.model.errors import SourceError
from tests.support.cognito import Faults, StandIn, invent_users, serving, sub_of
from tests.support.fake_time import FakeTime

NUMBER = 2000
USERS = invent_users(NUMBER)
SUBS = {sub_of(one) for one in USERS}

Open = Callable[..., CognitoUserPool]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serving(StandIn(USERS)) as served:
        yield served


def read(pool: CognitoUserPool) -> list[str]:
    return [user.sub for page in pool.pages() for user in page]


def filters(stand_in: StandIn) -> list[str]:
    return [entry[2] for entry in stand_in.operations("ListUsers")]


def test_a_proven_pool_is_read_in_sixteen_chains(stand_in: StandIn, open_pool: Open) -> None:
    pool = open_pool(stand_in)
    got = read(pool)
    assert len(got) == NUMBER
    assert set(got) == SUBS
    assert pool.chains == 16
    assert pool.warnings == []
    assert {f'sub ^= "{digit}"' for digit in "0123456789abcdef"} <= set(filters(stand_in))
    assert pool.calls.requests == len(stand_in.log)
    assert (pool.calls.throttled, pool.calls.retried) == (0, 0)


@pytest.mark.parametrize("prefix", ["unsupported", "ignored"])
def test_filters_that_do_not_work_leave_one_chain(stand_in: StandIn, open_pool: Open, prefix: str) -> None:
    stand_in.faults.prefix = prefix
    pool = open_pool(stand_in)
    got = read(pool)
    assert len(got) == NUMBER
    assert set(got) == SUBS
    assert pool.chains == 1


def test_the_filter_must_find_a_user_seen_without_it(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.prefix, stand_in.faults.lose = "loses", frozenset(sorted(SUBS)[:1])
    pool = open_pool(stand_in)
    assert sorted(read(pool)) == sorted(SUBS)
    assert pool.chains == 1


def test_users_whom_the_chains_lose_lead_to_one_chain(stand_in: StandIn, open_pool: Open) -> None:
    # The second user seen is not the one that the proof looks for.
    stand_in.faults.prefix, stand_in.faults.lose = "loses", frozenset(sorted(SUBS)[1:2])
    pool = open_pool(stand_in)
    assert set(read(pool)) == SUBS
    assert pool.chains == 1
    assert "read again" in pool.warnings[0]


def test_a_user_deleted_meanwhile_is_no_loss(stand_in: StandIn, open_pool: Open) -> None:
    gone = sorted(SUBS)[1]
    stand_in.faults.prefix, stand_in.faults.lose = "loses", frozenset({gone})
    username = next(one["Username"] for one in USERS if sub_of(one) == gone)
    stand_in._usernames.pop(username)
    pool = open_pool(stand_in)
    assert len(read(pool)) == NUMBER
    assert pool.chains == 16
    assert pool.warnings == []


def test_subs_that_are_not_hexadecimal_are_not_cut(open_pool: Open) -> None:
    users = invent_users(1500)
    for one in users[::50]:
        next(a for a in one["Attributes"] if a["Name"] == "sub")["Value"] = "!" + sub_of(one)
    with serving(StandIn(users)) as served:
        pool = open_pool(served)
        assert len(set(read(pool))) == 1500
        assert pool.chains == 1
        assert set(filters(served)) == {""}


def test_a_small_pool_is_not_asked_for_prefixes(open_pool: Open) -> None:
    with serving(StandIn(invent_users(900))) as served:
        assert len(read(open_pool(served))) == 900
        assert set(filters(served)) == {""}
        assert len(served.operations("ListUsers")) == 15


def test_an_empty_pool(open_pool: Open) -> None:
    with serving(StandIn([])) as served:
        pool = open_pool(served)
        assert read(pool) == []
        assert pool.warnings == []


def test_a_wrongly_small_estimate_is_not_believed_for_long(open_pool: Open) -> None:
    with serving(StandIn(USERS, estimate=0)) as served:
        pool = open_pool(served)
        assert set(read(pool)) == SUBS
        assert pool.chains == 16
        assert pool.warnings == [
            "2,000 users were read, but Cognito estimates 0; "
            "compare them with the count in the AWS console before you rely on this being everybody"
        ]


@pytest.mark.parametrize(("estimate", "warned"), [(2400, False), (2600, True), (1650, False), (1500, True)])
def test_the_count_is_held_against_the_estimate(open_pool: Open, estimate: int, warned: bool) -> None:
    with serving(StandIn(USERS, estimate=estimate)) as served:
        pool = open_pool(served)
        read(pool)
        assert bool(pool.warnings) == warned


@pytest.mark.parametrize(
    "faults",
    [
        Faults(throttle_every=4),
        Faults(throttle_every=4, retry_after="3"),
        Faults(error_every=5),
        Faults(reset_every=5),
        Faults(cut_off_every=5),
        Faults(empty_every=3),
        Faults(short_every=2),
        Faults(throttle_every=7, error_every=11, reset_every=13, cut_off_every=17, empty_every=5, short_every=3),
        Faults(prefix="unsupported", throttle_every=7, error_every=11, reset_every=13, empty_every=5, short_every=3),
    ],
    ids=str,
)
def test_nobody_is_lost_under_faults(stand_in: StandIn, open_pool: Open, time_: FakeTime, faults: Faults) -> None:
    stand_in.faults = faults
    pool = open_pool(stand_in)
    got = read(pool)
    assert len(got) == NUMBER
    assert set(got) == SUBS
    assert pool.calls.requests == len(stand_in.log)
    if faults.throttle_every:
        assert pool.calls.throttled > 0
    if faults.retry_after:
        assert any(seconds >= 2.9 for seconds in time_.slept)


def test_a_refused_token_restarts_that_chain_alone(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.expire_tokens, stand_in.faults.expire_for = 2, 'sub ^= "f"'
    pool = open_pool(stand_in)
    got = read(pool)
    assert set(got) == SUBS
    # The first page of that chain comes three times, and nothing else twice.
    assert len(got) == NUMBER + 2 * 60
    assert pool.warnings == []


def test_a_refused_token_restarts_the_single_chain(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.prefix = "unsupported"
    pages = open_pool(stand_in).pages()
    got = [user.sub for _ in range(10) for user in next(pages)]
    stand_in.faults.expire_tokens = 1
    got += [user.sub for page in pages for user in page]
    assert set(got) == SUBS
    assert len(got) == NUMBER + 600


def test_tokens_refused_for_ever_are_an_error(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.expire_tokens = 10**6
    with pytest.raises(SourceError) as raised:
        read(open_pool(stand_in))
    assert raised.value.code == "token_refused"


def test_a_token_given_twice_is_an_error(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.repeat_token = True
    with pytest.raises(SourceError) as raised:
        read(open_pool(stand_in))
    assert raised.value.code == "token_loop"


def test_an_answer_without_users_is_not_the_end_of_the_pool(stand_in: StandIn, open_pool: Open) -> None:
    pages = open_pool(stand_in).pages()
    next(pages)
    stand_in.faults.no_users_key = True
    with pytest.raises(SourceError) as raised:
        list(pages)
    assert raised.value.code == "bad_answer"


def test_an_error_in_one_chain_ends_all_and_is_raised_once(open_pool: Open) -> None:
    with serving(StandIn(invent_users(12_000))) as served:
        pages = open_pool(served).pages()
        for _ in range(5):
            next(pages)
        served.faults.deny = frozenset({"ListUsers"})
        with pytest.raises(SourceError) as raised:
            list(pages)
        assert raised.value.code == "access_denied"
        assert list(pages) == []
        _assert_no_chain_runs()


def test_closing_is_not_held_up_by_an_answer_that_is_late(open_pool: Open) -> None:
    with serving(StandIn(invent_users(12_000))) as served:
        pages = open_pool(served).pages()
        for _ in range(6):
            next(pages)
        served.faults.latency = 1.5
        start = time.monotonic()
        pages.close()  # type: ignore[attr-defined]
        assert time.monotonic() - start < 1
        _assert_no_chain_runs()


def test_closing_stops_the_threads(open_pool: Open) -> None:
    with serving(StandIn(invent_users(12_000))) as served:
        pool = open_pool(served)
        pages = pool.pages()
        for _ in range(6):
            next(pages)
        assert pool.chains == 16
        pages.close()  # type: ignore[attr-defined]
        _assert_no_chain_runs()
        sent = len(served.log)
        time.sleep(0.1)
        assert len(served.log) == sent < 150


def test_a_slow_consumer_does_not_let_pages_pile_up(stand_in: StandIn, open_pool: Open) -> None:
    with serving(StandIn(invent_users(12_000))) as served:
        pages = open_pool(served).pages()
        for _ in range(6):
            next(pages)
        time.sleep(0.5)
        assert len(served.operations("ListUsers")) < 64 + 16 + 20
        pages.close()  # type: ignore[attr-defined]


def _assert_no_chain_runs() -> None:
    deadline = time.monotonic() + 3
    while any(thread.name.startswith("cognito-chain") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_group_members_follow_tokens(open_pool: Open) -> None:
    members = [f"user-{at}" for at in range(130)]
    with serving(StandIn([], groups={"all": members})) as served:
        pages = list(open_pool(served).group_members("all"))
    assert [len(page) for page in pages] == [60, 60, 10]
    assert [name for page in pages for name in page] == members


def test_a_refused_token_restarts_a_group(open_pool: Open) -> None:
    members = [f"user-{at}" for at in range(70)]
    with serving(StandIn([], groups={"all": members}, faults=Faults(expire_tokens=1))) as served:
        found = [name for page in open_pool(served).group_members("all") for name in page]
    assert found == members[:60] + members


def test_a_record_that_is_no_user_ends_the_reading(open_pool: Open) -> None:
    users = invent_users(2)
    del users[1]["Enabled"]
    with serving(StandIn(users)) as served, pytest.raises(SourceError) as raised:
        read(open_pool(served))
    assert raised.value.code == "bad_user"
    assert raised.value.message == "Cognito gave a user that has no Enabled that is true or false"


def test_a_proof_that_finds_nobody_is_none(open_pool: Open) -> None:
    # Every page that a filter gives is empty, with tokens without end.
    with serving(StandIn(USERS)) as served:
        pool = open_pool(served)
        pages = pool.pages()
        got = [user.sub for _ in range(4) for user in next(pages)]
        served.faults.empty_every = 1
        looked = threading.Timer(0.4, lambda: setattr(served.faults, "empty_every", 0))
        looked.start()
        got += [user.sub for page in pages for user in page]
    assert set(got) == SUBS
    assert pool.chains == 1


def test_all_chains_and_calls_share_one_budget(stand_in: StandIn, open_pool: Open, time_: FakeTime) -> None:
    pool = open_pool(stand_in, requests_per_second=20)
    start = time_.now
    assert len(read(pool)) == NUMBER
    assert len(stand_in.log) / (time_.now - start) <= 20
    # The answers of the stand-in take no time on this clock.
    assert len(stand_in.log) / (time_.now - start) >= 0.95 * 20


def test_a_real_second_never_holds_more_than_the_figure(stand_in: StandIn) -> None:
    from engine.plan_file.model import CognitoSource
    from tests.support.cognito import POOL_ID, REGION

    stand_in.faults.latency, stand_in.faults.quota = 0.08, 40
    pool = CognitoUserPool(CognitoSource(POOL_ID, REGION, endpoint_url=stand_in.url, requests_per_second=40))
    assert len(read(pool)) == NUMBER
    # A busy machine may bring two sends closer together than they left; the pacer's own turns are tested apart.
    assert pool.calls.throttled <= 2


def test_describe(stand_in: StandIn, open_pool: Open) -> None:
    description = open_pool(stand_in).describe()
    assert description.label == 'user pool us-east-1_StandIn01 "stand-in" (us-east-1)'
    assert description.pool_id == "us-east-1_StandIn01"
    assert description.estimated_users == NUMBER


def test_describing_may_be_denied_while_listing_is_not(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.deny = frozenset({"DescribeUserPool"})
    pool = open_pool(stand_in)
    assert pool.describe().estimated_users is None
    assert pool.describe().label == "user pool us-east-1_StandIn01 (us-east-1)"
    assert set(read(pool)) == SUBS
