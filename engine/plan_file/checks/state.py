"""The state's path: a file, not a folder. The one check that looks at the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.plan_file import support
from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.section import known_text, section

_PATH: Key = ("state", "path")


def check_path(data: Mapping[str, Any], plan: Path) -> Iterator[Fault]:
    written = known_text(section(data, "state"), "path")
    if written is None:
        return
    if "://" in written:
        if not support.is_remote(written):
            wrong = f"{dotted(_PATH)} is {shown(written)}, and no state can be kept there"
            yield Fault("invalid_value", _PATH, wrong, "name a local file")
        return
    try:
        is_folder = (plan.parent / written).is_dir()
    except (OSError, ValueError):
        wrong = f"{dotted(_PATH)} is {shown(written)}, which cannot be a path"
        yield Fault("invalid_value", _PATH, wrong, "name a local file")
        return
    if is_folder or written.endswith(("/", "/.", "/..")):
        wrong = f"{dotted(_PATH)} is {shown(written)}, which is a folder"
        yield Fault("invalid_value", _PATH, wrong, "name a file in it, for example .migrate/acme.state.db")
