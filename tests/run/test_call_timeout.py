from __future__ import annotations

import pytest

from engine.cli.opening import call_timeout
from engine.model.errors import MigrateError


@pytest.mark.parametrize(("written", "seconds"), [("", 20.0), ("5", 5.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_the_sdks_variable(monkeypatch: pytest.MonkeyPatch, written: str, seconds: float) -> None:
    monkeypatch.setenv("WORKOS_REQUEST_TIMEOUT", written)
    assert call_timeout() == seconds


@pytest.mark.parametrize("written", ["abc", "0", "-1", "nan", "inf", "1e9", "20 s"])
def test_what_is_no_time_is_bad_usage(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("WORKOS_REQUEST_TIMEOUT", written)
    with pytest.raises(MigrateError, match="WORKOS_REQUEST_TIMEOUT") as refused:
        call_timeout()
    assert (refused.value.code, refused.value.exit_code) == ("bad_usage", 1) and refused.value.remedy
