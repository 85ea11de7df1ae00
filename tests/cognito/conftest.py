"""One moto server for the folder, credentials that lead nowhere else, and time that costs none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.cognito.pool import CognitoUserPool
from engine.plan_file.model import CognitoSource
from tests.support.cognito import POOL_ID, REGION, StandIn, moto_server
from tests.support.fake_time import FakeTime


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")


@pytest.fixture
def time_() -> FakeTime:
    return FakeTime()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def open_pool(time_: FakeTime):
    """Opens a pool of a stand-in, unpaced and with waits that cost nothing."""

    def open_(stand_in: StandIn, **changes: object) -> CognitoUserPool:
        settings = {"requests_per_second": None, "endpoint_url": stand_in.url, **changes}
        source = CognitoSource(POOL_ID, REGION, **settings)  # type: ignore[arg-type]
        return CognitoUserPool(source, clock=time_.clock, sleep=time_.sleep)

    return open_
