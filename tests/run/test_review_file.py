"""A review's file that was blown up: refused at its first line that is out of order, however many follow."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest

from engine.model.errors import MigrateError
from engine.run.review_file import read_entries


def test_a_line_that_is_repeated_for_ever_is_refused_at_once(tmp_path: Path) -> None:
    """A few megabytes of gzip would fill a disk before anybody counts them."""
    path = tmp_path / "reviewed"
    line = b'["user","AAAAAAAAAAAAAAAA","unchanged"]\n'
    path.write_bytes(gzip.compress(b"{}\n" + line * 100_000))
    read = itertools.islice(read_entries(path, 0), 10)
    with pytest.raises(MigrateError, match="is no review"):
        list(read)


def test_a_line_out_of_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reviewed"
    lines = b'["user","AAAAAAAAAAAAAAAB","unchanged"]\n["user","AAAAAAAAAAAAAAAA","unchanged"]\n{"entries":2}\n'
    path.write_bytes(gzip.compress(b"{}\n" + lines))
    with pytest.raises(MigrateError, match="is no review"):
        list(read_entries(path, 0))
