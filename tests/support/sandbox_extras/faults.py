"""Owns which request fails and how; carrying it out is the extension's."""

from __future__ import annotations

import random
import re
from collections import Counter

from engine.sandbox.errors import rate_limited
from engine.sandbox.requests import Reply, refusal_reply
from tests.support.sandbox_extras.options import Faults, ScriptedFault

BEFORE = frozenset({"throttled", "throttled_bare", "forbidden", "error_before", "reset_before", "hang_before"})
_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class FaultPlan:
    """Draws one number a request from a seeded source: the same requests in the same order fail the same way."""

    def __init__(self, faults: Faults) -> None:
        self.happened: Counter[str] = Counter()
        self.replace(faults)

    def replace(self, faults: Faults) -> None:
        """Start afresh with other faults, or with the same."""
        self.faults = faults
        self._random = random.Random(faults.seed)
        self._rates = list(faults.rates.items())
        self._scripted = [(re.compile(one.path), one, [one.times]) for one in faults.next]

    def draw(self, method: str, path: str) -> str | None:
        """The fault of this request, if any; single cases go before rates."""
        fault = self._scripted_fault(method, path) or self._drawn_fault(method)
        if fault is not None:
            self.happened[fault] += 1
        return fault

    def delays(self) -> tuple[float, float]:
        """Seconds to wait before the request counts and after its work is done.

        Jitter comes before the counting as well: a client that spaces requests by the time it sent them must be
        able to find out that the server counts them by the time they arrive.
        """
        faults = self.faults
        if not faults.latency_ms and not faults.jitter_ms:
            return 0.0, 0.0
        whole = faults.latency_ms + self._random.uniform(-faults.jitter_ms, faults.jitter_ms)
        share = self._random.uniform(0.25, 0.75) if faults.jitter_ms else 0.5
        seconds = max(whole, 0.0) / 1000
        return seconds * share, seconds * (1 - share)

    def answer(self, fault: str) -> Reply:
        """What the kinds that still answer say."""
        if fault == "throttled":
            return refusal_reply(rate_limited(self.faults.retry_after_s))
        if fault == "throttled_bare":
            return refusal_reply(rate_limited(None))
        if fault == "forbidden":
            return Reply(403, b'{"message":"Forbidden","code":"forbidden"}')
        if fault == "timeout_after":
            return Reply(408, b'{"message":"SandboxRequest Timeout"}')
        status = self._random.choice((500, 502, 503))
        if status == 502:
            # A gateway's page, not the API's JSON: clients must not count on a body they can read.
            return Reply(502, _GATEWAY, (("Content-Type", "text/html"),))
        message = b"Internal Server Error" if status == 500 else b"Service Unavailable"
        return Reply(status, b'{"message":"' + message + b'"}')

    def pending(self) -> int:
        """How many single cases have not happened yet."""
        return sum(left[0] for _, _, left in self._scripted)

    def _scripted_fault(self, method: str, path: str) -> str | None:
        for pattern, one, left in self._scripted:
            if left[0] > 0 and _is_method(one, method) and pattern.search(path):
                left[0] -= 1
                return one.fault
        return None

    def _drawn_fault(self, method: str) -> str | None:
        if not self._rates or self.faults.only == ("writes" if method == "GET" else "reads"):
            return None
        drawn = self._random.random()
        for fault, rate in self._rates:
            drawn -= rate
            if drawn < 0:
                return fault
        return None


def _is_method(one: ScriptedFault, method: str) -> bool:
    return one.method in ("*", method)
