from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.state.file import StateFile
from tests.state.words import IDENTITY, KEY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "acme.state.db"


@pytest.fixture
def state(path: Path) -> Iterator[StateFile]:
    with StateFile.open(path, IDENTITY, key=KEY) as state:
        yield state
