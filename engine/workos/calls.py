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
class AnsweredFields:
    """An answer's fields as they came; the SDK wants a class that reads itself."""

    fields: Mapping[str, Any]

    @classmethod
    def from_dict(cls, data: object) -> AnsweredFields:
        if not isinstance(data, dict):
            raise TypeError("an answer is an object")
        return cls(data)


async def translated(call: Awaitable[_T]) -> _T:
    """What the SDK gives, which may be nothing. Raises the errors of `engine.model.call_errors` and no others."""
    try:
        return await call
    except WorkOSError as error:
        raise translate(error) from error
    except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError) as error:
        # The SDK met a body of another shape than the API's: something else answered, perhaps after the write.
        raise Ambiguous("unexpected_answer") from error


async def checked(call: Awaitable[_T]) -> _T:
    """The call's answer. Raises the errors of `engine.model.call_errors` and no others."""
    answer = await translated(call)
    if answer is None:
        # The SDK gives None for an empty or unreadable body, and for a redirect.
        raise Ambiguous("unexpected_answer")
    return answer


async def ask(client: AsyncWorkOSClient, path: tuple[str, ...], params: dict[str, Any], opts: Any) -> Mapping[str, Any]:
    """GET what the SDK's own methods read too kindly: they take an empty answer for an empty list."""
    return (
        await checked(client.request("get", path, params=params, model=AnsweredFields, request_options=opts))
    ).fields


async def send(
    client: AsyncWorkOSClient, method: str, path: tuple[str, ...], body: dict[str, Any] | None, opts: Any
) -> Mapping[str, Any]:
    """A write. Its answer is read by us: the SDK's models refuse one that lacks a field, after the fact."""
    return (await checked(client.request(method, path, body=body, model=AnsweredFields, request_options=opts))).fields


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


def identifier(value: object) -> str:
    """A text that is there. Raises Ambiguous for what is none: nothing can be done with a thing without its id."""
    if not (found := text(value)):
        raise Ambiguous("unexpected_answer")
    return found


def metadata(given: object) -> dict[str, str]:
    """Keys and values; null counts as none. Raises Ambiguous for what is none."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Ambiguous("unexpected_answer")
    # A key that was removed by null may come back as null (the vendor's emulator): it is there no more.
    return {text(key): text(value) for key, value in given.items() if value is not None}


def items(given: object) -> list[Mapping[str, Any]]:
    """A list of objects. Raises Ambiguous for what is none."""
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise Ambiguous("unexpected_answer")
    return given
