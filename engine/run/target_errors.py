"""The end of a call to WorkOS that a command cannot go on without, as the command's error."""

from __future__ import annotations

from engine.model.call_errors import CallFailed, Refused, Suspended, Terminal
from engine.model.codes import explain
from engine.model.errors import MigrateError, TargetError
from engine.model.waits import until
from engine.plan_file.model import Destination


class as_target_error:  # noqa: N801 (reads as the statement that it is)
    """Turns the end of a call that nobody can go on without into the command's error."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CallFailed):
            raise target_error(error, self._destination) from error


def target_error(error: CallFailed, destination: Destination) -> MigrateError:
    """The command's error for a call's end."""
    base_url = destination.base_url
    if isinstance(error, Suspended):
        return TargetError(
            f"WorkOS at {base_url} asks for a pause until {until(error.until)} (Retry-After)",
            remedy="run again after that",
            code=error.code,
        )
    if isinstance(error, Refused):
        if error.status == 401:
            return TargetError(
                f"WorkOS at {base_url} refuses the API key (401)",
                remedy="set the variable of destination.workos.api_key to a valid key of this environment",
                code="unauthorized",
            )
        return TargetError(
            f"WorkOS at {base_url} does not allow this to the API key ({error.status} {error.code})",
            remedy="use a key that may read and write users",
            code="forbidden",
        )
    if error.code in ("unexpected_answer", "cursor_loop"):
        wrong = (
            "gave a cursor of a list twice" if error.code == "cursor_loop" else "gave an answer that is not its API's"
        )
        return TargetError(
            f"WorkOS at {base_url} {wrong}",
            remedy="check destination.workos.base_url and any proxy in between, then run again",
            code=error.code,
        )
    if error.code in ("untrusted_certificate", "proxy_refused"):
        wrong, remedy = explain(error.code)
        return TargetError(f"WorkOS at {base_url} cannot be reached: {wrong}", remedy=remedy, code=error.code)
    if isinstance(error, Terminal):
        return TargetError(
            f"WorkOS at {base_url} refused a request that every run makes ({error.status} {error.code})",
            remedy="check destination.workos.base_url",
            code="unexpected_answer",
        )
    return TargetError(
        f"WorkOS at {base_url} cannot be reached ({error.code})",
        remedy="check destination.workos.base_url and the network, then run again",
        code="unreachable",
    )
