"""For all tests: what the whole run costs."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Thousands of tests are collected and stay: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()
