"""The quickstart's report in Chromium: the figures that it shows, what it asks the network for, whom it names."""

from __future__ import annotations

import json
import re
import shutil
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import quickstart
from tests.support.chromium import Loaded, chromium, load, picture
from tests.support.cli import ROOT, Cli
from tests.support.html_page import Page, number

PLAN = "plans/quickstart.yaml"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the quickstart after its first apply."""
    chromium()
    folder = tmp_path_factory.mktemp("report")
    shutil.copytree(ROOT / "plans", folder / "plans", ignore=shutil.ignore_patterns(".migrate"))
    cli = Cli(folder, {})
    assert cli("apply", PLAN, "--sandbox").code == 0
    ended = cli("report", PLAN, "--sandbox", "--out", "report.html")
    assert ended.code == 0, ended.said
    return folder / "report.html"


@pytest.fixture(scope="module")
def loaded(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(written, tmp_path_factory.mktemp("browser"))


def test_the_figures_that_chromium_shows_add_up(loaded: Loaded) -> None:
    page = Page(loaded.dom)
    pool = {row[0]: number(row[1]) for row in page.tables["table-pool"][1:]}
    assert pool.pop("in the pool") == sum(pool.values()) == 335
    assert number(page.by_id["figure-seen"]) == 335
    assert number(page.by_id["figure-migrated"]) == pool["migrated"] > 250
    assert number(page.by_id["figure-pending"]) == pool["pending"] == 0
    moves = pool["migrated"] + pool["pending"] + pool["conflicts"]
    duties = {row[0]: row for row in page.tables["table-act"][1:]}
    assert all(number(row[2]) <= moves for row in duties.values() if row[2] != "–")
    resets = number(duties["reset their password"][2])
    assert int(duties["reset their password"][1]) == round(100 * resets / moves)
    assert f"{moves} of {moves}" in page.text  # everybody must act: by password or by provider
    filled = {row[0]: number(row[2]) for row in page.tables["table-fields"][1:]}
    selected = moves + pool["merged"]
    assert filled["email"] == filled["external_id"] == selected
    assert all(number_ <= selected for number_ in filled.values())
    (run,) = page.tables["table-runs"][1:]
    assert number(run[2]) == pool["migrated"]
    # The charts are drawn, with as many bars as they have rows.
    assert loaded.dom.count("<svg") == 4
    assert loaded.dom.count("<rect") > len(page.tables["table-pool"])


def test_nothing_is_fetched_and_nothing_is_refused(loaded: Loaded) -> None:
    assert loaded.fetched == []
    # The policy lets the page's own style sheet pass: a refusal would be told on the console.
    assert "Content Security Policy" not in loaded.said


def test_nobody_stands_in_it(loaded: Loaded) -> None:
    users = [user for text in quickstart.pages().values() for user in json.loads(text)["Users"]]
    words = {user["Username"] for user in users}
    for user in users:
        held = {one["Name"]: one["Value"] for one in user["Attributes"]}
        words |= {held.get(name, "") for name in ("sub", "email", "given_name", "family_name", "preferred_username")}
        words |= {held.get("email", "").partition("@")[0]}
    # The page's own words: a user of the quickstart is called nobody.
    words -= {"", "nobody"}
    assert len(words) > 900
    # As whole words: somebody may be called like a part of one.
    there = set(re.findall(r"[^\s<>\"'=(),;:|]+", loaded.dom))
    assert {word for word in words if word in there or ("@" in word and word in loaded.dom)} == set()
    assert not re.search(r"user_[0-9A-Z]{26}|[0-9a-f]{8}-[0-9a-f]{4}-|@example", loaded.dom)


def test_an_element_that_fetches_is_found_and_the_policy_stops_it(written: Path, tmp_path: Path) -> None:
    html = written.read_text(encoding="utf-8")
    with server() as (address, asked):
        foreign = f'<img src="{address}/img"><script src="{address}/script"></script>'
        foreign += f'<link rel="stylesheet" href="{address}/css">'
        planted = html.replace("<main", f"{foreign}<main")
        page = tmp_path / "planted.html"
        page.write_text(planted, encoding="utf-8")
        stopped = load(page, tmp_path)
        assert asked == []
        assert "Content Security Policy" in stopped.said
        page.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", planted), encoding="utf-8")
        free = load(page, tmp_path)
    assert sorted(asked) == ["/css", "/img", "/script"]
    assert free.fetched == [f"{address}/{one}" for one in ("css", "img", "script")]


@pytest.mark.parametrize("width", [1100, 500])
def test_dark_mode_is_another_picture(written: Path, tmp_path: Path, width: int) -> None:
    light = picture(written, tmp_path, width=width)
    dark = picture(written, tmp_path, width=width, dark=True)
    for one in (light, dark):
        assert struct.unpack(">II", one[16:24]) == (width, 1200)
    assert light != dark


@contextmanager
def server() -> Iterator[tuple[str, list[str]]]:
    """An address on loopback, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{found.server_port}", asked
        finally:
            found.shutdown()
            thread.join()
