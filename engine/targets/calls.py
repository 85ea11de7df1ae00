"""One call through the SDK, its errors translated; what comes back is there and is WorkOS's."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from workos import WorkOSError

from engine.targets.errors import Ambiguous
from engine.targets.translation import translate

_T = TypeVar("_T")


async def checked(call: Awaitable[_T]) -> _T:
    """The call's answer. Raises the errors of `engine.targets.errors` and no others."""
    try:
        answer = await call
    except WorkOSError as error:
        raise translate(error) from error
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        # The SDK met a body of another shape than the API's: something else answered, perhaps after the write.
        raise Ambiguous("unexpected_answer") from error
    if answer is None:
        # The SDK gives None for an empty or unreadable body, and for a redirect.
        raise Ambiguous("unexpected_answer")
    return answer
