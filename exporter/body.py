"""The body of an answer: read up to a cap, inflated up to the same cap."""

import asyncio
import zlib
from collections.abc import AsyncIterable
from typing import Final

import msgspec

from exporter.errors import PollError, Reason

_INFLATE_ON_LOOP_BYTES: Final = 256 * 1024
_GZIP: Final = 31


class Cap(msgspec.Struct, frozen=True):
    """The most bytes that a body may have; ``told`` is what a person reads when it has more."""

    size: int
    told: str

    def error(self) -> PollError:
        """The error for a body that has more."""
        return PollError(Reason.PROTOCOL, self.told, code="too_large")


async def read_capped(chunks: AsyncIterable[bytes], cap: Cap) -> bytes:
    """The whole body.

    Raises:
        PollError: It is larger than the cap.
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > cap.size:
            raise cap.error()
        parts.append(chunk)
    return b"".join(parts)


async def inflated(body: bytes, cap: Cap) -> bytes:
    """Inflate gzip, but never past the cap, and what is large off the loop.

    The size of ``body`` tells neither: a few kilobytes can hold gigabytes.

    Raises:
        PollError: It is no whole gzip, or larger than the cap.
    """
    inflater = zlib.decompressobj(_GZIP)
    head = _inflate(inflater, body, min(_INFLATE_ON_LOOP_BYTES, cap.size + 1))
    rest = b""
    if not inflater.eof and len(head) <= cap.size:
        most = cap.size + 1 - len(head)
        rest = await asyncio.to_thread(_inflate, inflater, inflater.unconsumed_tail, most)
    if len(head) + len(rest) > cap.size:
        raise cap.error()
    if not inflater.eof:
        raise _malformed("the gzip body ends too early")
    return head + rest


def _inflate(inflater: "zlib._Decompress", data: bytes, most: int) -> bytes:
    try:
        return inflater.decompress(data, most)
    except zlib.error:
        raise _malformed("the body is not valid gzip") from None


def _malformed(message: str) -> PollError:
    return PollError(Reason.PROTOCOL, message, code="malformed")
