"""Questions to somebody at a terminal, on standard error; elsewhere nothing is asked, and flags or defaults count."""

from __future__ import annotations

from collections.abc import Sequence

import typer


class Asking:
    """Asks for what was not given, where somebody is there to answer."""

    def __init__(self, *, able: bool) -> None:
        self.able = able

    def text(self, question: str, given: str | None, default: str | None) -> str | None:
        """What was given, else the answer, else the default."""
        if given is not None or not self.able:
            return default if given is None else given
        # An empty default may be taken by Enter; none at all asks until there is an answer.
        answer: str = typer.prompt(question, default=default, err=True, show_default=bool(default))
        return answer.strip()

    def choice(self, question: str, given: str | None, options: Sequence[str]) -> str | None:
        """One of the options or, for nothing, None."""
        if given is not None or not self.able:
            return given
        while True:
            answer = str(typer.prompt(f"{question} ({', '.join(options)}, empty for none)", default="", err=True,
                                      show_default=False)).strip()  # fmt: skip
            if not answer or answer in options:
                return answer or None
