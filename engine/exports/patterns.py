"""How a plan names export files that a person has listed: as few patterns as mean exactly these, seen from the plan.

Pages of one export must stand under one pattern: only its last file may be without a token.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_NUMBER = re.compile(r"\d+(?=\D*$)")


def patterns_for(named: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Patterns for files and patterns that are `named` from the working folder, for a plan file in `folder`."""
    numbered: dict[tuple[str, str], list[str]] = {}
    for name in dict.fromkeys(named):
        head, tail = os.path.split(name)
        known = Path(name).is_file()
        pattern = _NUMBER.sub("\0", tail) if known else tail
        numbered.setdefault((head if known else "\0" + head, pattern), []).append(tail)
    found: list[str] = []
    for (head, pattern), files in numbered.items():
        if head.startswith("\0"):
            # A pattern in quotes, or a file that is not there, which the reading will say.
            found.append(_seen_from(folder, head[1:], files[0], escape=False))
            continue
        whole = glob.escape(pattern.partition("\0")[0]) + "*" + glob.escape(pattern.partition("\0")[2])
        if len(files) > 1 and _files(head, whole) == set(files):
            found.append(_seen_from(folder, head, whole))
        else:
            found += [_seen_from(folder, head, glob.escape(one)) for one in files]
    return tuple(dict.fromkeys(found))


def _files(head: str, pattern: str) -> set[str]:
    matches: Iterable[str] = glob.glob(pattern, root_dir=head or ".")  # noqa: PTH207 - as `ExportFiles` matches them
    return {one for one in matches if not Path(head, one).is_dir()}


def _seen_from(folder: Path, head: str, tail: str, *, escape: bool = True) -> str:
    place = head or "."
    if not Path(place).is_absolute():
        place = os.path.relpath(place, folder)
    return str(Path(glob.escape(place) if escape else place, tail))
