"""Export files of every shape, and every fault with its place."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.exports import json_values
from engine.exports.errors import ExportError
from engine.exports.files import ExportFiles
from engine.model.cognito_records import parse_record
from engine.model.errors import SourceError
from engine.model.users import SourceUser
from engine.plan_file.model import ExportSource
from tests.support.cognito import invent_users

USERS = invent_users(10)
EXPECTED = [parse_record(one) for one in USERS]


def read(base: Path, *patterns: str) -> list[SourceUser]:
    return [user for page in ExportFiles(ExportSource(patterns, base)).pages() for user in page]


def fault(base: Path, *patterns: str) -> ExportError:
    with pytest.raises(ExportError) as raised:
        read(base, *patterns)
    for one in USERS:
        assert one["Username"] not in str(raised.value)
    return raised.value


def page(users: Sequence[Any], **more: Any) -> dict[str, Any]:
    return {"Users": list(users), **more}


SHAPES = {
    "page": json.dumps(page(USERS)),
    "page indented": json.dumps(page(USERS), indent=4),
    "page, token null": json.dumps(page(USERS, PaginationToken=None)),
    "page, token empty": json.dumps(page(USERS, PaginationToken="")),
    "token first": json.dumps({"NextToken": None, "ResponseMetadata": {"HTTPStatusCode": 200}, "Users": USERS}),
    "other key first": json.dumps({"Count": 10, "Users": USERS, "Pool": "x"}),
    "list of pages": json.dumps([page(USERS[:6], PaginationToken="t"), page([]), page(USERS[6:])]),
    "list of users": json.dumps(USERS),
    "pages one after another": json.dumps(page(USERS[:6], NextToken="t"), indent=2) + json.dumps(page(USERS[6:])),
    "lists one after another": json.dumps(USERS[:3]) + "\n" + json.dumps(USERS[3:]) + "\n\n",
    "users a line": "\n".join(json.dumps(one) for one in USERS),
    "users a line, blank lines, CRLF": "\r\n\r\n".join(json.dumps(one) for one in USERS) + "\r\n",
    "pages a line": "\n".join(json.dumps(page([one])) for one in USERS),
    "not ASCII": json.dumps(page(USERS), ensure_ascii=False),
}


@pytest.mark.parametrize("name", ["users.json", "users.jsonl"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_every_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str, name: str, chunk: int) -> None:
    monkeypatch.setattr(json_values, "_CHUNK", max(chunk, 3))
    (tmp_path / name).write_bytes(SHAPES[shape].encode())
    assert read(tmp_path, "users.*") == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "users.json").write_text(json.dumps(page(USERS), ensure_ascii=False), encoding=encoding)
    assert read(tmp_path, "users.json") == EXPECTED


def test_no_users_is_an_export(tmp_path: Path) -> None:
    for name, text in {"a.json": '{"Users": []}', "b.json": "[]", "c.json": '[{"Users": [ ]}]'}.items():
        (tmp_path / name).write_text(text)
        assert read(tmp_path, name) == []


def write_pages(
    base: Path, sizes: Sequence[int], *, last_token: str | None = None, name: str = "users_{}.json"
) -> None:
    at = 0
    for number, size in enumerate(sizes, 1):
        token = last_token if number == len(sizes) else f"token-{number}"
        more = {} if token is None else {"PaginationToken": token}
        (base / name.format(number)).write_text(json.dumps(page(USERS[at : at + size], **more)))
        at += size


def test_the_guides_pages_in_natural_order(tmp_path: Path) -> None:
    write_pages(tmp_path, [1] * 10)
    assert read(tmp_path, "users_*.json") == EXPECTED
    assert ExportFiles(ExportSource(("users_*.json",), tmp_path)).describe().label == "10 export files"


def test_a_truncated_export_names_the_way_out(tmp_path: Path) -> None:
    write_pages(tmp_path, [6], last_token="more")
    error = fault(tmp_path, "users_*.json")
    assert error.code == "truncated_export"
    assert str(error) == (
        "users_1.json: the export is cut off after 6 users: its last page still has a token; write a complete one "
        "with `migrate export` (the guide's script keeps the first page only)"
    )


@pytest.mark.parametrize("token", ["PaginationToken", "NextToken"])
@pytest.mark.parametrize("shape", ["page", "list", "token first", "line"])
def test_truncated_in_every_shape(tmp_path: Path, token: str, shape: str) -> None:
    text = {
        "page": json.dumps(page(USERS, **{token: "t"})),
        "list": json.dumps([page(USERS[:2]), page(USERS[2:], **{token: "t"})]),
        "token first": json.dumps({token: "t", "Users": USERS}),
        "line": json.dumps(page(USERS[:2])) + "\n" + json.dumps({"x": 1, **page(USERS[2:], **{token: "t"})}),
    }[shape]
    (tmp_path / "users.json").write_text(text)
    assert fault(tmp_path, "users.json").code == "truncated_export"


def test_each_pattern_is_a_chain_of_its_own(tmp_path: Path) -> None:
    write_pages(tmp_path, [2, 2], last_token="more", name="a_{}.json")
    write_pages(tmp_path, [2, 2], name="b_{}.json")
    assert fault(tmp_path, "a_*.json", "b_*.json").code == "truncated_export"
    assert fault(tmp_path, "b_*.json", "a_*.json").code == "truncated_export"


def test_several_exports_under_one_pattern(tmp_path: Path) -> None:
    write_pages(tmp_path, [3, 3])
    (tmp_path / "users_3.json").write_text(json.dumps(USERS[6:]))
    assert read(tmp_path, "users_*.json") == EXPECTED


def test_a_file_under_two_patterns_is_read_once(tmp_path: Path) -> None:
    write_pages(tmp_path, [5, 5])
    assert read(tmp_path, "users_*.json", "*.json", "users_2.json") == EXPECTED


def test_a_user_twice_is_given_twice(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(json.dumps(USERS + USERS[:1]))
    assert len(read(tmp_path, "users.json")) == 11


def test_absolute_and_nested_patterns(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "users.json").write_text(json.dumps(USERS))
    assert read(tmp_path, "**/*.json") == EXPECTED
    assert read(Path("/nonexistent"), str(tmp_path / "x" / "*.json")) == EXPECTED


def test_groups_come_with_the_users(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(json.dumps([{**USERS[0], "Groups": ["a", "b"]}, USERS[1]]))
    assert [user.groups for user in read(tmp_path, "users.json")] == [("a", "b"), None]


BAD = {
    "empty": ("", "export_empty", "users.json: is empty"),
    "blank": (" \n \n", "export_empty", "users.json: is empty"),
    "prose": ("Unable to locate credentials", "export_not_json", "users.json:1:1: is not JSON"),
    "a word": ('{"Users": [\n  anna@example.com]}', "export_not_json", "users.json:2:3: is not JSON"),
    "no comma": (
        json.dumps(USERS[0]) + "\n" + '{"Users": [] "x": 1}',
        "export_not_json",
        "users.json:2:14: is not JSON",
    ),
    "a number": ("5", "export_bad_shape", "users.json:1:1: is no export: it holds no Users"),
    "text": ('"x"', "export_bad_shape", "users.json:1:1: is no export: it holds no Users"),
    "another object": ('{"UserPools": []}', "export_bad_shape", "users.json:1:1: is no export: it holds no Users"),
    "users no list": ('{\n"Users": {}}', "export_bad_shape", "users.json:2:1: is no export: it holds no Users"),
    "page without users": ('{"NextToken": "x"}', "export_bad_shape", "users.json:1:1: is no export: it holds no Users"),
    "list of lists": ("[[]]", "export_bad_shape", "users.json:1:1: is no export: it holds no Users"),
    "NaN": ('{"Users": NaN}', "export_bad_shape", "users.json:1:1: is no export: it holds no Users"),
    "user is no object": ('{"Users": [5]}', "export_bad_user", "users.json:1:1: user 1 of the file is not an object"),
    "no sub": (
        json.dumps(USERS[0]) + '\n{"Username": "user-1", "Attributes": []}',
        "export_bad_user",
        "users.json:2:1: user 2 of the file has no attribute sub",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_faults_name_their_place(tmp_path: Path, case: str) -> None:
    text, code, message = BAD[case]
    (tmp_path / "users.json").write_text(text)
    error = fault(tmp_path, "users.json")
    assert error.code == code
    assert str(error).startswith(message + ";")
    (diagnostic,) = error.diagnostics()
    assert diagnostic.file == "users.json"
    assert diagnostic.right


def test_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_bytes(b'{"Users": [\n"\xff\xfe"]}')
    assert fault(tmp_path, "users.json").code == "export_not_json"


def test_faults_far_into_a_file_have_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "_CHUNK", 64)
    lines = [json.dumps(one) for one in USERS]
    (tmp_path / "users.jsonl").write_text("\n".join([*lines, "   oops"]))
    assert str(fault(tmp_path, "users.jsonl")).startswith("users.jsonl:11:4: is not JSON;")


def test_a_fault_does_not_load_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "_LONGEST_VALUE", 2000)
    monkeypatch.setattr(json_values, "_CHUNK", 100)
    (tmp_path / "users.json").write_text('{"Users": [{"Username": ' + '"x' * 50_000)
    assert fault(tmp_path, "users.json").code == "export_not_json"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.sampled_from(["page indented", "list of pages", "list of users", "token first"]), data=st.data())
def test_a_cut_off_file_is_never_the_whole(tmp_path: Path, shape: str, data: st.DataObject) -> None:
    whole = SHAPES[shape]
    (tmp_path / "users.json").write_text(whole[: data.draw(st.integers(1, len(whole) - 1))])
    error = fault(tmp_path, "users.json")
    assert error.code in {"export_cut_off", "export_not_json"}


def test_cut_off_says_so(tmp_path: Path) -> None:
    for at in (-1, -3, -10):
        (tmp_path / "users.json").write_text(SHAPES["page"][:at])
        error = fault(tmp_path, "users.json")
        assert error.code == "export_cut_off"
        assert "ends in the middle of its JSON, after" in str(error)


def test_no_file_matches(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as raised:
        ExportFiles(ExportSource(("users_*.json",), tmp_path)).describe()
    assert str(raised.value) == (
        f"users_*.json: no file matches this pattern; patterns count from the plan file's folder, {tmp_path}"
    )
    assert raised.value.code == "export_not_found"
    (tmp_path / "users_1.json").mkdir()
    assert fault(tmp_path, "users_*.json").code == "export_not_found"


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users.json").write_text("[]")

    def refuse(self: Path, *_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, os.strerror(13))

    # chmod does not stop root, which is who runs tests in containers.
    monkeypatch.setattr(Path, "open", refuse)
    source = ExportFiles(ExportSource(("users.json",), tmp_path))
    for act in (source.describe, lambda: list(source.pages())):
        with pytest.raises(ExportError) as raised:
            act()
        assert raised.value.code == "export_unreadable"
        assert str(raised.value).startswith("users.json: cannot be read (Permission denied);")


def test_groups_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        ExportFiles(ExportSource(("x",), tmp_path)).group_members("admins")
    assert raised.value.code == "groups_missing"


def test_folders_that_link_to_themselves_end(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for place in ("a", "a/b"):
        (tmp_path / place / "users.json").write_text(json.dumps(page(invent_users(1))))
        (tmp_path / place / "self").symlink_to(".")
        (tmp_path / place / "up").symlink_to("..")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "users.json").write_text("no export")
    for pattern, number in (("**/*.json", 2), ("a/**/users.json", 2), ("**/b/**", 1), ("a/**/b/*.json", 1)):
        assert len(read(tmp_path, pattern)) == number, pattern


@pytest.mark.parametrize("kind", ["pipe", "device", "link to a pipe"])
def test_what_has_no_end_is_no_export_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "users.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    source = ExportSource(files=("*.jsonl",), user_pool_id=None, base=tmp_path)
    with pytest.raises(ExportError, match="is a pipe, a device or a socket") as refused:
        ExportFiles(source).describe()
    assert refused.value.code == "export_unreadable"
