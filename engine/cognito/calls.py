"""Calls to one user pool: each try paced, what may work later tried again, the rest translated.

The only place that decides between failing and trying again. What is asked for, and paging, are others' business.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from engine.cognito.aws_errors import error_code, judge, translate
from engine.cognito.pacing import Pacer
from engine.model.errors import SourceError
from engine.model.exchanges import Exchange, Trace, untraced
from engine.model.side_by_side import Sleep
from engine.model.waits import LONGEST, TOLD_FROM, Tell, pause_asked, tell_nobody, until
from engine.plan_file.model import CognitoSource

T = TypeVar("T")

TRIES = 8
FIRST_CONTACT_TRIES = 4  # a wrong region or endpoint is the likelier reason, and somebody waits at a terminal
_BASE_S = 0.5
_CAP_S = 20.0


class ExpectedRefusal(Exception):
    """Cognito refused a call with a code that the caller said it would handle."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class PacedCalls:
    """Sends calls under one pacer. Thread-safe; `requests`, `throttled` and `retried` count what was sent."""

    def __init__(
        self,
        pool: CognitoSource,
        pacer: Pacer,
        *,
        sleep: Sleep = time.sleep,
        draw: Callable[[float, float], float] = random.uniform,
        tell: Tell = tell_nobody,
        now: Callable[[], float] = time.time,
        trace: Trace = untraced,
    ) -> None:
        self._pool = pool
        self._pacer = pacer
        self._sleep = sleep
        self._draw = draw
        self._tell = tell
        self._now = now
        self._trace = trace
        self._counting = threading.Lock()
        self.requests = 0
        self.throttled = 0
        self.retried = 0

    def call(
        self,
        action: str,
        send: Callable[[], T],
        *,
        expected: frozenset[str] = frozenset(),
        sleep: Sleep | None = None,
        tries: int = TRIES,
    ) -> T:
        """What `send` returns. `action` is the IAM action, for messages.

        Raises ExpectedRefusal for the codes in `expected`, else SourceError, both from botocore's error; and what
        `sleep` raises, which is how a reader that was closed leaves.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        from engine.cognito.aws_session import UnreadableAnswer

        sleep = sleep or self._sleep
        tried = 0
        asked = 0.0  # seconds that Cognito asked this call to wait, all together
        while True:
            self._pacer.take(sleep)
            tried += 1
            began = time.monotonic()
            try:
                answer = send()
            except (BotoCoreError, ClientError, ResponseParserError, UnreadableAnswer) as error:
                code = error_code(error)
                self._tell_of(action, code or type(error).__name__, began)
                if code and code in expected:
                    self._count(tried, throttled=False)
                    raise ExpectedRefusal(code) from error
                verdict = judge(error)
                self._count(tried, throttled=verdict.kind == "throttled")
                asked += verdict.retry_after or 0.0
                if asked > LONGEST:
                    raise self._too_long(verdict.retry_after or 0.0) from error
                if asked > TOLD_FROM and verdict.retry_after:
                    self._tell(pause_asked("Cognito", self._now() + verdict.retry_after))
                if verdict.kind == "throttled":
                    self._pacer.slow_down(verdict.retry_after)
                # DNS answers "no such name" at once and for good, but a resolver that just restarts does so too.
                most = min(tries, 2) if verdict.kind == "unresolved" else tries
                if verdict.kind == "final" or tried >= most:
                    raise translate(error, action, self._pool) from error
                backoff = self._draw(0.0, min(_CAP_S, _BASE_S * 2 ** (tried - 1)))
                sleep(max(backoff, verdict.retry_after or 0.0))
            else:
                self._tell_of(action, "200", began)
                self._count(tried, throttled=False)
                return answer

    def _tell_of(self, action: str, end: str, began: float) -> None:
        if self._trace is not untraced:
            # Every operation of Cognito's is a POST to one path; the operation's name stands for it.
            operation = action.removeprefix("cognito-idp:")
            self._trace(Exchange("Cognito", "POST", operation, end, time.monotonic() - began))

    def _too_long(self, seconds: float) -> SourceError:
        return SourceError(
            f"Cognito asks for a pause until {until(self._now() + seconds)} (Retry-After)",
            remedy="run again after that",
            code="retry_later",
        )

    def _count(self, tried: int, *, throttled: bool) -> None:
        with self._counting:
            self.requests += 1
            self.retried += tried > 1
            self.throttled += throttled
