"""The source that a plan file names, ready to read. Opening contacts nobody and loads no boto3."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from engine.cognito.pacing import Sleep
from engine.model.ports import UserSource
from engine.model.waits import Tell, tell_nobody
from engine.plan_file.model import CognitoSource, ExportSource


def open_source(
    source: CognitoSource | ExportSource,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep | None = None,
    draw: Callable[[float, float], float] = random.uniform,
    tell: Tell = tell_nobody,
) -> UserSource:
    """The adapter for `source`. `clock`, `sleep` (seconds) and `draw` (a number between two) are for tests.

    `tell` hears of long waits.
    """
    if isinstance(source, ExportSource):
        from engine.exports.files import ExportFiles

        return ExportFiles(source)
    from engine.cognito.pool import CognitoUserPool

    return CognitoUserPool(source, clock=clock, sleep=sleep, draw=draw, tell=tell)
