"""Guesses at what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

# Words that YAML 1.1 took for booleans and many people still write.
_SAME = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is near enough to be meant, or None."""
    import difflib

    by_lower: dict[str, str] = {}
    for one in known:
        by_lower.setdefault(one.lower().replace("-", "_"), one)
    lower = word[:80].lower().replace("-", "_")
    if lower in by_lower:
        return by_lower[lower]
    if _SAME.get(lower) in by_lower:
        return _SAME[lower]
    begun = [one for one in by_lower if len(lower) >= 3 and one.startswith(lower)]
    if len(begun) == 1:
        return by_lower[begun[0]]
    near = difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.7)
    return by_lower[near[0]] if near else None
