"""botocore's errors, judged and translated by class and code, never by their text (which may hold user data)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.cognito.aws_session import UnreadableAnswer
from engine.model.errors import SourceError
from engine.model.waits import CENTURY
from engine.plan_file.model import CognitoSource

ErrorKind = Literal["throttled", "transient", "unresolved", "final"]

_THROTTLED = frozenset(
    {
        "TooManyRequestsException",
        "TooManyRequests",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "SlowDown",
    }
)
_TRANSIENT = frozenset(
    {"InternalErrorException", "InternalFailure", "InternalServerError", "RequestTimeout", "RequestTimeoutException"}
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_REJECTED = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AuthFailure",
    }
)
ACCESS_DENIED = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorizedException", "OptInRequired"}
)
NOT_FOUND = frozenset({"ResourceNotFoundException"})
BAD_PARAMETER = frozenset({"InvalidParameterException", "ValidationException", "ValidationError"})


@dataclass(frozen=True, slots=True)
class ErrorVerdict:
    """Whether another try is worth it, and the service's own word on when (seconds)."""

    kind: ErrorKind
    retry_after: float | None = None


def error_code(error: BaseException) -> str:
    """The service's error code; "" for what never got an answer."""
    from botocore.exceptions import ClientError

    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def judge(error: Exception) -> ErrorVerdict:
    """Throttled and transient may work later; unresolved is a name that DNS does not know; the rest is final."""
    from botocore import exceptions, parsers

    if isinstance(error, exceptions.ClientError):
        meta = error.response.get("ResponseMetadata", {})
        status, code = meta.get("HTTPStatusCode", 0), error_code(error)
        retry_after = _seconds(meta.get("HTTPHeaders", {}).get("retry-after"))
        if status == 429 or code in _THROTTLED:
            return ErrorVerdict("throttled", retry_after)
        if status >= 500 or status == 408 or code in _TRANSIENT:
            return ErrorVerdict("transient", retry_after)
        return ErrorVerdict("final")
    if isinstance(error, UnreadableAnswer | parsers.ResponseParserError | exceptions.IncompleteReadError):
        return ErrorVerdict("transient")
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return ErrorVerdict(_judge_connection(error))
    return ErrorVerdict("final")


def translate(error: Exception, action: str, pool: CognitoSource) -> SourceError:
    """The error that ends the reading, for the IAM action (`cognito-idp:ListUsers`) that met it."""
    from botocore import exceptions

    verdict = judge(error)
    if verdict.kind != "final":
        return _gave_up(verdict.kind, action, pool)
    if isinstance(error, exceptions.ClientError):
        return _refused(error_code(error), error.operation_name, action, pool)
    if isinstance(error, exceptions.ProfileNotFound):
        return SourceError(
            f"the AWS profile {pool.profile!r} does not exist" if pool.profile else "the AWS profile does not exist",
            remedy="name one that `aws configure list-profiles` shows, or leave `profile` out",
            code="no_credentials",
        )
    if isinstance(error, _credential_errors()):
        return SourceError(
            f"no AWS credentials to read user pool {pool.user_pool_id} with ({type(error).__name__})",
            remedy="sign in (`aws sso login`), set AWS_PROFILE or AWS_ACCESS_KEY_ID, or name a `profile`",
            code="no_credentials",
        )
    if isinstance(error, exceptions.NoRegionError | exceptions.UnknownRegionError | exceptions.InvalidRegionError):
        return _no_region(pool)
    if isinstance(error, exceptions.SSLError | exceptions.HTTPClientError):
        return SourceError(
            f"no trusted connection to Cognito in {pool.region}: its certificate is refused",
            remedy="name your proxy's certificates in AWS_CA_BUNDLE, or correct `endpoint_url`",
            code="untrusted_certificate",
        )
    return SourceError(
        f"{action} on user pool {pool.user_pool_id} could not be sent ({type(error).__name__})",
        remedy="check `source.cognito` in the plan file and the AWS configuration",
        code="aws_error",
    )


def _refused(code: str, operation: str, action: str, pool: CognitoSource) -> SourceError:
    if code in _EXPIRED:
        return SourceError(
            "the AWS credentials have expired",
            remedy="sign in again (`aws sso login` or new session credentials), then run again",
            code="no_credentials",
        )
    if code in _REJECTED:
        return SourceError(
            f"AWS does not accept the credentials ({code})",
            remedy="check the access key, the session token and this machine's clock",
            code="no_credentials",
        )
    if operation == "AssumeRole":
        return SourceError(
            f"the role {pool.role_arn} cannot be assumed ({code})",
            remedy="allow sts:AssumeRole on it to these credentials, and these credentials in its trust policy",
            code="access_denied",
        )
    if code in ACCESS_DENIED:
        return SourceError(
            f"the AWS credentials may not read user pool {pool.user_pool_id} ({code})",
            remedy=f"allow them {action} on that pool",
            code="access_denied",
        )
    if code in NOT_FOUND:
        return SourceError(
            f"there is no user pool {pool.user_pool_id} in {pool.region} of this AWS account",
            remedy="check `user_pool_id` and `region`, and that the credentials are of the pool's account",
            code="pool_not_found",
        )
    return SourceError(
        f"Cognito refused {action} on user pool {pool.user_pool_id} ({code or 'no code'})",
        remedy="check `user_pool_id` and `region`",
        code="aws_error",
    )


def _gave_up(kind: ErrorKind, action: str, pool: CognitoSource) -> SourceError:
    if kind == "throttled":
        return SourceError(
            f"Cognito kept refusing {action} on user pool {pool.user_pool_id} as too many requests",
            remedy="lower `requests_per_second` or wait until others read less: the quota is the whole account's",
            code="throttled",
        )
    if kind == "unresolved":
        return _no_region(pool)
    return SourceError(
        f"Cognito in {pool.region} could not be reached or kept failing at {action}",
        remedy="check the network, a proxy and `endpoint_url`, then run again",
        code="unreachable",
    )


def _no_region(pool: CognitoSource) -> SourceError:
    where = f"the endpoint {pool.endpoint_url}" if pool.endpoint_url else f"Cognito in the region {pool.region}"
    return SourceError(
        f"{where} cannot be found",
        remedy="check `region`, `endpoint_url` and this machine's DNS",
        code="region_not_found",
    )


def _judge_connection(error: Exception) -> ErrorKind:
    import ssl

    from urllib3.exceptions import NameResolutionError

    for cause in _causes(error):
        if isinstance(cause, NameResolutionError):
            return "unresolved"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "final"
    return "transient"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What botocore and urllib3 have wrapped: in `kwargs["error"]`, `reason`, the first argument or the cause."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        kwargs = getattr(one, "kwargs", {})
        waiting += [kwargs.get("error"), getattr(one, "reason", None), one.__cause__, *one.args[:1]]


def _credential_errors() -> tuple[type[Exception], ...]:
    from botocore import exceptions

    return (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.ConfigNotFound,
        exceptions.InvalidConfigError,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
        exceptions.NoAuthTokenError,
        exceptions.MetadataRetrievalError,
        exceptions.RefreshWithMFAUnsupportedError,
        exceptions.LoginError,
        exceptions.UnknownCredentialError,
        exceptions.InfiniteLoopConfigError,
    )


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return min(seconds, CENTURY) if math.isfinite(seconds) and seconds >= 0 else None
