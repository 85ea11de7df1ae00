"""An HTML page as its reader gets it: tables by id, cell by cell, ids, attributes and elements."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = frozenset({"meta", "br", "img", "input", "link", "hr", "base", "embed", "source"})


class Page(HTMLParser):
    """Parses once. `open` is what was never closed, which a sound page leaves empty."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.by_id: dict[str, str] = {}
        self.text = ""
        self.open: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if tag not in _VOID:
            self.open.append((tag, found.get("id", "")))
        if "id" in found:
            assert found["id"] not in self.by_id, f"the id {found['id']} stands there twice"
            self.by_id[found["id"]] = ""
        if tag == "table":
            self.tables[found.get("id", "")] = []
        elif tag == "tr":
            self._rows().append([])
        elif tag in ("th", "td"):
            self._rows()[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1][0] == tag, f"</{tag}> closes {self.open[-1][0]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _ in self.open]
        if "style" in inside or "script" in inside:
            return
        self.text += data
        for _, name in self.open:
            if name:
                self.by_id[name] += data
        if "td" in inside or "th" in inside:
            self._rows()[-1][-1] += data

    def _rows(self) -> list[list[str]]:
        return list(self.tables.values())[-1]


def number(text: str) -> int:
    """1,234 as a number."""
    return int(text.replace(",", ""))
