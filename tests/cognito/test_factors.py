"""Second factors: one call a user, paced; who is gone is left out; refusals are the pool's."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from engine.cognito.factors import PER_SECOND, AuthFactors
from engine.model.errors import SourceError
from engine.plan_file.model import CognitoSource
from tests.support.fake_time import FakeTime

POOL = CognitoSource("us-east-1_AbCdEf123", "us-east-1")


class Client:
    """AdminGetUserAuthFactors by script: factors, or an error's code, by username."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def admin_get_user_auth_factors(self, **given: str) -> dict[str, Any]:
        assert given["UserPoolId"] == POOL.user_pool_id
        username = given["Username"]
        with self._lock:
            self.asked.append(username)
            answer = self.answers[username]
            if isinstance(answer, list) and answer and answer[0] == "throttled once":
                self.answers[username] = answer[1:]
                answer = "TooManyRequestsException"
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "x"}}, "AdminGetUserAuthFactors")
        return {"Username": username, "UserMFASettingList": answer} if answer else {"Username": username}


def read(answers: dict[str, Any]) -> tuple[dict[str, Any], Client, FakeTime]:
    time, client = FakeTime(), Client(answers)
    factors = AuthFactors(POOL, client=client, clock=time.clock, sleep=time.sleep, draw=lambda low, high: high)
    return dict(factors.read((f"sub-{name}", name) for name in answers)), client, time


def test_who_has_one() -> None:
    found, client, _ = read(
        {
            "ann": ["SOFTWARE_TOKEN_MFA", "SMS_MFA"],
            "bob": [],
            "cyd": ["EMAIL_OTP"],
            "dan": "UserNotFoundException",
            "eve": ["throttled once", "SMS_MFA"],
        }
    )
    assert found == {"sub-ann": ["SMS_MFA", "SOFTWARE_TOKEN_MFA"], "sub-eve": ["SMS_MFA"]}
    assert sorted(client.asked) == ["ann", "bob", "cyd", "dan", "eve", "eve"]


def test_within_its_quota() -> None:
    _, client, time = read({f"u{at}": [] for at in range(500)})
    assert len(client.asked) == 500
    assert time.now - 1000.0 >= 500 / PER_SECOND - 1


def test_access_denied_ends_it() -> None:
    with pytest.raises(SourceError) as refused:
        read({"ann": "AccessDeniedException"})
    assert "AdminGetUserAuthFactors" in str(refused.value)


def test_a_boto3_that_does_not_know_it() -> None:
    with pytest.raises(SourceError, match="does not know AdminGetUserAuthFactors"):
        list(AuthFactors(POOL, client=object()).read([("sub-1", "ann")]))
