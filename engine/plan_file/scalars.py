"""What a plain YAML scalar means: the YAML 1.2 core rules, which editors follow as well.

Deliberately not YAML 1.1 as PyYAML has it: there `no` is false, `08:00` is 480 and 2020-01-01 is no text.
"""

from __future__ import annotations

import math
import re

Scalar = bool | int | float | str | None

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
# Eighteen digits are more than any setting needs; a longer run of digits is an identifier.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_OCTAL = re.compile(r"0o[0-7]{1,18}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text)
        # No setting is infinite, and a run of digits this long is an identifier.
        return value if math.isfinite(value) and len(text) <= 18 else text
    return text
