"""The folder of links, with things in it that this tool did not write."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.errors import StateError
from engine.resets.outbox import Outbox

NAME = "resets-20250101T000000Z-1.jsonl.partial"


def test_what_a_kill_left_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"user_id": "user_1"}\n{"user_id": "us')
    assert Outbox(tmp_path).recover() == {"user_1"}
    assert (tmp_path / NAME.removesuffix(".partial")).read_bytes() == b'{"user_id": "user_1"}\n'


@pytest.mark.parametrize("junk", [b"junk\n", b"7\n", b"[]\n", b"{}\n", b"\xff\n", b"\n", b"junk\nmore"])
def test_junk_under_our_name_is_told_and_stays(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / NAME).write_bytes(junk)
    with pytest.raises(StateError, match="left as it is") as refused:
        Outbox(tmp_path).recover()
    assert refused.value.code == "outbox_damaged" and refused.value.remedy
    assert (tmp_path / NAME).read_bytes() == junk


def test_what_is_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / "download.partial").write_bytes(b"half")
    (tmp_path / "folder.partial").mkdir()
    (tmp_path / "target").write_bytes(b"half")
    (tmp_path / NAME).symlink_to(tmp_path / "target")
    assert Outbox(tmp_path).recover() == set()
    assert (tmp_path / "download.partial").read_bytes() == (tmp_path / "target").read_bytes() == b"half"
