from __future__ import annotations

import dataclasses

import pytest

from engine.sandbox.errors import ApiError
from engine.sandbox.options import Quotas
from engine.sandbox.quotas import RequestQuotas
from tests.sandbox.conftest import Api, ManualClock
from tests.support.sandbox_extras import Options


def test_the_window_slides() -> None:
    clock = ManualClock()
    quotas = RequestQuotas(Quotas(writes_per_10s=3), clock.monotonic)
    for _ in range(3):
        quotas.admit("POST")
        clock.time += 2
    with pytest.raises(ApiError) as refused:
        quotas.admit("PUT")
    assert refused.value.status == 429
    assert refused.value.headers == (("Retry-After", "4"),)
    quotas.admit("GET")
    clock.time += 4
    quotas.admit("POST")
    with pytest.raises(ApiError):
        quotas.admit("POST")
    assert quotas.seen()["writes"] == {"max_accepted": 3, "max_arrived": 5, "refused": 2}


def test_no_limits_and_all_requests_of_the_key() -> None:
    clock = ManualClock()
    quotas = RequestQuotas(Quotas(None, None, 5, retry_after=False), clock.monotonic)
    for method in ("GET", "POST", "GET", "POST", "GET"):
        quotas.admit(method)
    clock.time += 59
    with pytest.raises(ApiError) as refused:
        quotas.admit("GET")
    assert refused.value.headers == ()
    clock.time += 1
    quotas.admit("GET")


async def test_over_http_and_in_the_statistics(api: Api) -> None:
    await api("PUT", "/_sandbox/quotas", {"writes_per_10s": 2})
    answers = [await api("POST", "/user_management/users", {"email": f"u{n}@b.de"}) for n in range(3)]
    assert [status for status, _ in answers] == [201, 201, 429]
    assert answers[2][1]["code"] == "rate_limit_exceeded"
    _, stats = await api("GET", "/_sandbox/stats")
    assert stats["windows"]["writes"]["refused"] == 1
    assert (stats["writes"], stats["reads"], stats["data"]["users"]) == (3, 0, 2)
    assert stats["requests"] == {"POST /user_management/users": 3}
    assert (await api("POST", "/_sandbox/reset"))[0] == 200
    _, stats = await api("GET", "/_sandbox/stats")
    assert (stats["requests"], stats["data"]["users"], stats["data"]["roles"]) == ({}, 0, 1)


@pytest.mark.parametrize("body", [{"writes": 1}, {"writes_per_10s": "2"}, {"retry_after": 1}])
async def test_control_refuses_what_it_does_not_know(api: Api, body: object) -> None:
    assert (await api("PUT", "/_sandbox/quotas", body))[0] == 422
    assert (await api("GET", "/_sandbox/stats", headers={}))[0] == 401


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().port = 1  # type: ignore[misc]
