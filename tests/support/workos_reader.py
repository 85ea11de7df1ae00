"""Reads a sandbox over plain HTTP, without the engine: what a test holds the engine against."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


class WorkOSReader:
    """One sandbox at `url`. The control endpoints are `tests.support.sandbox_extras`'."""

    def __init__(self, url: str, api_key: str = "sk_test_sandbox") -> None:
        self._url = url
        self._key = api_key

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; the answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def quiet(self) -> None:
        """No more faults and no quotas, so that reading back is not part of the test."""
        self.call("PUT", "/_sandbox/faults", {"rates": {}, "next": [], "latency_ms": 0})
        self.call("PUT", "/_sandbox/quotas", {"writes_per_10s": None, "reads_per_10s": None, "requests_per_60s": None})

    def stats(self) -> dict[str, Any]:
        """Requests, answers, windows, data."""
        return dict(self.call("GET", "/_sandbox/stats"))

    def users(self) -> list[dict[str, Any]]:
        """Every user, oldest first."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.call("GET", f"/user_management/users?limit=100&order=asc{after}")
            found += page["data"]
            if not page["list_metadata"]["after"]:
                return found
            after = f"&after={page['list_metadata']['after']}"
