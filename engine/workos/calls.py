"""One call through the SDK, its errors translated; what comes back is there and is WorkOS's."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from workos import AsyncWorkOSClient, WorkOSError

from engine.model.call_errors import Ambiguous
from engine.workos.translation import translate

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer's fields as they came; the SDK wants a class that reads itself."""

    fields: Mapping[str, Any]

    @classmethod
    def from_dict(cls, data: object) -> _Answer:
        if not isinstance(data, dict):
            raise TypeError("an answer is an object")
        return cls(data)


async def checked(call: Awaitable[_T]) -> _T:
    """The call's answer. Raises the errors of `engine.model.call_errors` and no others."""
    try:
        answer = await call
    except WorkOSError as error:
        raise translate(error) from error
    except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError) as error:
        # The SDK met a body of another shape than the API's: something else answered, perhaps after the write.
        raise Ambiguous("unexpected_answer") from error
    if answer is None:
        # The SDK gives None for an empty or unreadable body, and for a redirect.
        raise Ambiguous("unexpected_answer")
    return answer


async def ask(client: AsyncWorkOSClient, path: tuple[str, ...], params: dict[str, Any], opts: Any) -> Mapping[str, Any]:
    """GET what the SDK's own methods read too kindly: they take an empty answer for an empty list."""
    return (await checked(client.request("get", path, params=params, model=_Answer, request_options=opts))).fields


async def ask_array(client: AsyncWorkOSClient, path: tuple[str, ...], opts: Any) -> Sequence[Mapping[str, Any]]:
    """GET a bare array of objects. Raises Ambiguous for what is none: it must not pass for an empty one."""
    answer: object = await checked(client.request("get", path, request_options=opts))
    if not isinstance(answer, list) or not all(isinstance(one, Mapping) for one in answer):
        raise Ambiguous("unexpected_answer")
    return answer


def text(value: object) -> str:
    """A text of an answer. Raises Ambiguous for what is none, or what no file or database can hold."""
    if not isinstance(value, str):
        raise Ambiguous("unexpected_answer")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:  # a lone surrogate: JSON can write one, nothing else can
            raise Ambiguous("unexpected_answer") from error
    return value


def optional_text(value: object) -> str | None:
    """The same, where it may be missing; an empty one counts as missing."""
    return text(value) or None if value is not None else None
