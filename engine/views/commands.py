"""Commands that messages name, written out so that they work as printed: with the plan file and `--sandbox`.

Whoever writes a message knows the command (`migrate state forget SUB` in backticks) and not how this one was called.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_COMMAND = re.compile(r"`migrate ((?:state|resets|oauth) [a-z-]+|[a-z]+)((?: [^`]*)?)`")
_WITH_SANDBOX = frozenset(
    {
        *("plan", "explain", "apply", "status", "verify", "ids", "ready", "report", "state", "resets"),
        *("rollback", "purge"),
    }
)
# `migrate export` is named where another plan, one of a live pool, has to be used.
_WITH_PLAN = _WITH_SANDBOX | {"validate", "oauth"}


def repeated(command: str, *options: tuple[str, object]) -> str:
    """The command with those options that were given, for a message that tells to run it again.

    A flag is True or False; of a list each is written. Without them a command for a few people would become one for
    everybody.
    """
    words = ["migrate", command]
    for name, given in options:
        if given is True:
            words.append(name)
        elif isinstance(given, list):
            words += [word for one in given for word in (name, str(one))]
        elif given is not None and given is not False:
            words += [name, str(given)]
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Invocation:
    """How this command was called: with which plan file, and whether on the sandbox."""

    plan: str = ""
    sandbox: bool = False

    def complete(self, text: str) -> str:
        """The text with every `migrate …` in backticks as this user would type it."""
        return _COMMAND.sub(self._written, text) if self.plan and "`migrate " in text else text

    def _written(self, found: re.Match[str]) -> str:
        name, rest = found[1], found[2]
        word = name.split(" ")[0]
        if word not in _WITH_PLAN:
            return found[0]
        sandbox = " --sandbox" if self.sandbox and word in _WITH_SANDBOX else ""
        return f"`migrate {name} {shlex.quote(self.plan)}{sandbox}{rest}`"
