"""The body of an answer: read up to a cap, inflated up to the same cap."""

import asyncio
import zlib
from collections.abc import AsyncIterable
from typing import Final

import msgspec

from exporter.errors import PollError, Reason

_INFLATE_ON_LOOP_BYTES: Final = 256 * 1024
# Larger blocks of a body that is refused would be kept by the allocator, in each thread.
_PIECE_BYTES: Final = 64 * 1024
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
    # Not a list of pieces: a hundred of them would lie among small objects, and part what is free.
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > cap.size:
            raise cap.error()
        body += chunk
    return bytes(body)


async def inflated(body: bytes, cap: Cap) -> bytes:
    """Inflate gzip, but never past the cap, and what is large off the loop.

    The size of ``body`` tells neither: a few kilobytes can hold gigabytes.

    Raises:
        PollError: It is no whole gzip, or larger than the cap.
    """
    inflater = zlib.decompressobj(_GZIP)
    pieces = _inflated(inflater, body, min(_INFLATE_ON_LOOP_BYTES, cap.size + 1))
    size = sum(map(len, pieces))
    if not inflater.eof and size <= cap.size:
        most = cap.size + 1 - size
        rest = await asyncio.to_thread(_inflated, inflater, inflater.unconsumed_tail, most)
        size += sum(map(len, rest))
        pieces += rest
    if size > cap.size:
        raise cap.error()
    if not inflater.eof:
        raise _malformed("the gzip body ends too early")
    return b"".join(pieces)


def _inflated(inflater: "zlib._Decompress", data: bytes, most: int) -> list[bytes]:
    """Up to ``most`` bytes of what ``data`` holds, in pieces."""
    pieces: list[bytes] = []
    try:
        while most and (piece := inflater.decompress(data, min(most, _PIECE_BYTES))):
            pieces.append(piece)
            most -= len(piece)
            data = inflater.unconsumed_tail
    except zlib.error:
        raise _malformed("the body is not valid gzip") from None
    return pieces


def _malformed(message: str) -> PollError:
    return PollError(Reason.PROTOCOL, message, code="malformed")
