"""Owns the sandbox of tests as a process of its own."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from engine.sandbox import process
from tests.support.sandbox_extras.options import Options


class SandboxProcess(process.SandboxProcess):
    """As the engine's, with faults and control endpoints."""

    module = "tests.support.sandbox_extras"

    def __init__(self, options: Options | None = None, *, start_timeout: float = 20.0) -> None:
        super().__init__(options or Options(), start_timeout=start_timeout)

    def command(self) -> list[str]:
        assert isinstance(self.options, Options)
        return [*super().command(), "--faults", orjson.dumps(asdict(self.options.faults)).decode()]
