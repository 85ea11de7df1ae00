"""`make demo` tells the truth: it ends with 0 only where its own counts hold, and each step is there."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.demo.counting import DATA, count
from tests.support.cli import ROOT
from tests.support.html_page import Page, number


@pytest.mark.long
def test_the_demo(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.demo", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    midway, whole = re.findall(r"([\d,]+) users from ([\d,]+) creations.* ([\d,]+) are missing, (\d+) doubled", said)
    assert number(midway[0]) < number(whole[0]) and number(midway[2]) > 0
    assert whole[0] == whole[1] and whole[2:] == ("0", "0")
    assert "$ kill -9 " in said and "Killed" not in said
    # The changed user, the conflict, the decision, go or no-go.
    assert '"free" → "enterprise"' in said and "email_change_unverified" in said
    assert "action: skip" in (folder / "quickstart.yaml").read_text() and re.search(r"skipped +1\n", said)
    assert "no-go on the sandbox" in said
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert number(page.by_id["figure-migrated"]) == number(whole[0]) - 1
    # The killed run is in it, as one that did not end.
    assert [row[1] for row in page.tables["table-runs"][1:]].count("did not end") == 1


def test_it_counts_who_is_lost_and_who_is_doubled(tmp_path: Path) -> None:
    """Else the demo could never fail."""
    (tmp_path / DATA).parent.mkdir()
    with closing(sqlite3.connect(tmp_path / DATA)) as data, data:
        data.execute("CREATE TABLE users (external_id TEXT)")
        data.execute("CREATE TABLE events (event TEXT, data TEXT)")
        data.executemany("INSERT INTO users VALUES (?)", [("a",), ("b",), ("b",)])
        made = [("user.created", f'{{"external_id": "{sub}"}}') for sub in "aabb"]
        data.executemany("INSERT INTO events VALUES (?, ?)", [*made, ("user.updated", "{}")])
    counted = count(tmp_path, ["a", "b", "c"])
    assert (counted.users, counted.created, counted.lost, counted.doubled) == (3, 4, 1, 3)
