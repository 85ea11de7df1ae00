"""The plan files that travel with the package, as files for people to start from."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path

_EDITOR = b"# yaml-language-server:"


def example_plan() -> bytes:
    """The plan that shows every section, for any folder."""
    return _plan("production")


def quickstart_plan(path: Path) -> bytes:
    """The plan that runs with nothing but its own invented users, which stand in `quickstart/` beside it.

    The commands in its comments are those for a plan in this place.
    """
    text = _plan("quickstart")
    for old, new in (("plans/quickstart.yaml", shlex.quote(str(path))), ("plans/quickstart/", "quickstart/")):
        text = text.replace(old.encode(), "".join(char if char.isprintable() else "?" for char in new).encode())
    return text


def quickstart_users() -> dict[str, bytes]:
    """The invented users' files, by name."""
    folder = files("plans").joinpath("quickstart")
    found = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.endswith(".json")}
    return dict(sorted(found.items()))


def _plan(name: str) -> bytes:
    text = files("plans").joinpath(f"{name}.yaml").read_bytes()
    first, _, rest = text.partition(b"\n")
    # It leads editors to the repository's schema, which is not beside a copy.
    return rest.removeprefix(b"#\n") if first.startswith(_EDITOR) else text
