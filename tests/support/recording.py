"""Fixtures: every exchange with a sandbox, whichever process runs it, is held against the vendor's API description."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from engine.sandbox.requests import Handled
from engine.sandbox.server import Server
from tests.support import description, recorder
from tests.support.description import Description, Exchange
from tests.support.deviations import unexplained


@dataclass
class Recording:
    """The exchanges of all sandboxes that were started with `folder` on their PYTHONPATH."""

    folder: Path
    _read: dict[Path, int] = field(default_factory=dict)

    def news(self) -> Iterator[Exchange]:
        """Those since the last call."""
        for path in sorted(self.folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                text = file.read()
            # A killed sandbox may leave half a line.
            whole = text[: text.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            for line in whole.splitlines():
                found = json.loads(line)
                yield Exchange(**{**found, "query": [(name, value) for name, value in found["query"]]})


def record(server: Server) -> list[Exchange]:
    """Every exchange of the API from now on with a sandbox in this process."""
    exchanges: list[Exchange] = []
    handle = server.service.handle

    def recorded(
        method: str, raw_path: str, query: Sequence[tuple[str, str]], body: bytes, authorization: str | None
    ) -> Handled:
        handled = handle(method, raw_path, query, body, authorization)
        if not raw_path.startswith("/_sandbox/"):
            answer = handled.reply
            exchanges.append(
                Exchange(method, raw_path, query, body.decode(), answer.status, answer.body.decode(), handled.fault)
            )
        return handled

    server.service.handle = recorded  # type: ignore[method-assign]
    return exchanges


@cache
def the_description() -> Description:
    """The vendor's, read once."""
    return Description()


def installed() -> bool:
    """Whether the description is there. Fails where CI requires it."""
    if description.PATH.exists():
        return True
    if os.environ.get("MIGRATE_REQUIRE_EMULATOR"):
        pytest.fail("the vendor's API description is not installed: `make emulator` does it")
    return False


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording | None]:
    """Every Python that this test process starts records itself if it becomes a sandbox; None without a description."""
    if not installed():
        yield None
        return
    folder = tmp_path_factory.mktemp("recording")
    shutil.copy(recorder.__file__, folder / "sitecustomize.py")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield Recording(folder)


@pytest.fixture(autouse=True)
def as_described(recording: Recording | None) -> Iterator[None]:
    """After each test: what it made the sandboxes receive and answer is as the vendor describes it."""
    yield
    if recording is not None:
        faults = [fault for one in recording.news() for fault in the_description().faults(one)]
        assert not (left := unexplained(faults)), "\n".join(map(str, left[:20]))
