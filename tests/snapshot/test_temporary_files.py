"""Where SQLite puts what does not fit into memory: beside the snapshot, never into the system's folder."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from engine.snapshot import database

_ROWS = """
CREATE TEMP TABLE many AS
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
SELECT i, randomblob(40) AS b FROM n
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed on Linux alone")
@pytest.mark.parametrize("name", ["plain", "Ann's folder; with \N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_temporary_tables_stand_beside_the_snapshot(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    before = _temporary_files()
    with closing(database.create(folder / "acme.snapshot.db")) as connection:
        connection.execute("PRAGMA temp.cache_size = 10")
        connection.execute(_ROWS)
        connection.execute("SELECT * FROM many ORDER BY b").fetchone()
        opened = _temporary_files() - before
        assert opened
        assert {Path(one).parent for one in opened} == {folder}
    # SQLite deletes their names as it opens them: nothing can be left behind.
    assert [one.name for one in folder.iterdir()] == ["acme.snapshot.db"]


def _temporary_files() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        try:
            found.add(os.readlink(one))
        except FileNotFoundError:  # the listing's own
            continue
    return {one for one in found if "etilqs" in one}
