"""Reads an answer's body, however it is compressed, up to a bound. What it says is others' business.

aiohttp would unpack by itself, but a small body may unpack to a thousand times its size before anybody has counted.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import aiohttp

LONGEST = 8 * 2**20
"""Bytes, unpacked. The longest real answer is 100 users with 50 metadata keys of 600 characters: 3 MB."""

ACCEPTED = "gzip, deflate"


class UnreadableBody(Exception):
    """Longer than the bound, cut off, or packed in a way that nobody asked for."""


class _Unpacker(Protocol):
    def add(self, part: bytes, room: int) -> bytes: ...
    def end(self) -> None: ...


async def read_body(answer: aiohttp.ClientResponse, *, longest: int = LONGEST) -> bytes:
    """The body, unpacked; the session must not unpack. Raises UnreadableBody and aiohttp's errors."""
    if (answer.content_length or 0) > longest:
        raise UnreadableBody("longer than the bound")
    unpacker = _unpacker(answer.headers.get("Content-Encoding", ""))
    body = bytearray()
    received = 0
    async for part in answer.content.iter_any():
        received += len(part)
        # One byte more than there is room for tells that there is more.
        body += unpacker.add(part, longest + 1 - len(body))
        if max(received, len(body)) > longest:
            raise UnreadableBody("longer than the bound")
    if received:
        unpacker.end()
    return bytes(body)


def _unpacker(encoding: str) -> _Unpacker:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _AsItIs()
    if name in ("gzip", "x-gzip", "deflate"):
        return _Zlib(raw_allowed=name == "deflate")
    raise UnreadableBody("packed in a way that was not asked for")


class _AsItIs:
    def add(self, part: bytes, room: int) -> bytes:  # noqa: ARG002 (the port's; what is not packed does not grow)
        return part

    def end(self) -> None:
        return


class _Zlib:
    """gzip and deflate; the latter also without zlib's header, as some servers send it (RFC 9110 8.4.1.2)."""

    def __init__(self, *, raw_allowed: bool) -> None:
        self._raw_allowed = raw_allowed
        self._started = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by its header
        self._first = True

    def add(self, part: bytes, room: int) -> bytes:
        if self._first and self._raw_allowed and part[0] & 0x0F != 8:
            self._started = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._first = False
        try:
            unpacked = self._started.decompress(part, room)
        except zlib.error as error:
            raise UnreadableBody("damaged") from error
        if self._started.unused_data:
            raise UnreadableBody("goes on after its end")
        return unpacked

    def end(self) -> None:
        if not self._started.eof:
            raise UnreadableBody("cut off")
