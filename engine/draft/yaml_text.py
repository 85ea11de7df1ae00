"""Foreign names in a plan file: as scalars that mean exactly that name, and in remarks that stay one line.

The file is written as text, because its remarks are half of it, and PyYAML keeps none; every name that is not ours goes
through here.
"""

from __future__ import annotations

import re

import yaml

from engine.model.redaction import Redactor
from engine.plan_file.scalars import resolve

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LONGEST_NAME = 60
SENTENCE = 110
_REDACTOR = Redactor()
# Texts in YAML 1.2, truth values in 1.1: quoted for other readers.
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off"})


def key(text: str) -> str:
    """A mapping's key. Keys hold no references, so nothing in it is replaced."""
    return _scalar(text)


def value(text: str) -> str:
    """A text value, in block and in flow context; `${` in it is no reference."""
    return _scalar(text.replace("${", "$${"))


def in_remark(text: str, *, most: int = _LONGEST_NAME) -> str:
    """A name, or a sentence with one, in a remark: one line, visible, not endless, nothing that looks like a key."""
    text = _REDACTOR.mask(text)
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode()


def _scalar(text: str) -> str:
    # The loader reads YAML 1.2, PyYAML writes 1.1: only what is text in both stays without quotes.
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str) and text.lower() not in _OLD_WORDS:
        return text
    dumped = yaml.safe_dump(text, default_style='"', allow_unicode=text.isprintable(), width=2**31)
    return str(dumped).removesuffix("\n").removesuffix("\n...")
