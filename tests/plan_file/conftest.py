"""A plan file on disk, loaded, and its faults as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.model.errors import InvalidPlanFile
from engine.plan_file.loader import LoadedPlan, load
from tests.plan_file.plan_text import KEY

Load = Callable[..., LoadedPlan]
Faults = Callable[..., list[str]]


@pytest.fixture
def load_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a text as p.yaml in the working folder."""
    monkeypatch.chdir(tmp_path)

    def loaded(
        text: str | bytes, environ: Mapping[str, str] | None = None, *, resolve: bool = True, sandbox: bool = False
    ) -> LoadedPlan:
        path = Path("p.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        known = {"KEY": KEY, "EMPTY": ""} if environ is None else environ
        return load(path, environ=known, resolve=resolve, sandbox=sandbox)

    return loaded


@pytest.fixture
def faults_of(load_text: Load) -> Faults:
    """The faults of a text, each as `code|line:column: wrong; right`."""

    def faults(text: str | bytes, environ: Mapping[str, str] | None = None, **options: bool) -> list[str]:
        with pytest.raises(InvalidPlanFile) as caught:
            load_text(text, environ, **options)
        assert KEY not in str(caught.value)
        return [f"{one.code}|{str(one).removeprefix('p.yaml:')}" for one in caught.value.found]

    return faults
