"""The acceptance tests' world, for the commands of this folder: a plan, export files, a sandbox for WorkOS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tests.acceptance.conftest import as_described, recording, sandbox, world
from tests.support.instant_loop import InstantLoop

__all__ = ["as_described", "recording", "sandbox", "world"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """These worlds wait for nothing outside of them: they run on a loop on which nothing waits."""
    return {"instantly": InstantLoop}
