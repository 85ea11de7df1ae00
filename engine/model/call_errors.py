"""How a call to WorkOS can end badly: the one decision between failed and retried.

`Transient` was not done and may work later, `Ambiguous` may have been done, `Terminal` never will be, `Refused`
means that the key or the environment is wrong for everybody. `engine.workos.translation` decides which.
"""

from __future__ import annotations


class CallFailed(Exception):
    """Base. `code` is WorkOS's own where it gave one, else ours; `status` the HTTP status, None without an answer.

    `retry_after` is what the server asked for, in seconds.
    """

    def __init__(self, code: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.retry_after = retry_after


class Transient(CallFailed):
    """Not done; worth another try."""


class Throttled(Transient):
    """429: not done, and everybody has to slow down."""


class QuotaSpent(CallFailed):
    """The environment's quota of e-mails for the day is used up: not done, and nothing will be before tomorrow."""


class Ambiguous(CallFailed):
    """Perhaps done: look before trying again."""


class Terminal(CallFailed):
    """Refused for what it is; the same call will never work."""


class Refused(CallFailed):
    """401 or 403: no call of this run will work."""


class Suspended(Refused):
    """WorkOS asks for a longer pause than a run waits: nothing was done, and nothing will be before `until`.

    `until` is in seconds since the epoch.
    """

    def __init__(self, until: float) -> None:
        super().__init__("retry_later", status=429)
        self.until = until
