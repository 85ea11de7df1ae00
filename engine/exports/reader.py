"""One export file's users and whether it says that more follow. Which files make an export is `export_files`'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.exports.errors import ExportError
from engine.exports.json_values import BadJson, JsonValues
from engine.model.cognito_records import BadRecord, parse_record
from engine.model.users import SourceUser

PAGE = 500

_TOKENS = frozenset({"PaginationToken", "NextToken"})
# A first key that only a page has; other objects are users, and are decoded whole.
_PAGE_START = re.compile(r'\{[ \t\r\n]*"(?:Users|PaginationToken|NextToken|ResponseMetadata)"')
_IN_SIGHT = 4096

_COMPLETE = "write the export anew, or use `migrate export`, which writes a complete one"


class ExportReader:
    """Reads pages `{"Users": […]}`, users, lists of either, and any number of these in one file.

    `.json` and `.jsonl` are read alike: JSON Lines are such values one after another. `read` counts the users so
    far; `more_follow` says after reading whether the last page in the file still had a token.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self.read = 0
        self.more_follow = False

    def pages(self) -> Iterator[list[SourceUser]]:
        """The file's users, about 500 at a time. Raises ExportError."""
        page: list[SourceUser] = []
        for user in self._users():
            page.append(user)
            if len(page) >= PAGE:
                yield page
                page = []
        if page:
            yield page

    def _users(self) -> Iterator[SourceUser]:
        try:
            with self._path.open("rb") as file:
                values = JsonValues(file)
                if not values.peek():
                    raise self._error("is empty", code="export_empty", remedy=_COMPLETE)
                yield from self._read(values)
        except BadJson as bad:
            if bad.cut_off:
                wrong, code = f"ends in the middle of its JSON, after {self.read:,} users", "export_cut_off"
            else:
                wrong, code = "is not JSON", "export_not_json"
            raise self._error(wrong, code=code, remedy=_COMPLETE, line=bad.line, column=bad.column) from bad
        except OSError as error:
            raise self._error(
                f"cannot be read ({error.strerror or type(error).__name__})",
                code="export_unreadable",
                remedy="make it a file that this user may read",
            ) from error

    def _read(self, values: JsonValues) -> Iterator[SourceUser]:
        while opening := values.peek():
            if opening == "[":
                yield from self._list(values)
            else:
                yield from self._one(values, opening)

    def _list(self, values: JsonValues) -> Iterator[SourceUser]:
        values.skip("[")
        if values.peek() == "]":
            # A pool without users, listed.
            self.more_follow = False
        while (opening := values.peek()) != "]":
            yield from self._one(values, opening)
            if values.peek() != "]":
                values.skip(",")
        values.skip("]")

    def _one(self, values: JsonValues, opening: str) -> Iterator[SourceUser]:
        if opening != "{":
            if opening and opening in '[]"tfn-0123456789':
                raise self._no_export(values.line)
            raise values.unexpected()
        if values.starts_with(_PAGE_START, _IN_SIGHT):
            yield from self._page(values)
            return
        line = values.line if self.read == 0 else 0
        record = values.take()
        if self.read == 0 and not record.keys() & {"Username", "Attributes", "Users"}:
            raise self._no_export(line)
        if "Users" in record:
            yield from self._small_page(record, values)
            return
        self.more_follow = False
        yield self._user(record, values)

    def _page(self, values: JsonValues) -> Iterator[SourceUser]:
        """A page read user by user: the AWS CLI writes a whole pool as one."""
        values.skip("{")
        more_follow = has_users = False
        line = values.line
        while values.peek() != "}":
            if values.peek() != '"':
                raise values.unexpected()
            key = values.take()
            values.skip(":")
            if key == "Users":
                has_users = True
                if values.peek() not in {"[", ""}:
                    raise self._no_export(values.line)
                values.skip("[")
                while values.peek() != "]":
                    yield self._user(values.take(), values)
                    if values.peek() != "]":
                        values.skip(",")
                values.skip("]")
            else:
                value = values.take()
                more_follow = more_follow or (key in _TOKENS and bool(value))
            if values.peek() != "}":
                values.skip(",")
        values.skip("}")
        if not has_users:
            raise self._no_export(line)
        self.more_follow = more_follow

    def _small_page(self, record: dict[str, Any], values: JsonValues) -> Iterator[SourceUser]:
        if not isinstance(record["Users"], list):
            raise self._no_export(values.line)
        for one in record["Users"]:
            yield self._user(one, values)
        self.more_follow = any(record.get(token) for token in _TOKENS)

    def _user(self, record: Any, values: JsonValues) -> SourceUser:
        self.read += 1
        try:
            return parse_record(record)
        except BadRecord as bad:
            raise self._error(
                f"user {self.read:,} of the file {bad}",
                code="export_bad_user",
                remedy="export whole users, as `aws cognito-idp list-users` or `migrate export` write them",
                line=values.line,
                column=1,
            ) from bad

    def _no_export(self, line: int) -> ExportError:
        return self._error(
            "is no export: it holds no Users",
            code="export_bad_shape",
            remedy="name the files that `aws cognito-idp list-users` or `migrate export` wrote",
            line=line,
            column=1,
        )

    def _error(self, wrong: str, *, code: str, remedy: str, line: int = 0, column: int = 0) -> ExportError:
        return ExportError(self._name, wrong, code=code, remedy=remedy, line=line, column=column)
