"""Second factors of a pool's users: AdminGetUserAuthFactors, one call a user, within its own quota.

Not AdminGetUser, which counts the user as active for the month's bill (AWS developer guide, quotas and pricing).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from engine.cognito.aws_errors import translate
from engine.cognito.calls import ExpectedRefusal, PacedCalls
from engine.cognito.pacing import Pacer
from engine.model.errors import SourceError
from engine.model.exchanges import Trace, untraced
from engine.model.side_by_side import Sleep
from engine.plan_file.model import CognitoSource

# Cognito reads one user 120 times a second, whoever asks (AWS developer guide, quotas): some are left for sign-ins.
PER_SECOND = 100
_AT_ONCE = 8
_CHUNK = 400
# What must be enrolled again. An e-mailed code needs no enrolment.
ENROLLED = frozenset({"SOFTWARE_TOKEN_MFA", "SMS_MFA"})
# What stands in a password's place (botocore, ConfiguredUserAuthFactors).
INSTEAD = frozenset({"WEB_AUTHN", "EMAIL_OTP", "SMS_OTP"})
_ACTION = "cognito-idp:AdminGetUserAuthFactors"


class AuthFactors:
    """Reads factors from one pool. Blocking."""

    def __init__(
        self,
        source: CognitoSource,
        *,
        client: Any = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = time.sleep,
        draw: Callable[[float, float], float] = random.uniform,
        trace: Trace = untraced,
    ) -> None:
        self._source = source
        self._client = client
        self.calls = PacedCalls(source, Pacer(PER_SECOND, clock=clock), sleep=sleep, draw=draw, trace=trace)

    @property
    def per_second(self) -> int:
        """See the port."""
        return PER_SECOND

    def read(self, users: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
        """(sub, factors) of those of (sub, username) who have any; users who are gone by now are left out.

        Raises SourceError.
        """
        for sub, answer in self._answers(users):
            held = ENROLLED.intersection(answer.get("UserMFASettingList") or ())
            if found := sorted(held | INSTEAD.intersection(answer.get("ConfiguredUserAuthFactors") or ())):
                yield sub, found

    def passwordless(self, users: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Subs of those of (sub, username) who sign in with something else and have no password.

        Of whom Cognito lists nothing at all is not known to be without one. Raises SourceError.
        """
        for sub, answer in self._answers(users):
            configured = answer.get("ConfiguredUserAuthFactors") or ()
            if configured and "PASSWORD" not in configured:
                yield sub

    def _answers(self, users: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
        client = self._client = self._open()
        left = iter(users)

        def ask(user: tuple[str, str]) -> tuple[str, Any]:
            return user[0], self._factors(client, user[1])

        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="factors") as threads:
            while chunk := list(islice(left, _CHUNK)):
                yield from threads.map(ask, chunk)

    def _factors(self, client: Any, username: str) -> Any:
        def send() -> Any:
            return client.admin_get_user_auth_factors(UserPoolId=self._source.user_pool_id, Username=username)

        try:
            return self.calls.call(_ACTION, send, expected=frozenset({"UserNotFoundException"}))
        except ExpectedRefusal:
            return {}

    def _open(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        from engine.cognito.aws_session import open_client

        try:
            client = self._client or open_client(self._source, connections=_AT_ONCE)
        except (BotoCoreError, ClientError, ValueError) as error:
            raise translate(error, _ACTION, self._source) from error
        if not hasattr(client, "admin_get_user_auth_factors"):
            raise SourceError(
                "this boto3 does not know AdminGetUserAuthFactors",
                remedy="upgrade boto3 and botocore",
                code="boto3_too_old",
            )
        return client
