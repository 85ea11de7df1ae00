"""Each way in which AWS says no: one code and one message for people, without their data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError
from urllib3.exceptions import MaxRetryError, NameResolutionError

from engine.cognito.aws_errors import ErrorVerdict, judge, translate
from engine.cognito.aws_session import UnreadableAnswer
from engine.cognito.calls import ExpectedRefusal, PacedCalls
from engine.cognito.pacing import Pacer
from engine.cognito.pool import CognitoUserPool
from engine.model.errors import SourceError
from engine.plan_file.model import CognitoSource
from tests.support.cognito import POOL_ID, REGION, Faults, StandIn, invent_users, make_moto_pool, serving
from tests.support.fake_time import FakeTime

POOL = CognitoSource(POOL_ID, REGION, role_arn="arn:aws:iam::123456789012:role/reader")
SECRET = "anna@secret.example"

Open = Callable[..., CognitoUserPool]


def refusal(code: str, status: int = 400, retry_after: str | None = None, operation: str = "ListUsers") -> Exception:
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    return exceptions.ClientError(
        {
            "Error": {"Code": code, "Message": SECRET},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
        },  # type: ignore[typeddict-item]
        operation,
    )


def unresolved() -> Exception:
    cause = NameResolutionError("host", None, OSError())  # type: ignore[arg-type]
    return exceptions.EndpointConnectionError(endpoint_url="https://x", error=cause)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (refusal("TooManyRequestsException"), ErrorVerdict("throttled")),
        (refusal("ThrottlingException"), ErrorVerdict("throttled")),
        (refusal("LimitExceededException"), ErrorVerdict("throttled")),
        (refusal("Whatever", 429, "2.5"), ErrorVerdict("throttled", 2.5)),
        (refusal("Whatever", 429, "soon"), ErrorVerdict("throttled")),
        (refusal("Whatever", 429, "-1"), ErrorVerdict("throttled")),
        (refusal("Whatever", 429, "99999"), ErrorVerdict("throttled", 99_999)),
        (refusal("InternalErrorException", 400), ErrorVerdict("transient")),
        (refusal("Unknown", 503, "1"), ErrorVerdict("transient", 1)),
        (refusal("Unknown", 408), ErrorVerdict("transient")),
        (refusal("AccessDeniedException"), ErrorVerdict("final")),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), ErrorVerdict("transient")),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), ErrorVerdict("transient")),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), ErrorVerdict("transient")),
        (exceptions.HTTPClientError(error=OSError()), ErrorVerdict("transient")),
        (exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), ErrorVerdict("transient")),
        (ResponseParserError("x"), ErrorVerdict("transient")),
        (UnreadableAnswer(), ErrorVerdict("transient")),
        (unresolved(), ErrorVerdict("unresolved")),
        (exceptions.NoCredentialsError(), ErrorVerdict("final")),
    ],
    ids=repr,
)
def test_judges_by_class_and_code(error: Exception, verdict: ErrorVerdict) -> None:
    assert judge(error) == verdict


def test_a_refused_certificate_is_final() -> None:
    import ssl

    wrapped = MaxRetryError(None, "/", ssl.SSLCertVerificationError())  # type: ignore[arg-type]
    error = exceptions.SSLError(endpoint_url="https://x", error=wrapped)
    assert judge(error) == ErrorVerdict("final")
    assert translate(error, "cognito-idp:ListUsers", POOL).code == "untrusted_certificate"
    plain = exceptions.SSLError(endpoint_url="https://x", error=OSError())
    assert judge(plain) == ErrorVerdict("transient")


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (exceptions.NoCredentialsError(), "no_credentials", "no AWS credentials to read user pool"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "no_credentials", "no AWS credentials"),
        (exceptions.ProfileNotFound(profile="prod"), "no_credentials", "profile"),
        (exceptions.UnauthorizedSSOTokenError(), "no_credentials", "aws sso login"),
        (exceptions.SSOTokenLoadError(error_msg=SECRET), "no_credentials", "aws sso login"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg=SECRET), "no_credentials", "aws sso login"),
        (exceptions.CredentialRetrievalError(provider="p", error_msg=SECRET), "no_credentials", "no AWS credentials"),
        (refusal("ExpiredTokenException"), "no_credentials", "have expired"),
        (refusal("ExpiredToken", operation="AssumeRole"), "no_credentials", "have expired"),
        (refusal("UnrecognizedClientException"), "no_credentials", "does not accept"),
        (refusal("InvalidSignatureException", 403), "no_credentials", "clock"),
        (refusal("AccessDeniedException"), "access_denied", "allow them cognito-idp:ListUsers on that pool"),
        (refusal("AccessDenied", operation="AssumeRole"), "access_denied", "allow sts:AssumeRole"),
        (refusal("ResourceNotFoundException"), "pool_not_found", POOL_ID),
        (refusal("InvalidParameterException"), "aws_error", "InvalidParameterException"),
        (refusal("TooManyRequestsException"), "throttled", "requests_per_second"),
        (refusal("InternalErrorException", 500), "unreachable", "could not be reached or kept failing"),
        (unresolved(), "region_not_found", "Cognito in the region us-east-1 cannot be found"),
        (exceptions.InvalidRegionError(region_name="x"), "region_not_found", "check `region`"),
        (exceptions.ParamValidationError(report=SECRET), "aws_error", "could not be sent (ParamValidationError)"),
    ],
    ids=repr,
)
def test_translates_without_data(error: Exception, code: str, told: str) -> None:
    translated = translate(error, "cognito-idp:ListUsers", POOL)
    assert translated.code == code
    assert told in str(translated)
    assert translated.remedy
    assert SECRET not in str(translated)


def make_calls(time_: FakeTime) -> PacedCalls:
    return PacedCalls(POOL, Pacer(None, clock=time_.clock), sleep=time_.sleep, draw=lambda _low, high: high)


def failing(*errors: Exception) -> Callable[[], str]:
    waiting = list(errors)

    def send() -> str:
        if waiting:
            raise waiting.pop(0)
        return "done"

    return send


def test_backs_off_and_gives_up(time_: FakeTime) -> None:
    calls = make_calls(time_)
    error = refusal("InternalErrorException", 500)
    with pytest.raises(SourceError) as raised:
        calls.call("cognito-idp:ListUsers", failing(*[error] * 8))
    assert time_.slept == [0.5, 1, 2, 4, 8, 16, 20]
    assert raised.value.__cause__ is error
    assert (calls.requests, calls.retried, calls.throttled) == (8, 7, 0)


def test_retry_after_is_obeyed(time_: FakeTime) -> None:
    calls = make_calls(time_)
    assert calls.call("x", failing(refusal("Slow", 429, "9"), refusal("InternalErrorException", 500))) == "done"
    assert time_.slept == [9, 1]
    assert (calls.requests, calls.retried, calls.throttled) == (3, 2, 1)


def test_a_name_that_dns_does_not_know_is_tried_twice(time_: FakeTime) -> None:
    with pytest.raises(SourceError) as raised:
        make_calls(time_).call("x", failing(*[unresolved()] * 3))
    assert raised.value.code == "region_not_found"
    assert len(time_.slept) == 1


def test_expected_codes_are_the_callers(time_: FakeTime) -> None:
    error = refusal("ResourceNotFoundException")
    with pytest.raises(ExpectedRefusal) as raised:
        make_calls(time_).call("x", failing(error), expected=frozenset({"ResourceNotFoundException"}))
    assert raised.value.code == "ResourceNotFoundException"
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(no_pool=True), "pool_not_found"),
        (Faults(deny=frozenset({"DescribeUserPool", "ListUsers"})), "access_denied"),
        (Faults(deny=frozenset({"DescribeUserPool"}), throttle_first=100), "throttled"),
        (Faults(deny=frozenset({"DescribeUserPool"}), error_every=1), "unreachable"),
    ],
)
def test_over_http(open_pool: Open, faults: Faults, code: str) -> None:
    with serving(StandIn(invent_users(3), faults=faults)) as served, pytest.raises(SourceError) as raised:
        open_pool(served).describe()
    assert raised.value.code == code
    assert "person1@example.com" not in str(raised.value)


def test_nobody_listens(time_: FakeTime) -> None:
    source = CognitoSource(POOL_ID, REGION, endpoint_url="http://127.0.0.1:9")
    with pytest.raises(SourceError) as raised:
        CognitoUserPool(source, clock=time_.clock, sleep=time_.sleep).describe()
    assert raised.value.code == "unreachable"


def test_an_endpoint_that_is_no_address(time_: FakeTime) -> None:
    with pytest.raises(SourceError) as raised:
        CognitoUserPool(CognitoSource(POOL_ID, REGION, endpoint_url="nonsense"), sleep=time_.sleep).describe()
    assert raised.value.code == "aws_error"


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, time_: FakeTime) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for source in (CognitoSource(POOL_ID, REGION), POOL):
        with pytest.raises(SourceError) as raised:
            CognitoUserPool(source, clock=time_.clock, sleep=time_.sleep).describe()
        assert raised.value.code == "no_credentials"


def test_profile_not_found() -> None:
    with pytest.raises(SourceError, match="the AWS profile 'nobody' does not exist"):
        CognitoUserPool(CognitoSource(POOL_ID, REGION, profile="nobody")).describe()


def test_moto_pool_not_found(moto: str) -> None:
    source = CognitoSource("us-east-1_Missing99", REGION, endpoint_url=moto)
    with pytest.raises(SourceError, match="there is no user pool us-east-1_Missing99 in us-east-1"):
        CognitoUserPool(source).describe()


def test_a_role_is_assumed_and_used(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pool_id = make_moto_pool(moto, invent_users(5))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    arn = "arn:aws:iam::123456789012:role/reader"
    source = CognitoSource(pool_id, REGION, role_arn=arn, endpoint_url=moto)

    from engine.cognito.aws_session import open_session

    credentials = open_session(source).get_credentials()
    assert credentials is not None
    assert credentials.access_key != "AKIATESTTESTTEST"
    assert credentials.token
    session = boto3.Session(credentials.access_key, credentials.secret_key, credentials.token, REGION)
    who = session.client("sts", endpoint_url=moto).get_caller_identity()["Arn"]
    assert who.endswith("assumed-role/reader/cognito-workos-migrate")
    assert sum(len(page) for page in CognitoUserPool(source).pages()) == 5


def test_opening_loads_no_boto3() -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from engine.cli.sources import open_source\n"
        "from engine.plan_file.model import CognitoSource, ExportSource\n"
        "open_source(CognitoSource('us-east-1_a', 'us-east-1')); open_source(ExportSource(('*.json',), Path()))\n"
        "sys.exit(any(name in sys.modules for name in ('boto3', 'botocore', 'urllib3')))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", script], cwd=root, env=os.environ, check=False).returncode == 0
