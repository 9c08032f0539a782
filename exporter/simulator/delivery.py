"""Sends an answer, or does what a fault of the connection does."""

import asyncio
import functools
import socket
import struct
import zlib
from collections.abc import Sequence
from email.utils import formatdate
from typing import Final

from aiohttp import web

from exporter.simulator.answers import Answer
from exporter.simulator.faults import FaultBook, Hit

_BOMB_BYTES: Final = 120 * 1024 * 1024
_PIECES: Final = 10
# Off, zero seconds: the other side sees a reset and not an orderly end.
_RESET: Final = struct.pack("ii", 1, 0)


async def deliver(
    request: web.Request,
    answer: Answer,
    hits: Sequence[Hit],
    faults: FaultBook,
    now: float,
) -> web.StreamResponse:
    """Send an answer through the faults of the connection.

    Args:
        request: What is answered.
        answer: Already damaged by the other faults.
        hits: The faults that apply, in the order they were set.
        faults: Tells when a fault is lifted.
        now: Epoch seconds for the ``Date`` header.
    """
    skew = sum(hit.fault.seconds for hit in hits if hit.fault.kind == "date_skew")
    headers = {"Date": formatdate(now + skew, usegmt=True), **answer.headers}
    headers["Content-Type"] = answer.content_type
    for hit in hits:
        if hit.fault.kind == "hang":
            await faults.wait_until_cleared(hit.id)
        elif hit.fault.kind == "slow":
            await asyncio.sleep(hit.fault.seconds)
    last = next((hit for hit in reversed(hits) if hit.fault.kind in _ENDINGS), None)
    if last is None:
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    return await _ENDINGS[last.fault.kind](request, answer, headers, last, faults)


async def _gzip_bomb(
    _request: web.Request, answer: Answer, headers: dict[str, str], hit: Hit, _faults: FaultBook
) -> web.StreamResponse:
    body = await asyncio.to_thread(_bomb, hit.fault.size or _BOMB_BYTES)
    headers["Content-Encoding"] = "gzip"
    return web.Response(status=answer.status, body=body, headers=headers)


async def _drip(
    request: web.Request, answer: Answer, headers: dict[str, str], hit: Hit, faults: FaultBook
) -> web.StreamResponse:
    response = await _begin(request, answer, headers)
    size = max(1, len(answer.body) // _PIECES)
    for start in range(0, len(answer.body), size):
        await response.write(answer.body[start : start + size])
        try:
            async with asyncio.timeout(hit.fault.seconds):
                await faults.wait_until_cleared(hit.id)
        except TimeoutError:
            continue
    await response.write_eof()
    return response


async def _reset(
    request: web.Request, _answer: Answer, _headers: dict[str, str], _hit: Hit, _faults: FaultBook
) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        wire = transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response()


async def _close_midway(
    request: web.Request, answer: Answer, headers: dict[str, str], _hit: Hit, _faults: FaultBook
) -> web.StreamResponse:
    response = await _begin(request, answer, headers)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _begin(
    request: web.Request, answer: Answer, headers: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    return response


@functools.cache
def _bomb(size: int) -> bytes:
    """Return gzip that inflates to blanks, a thousandth of the size."""
    packer = zlib.compressobj(9, wbits=31)
    chunk = b" " * (1024 * 1024)
    parts = [packer.compress(chunk) for _ in range(size // len(chunk) + 1)]
    return b"".join((*parts, packer.flush()))


_ENDINGS: Final = {
    "gzip_bomb": _gzip_bomb,
    "drip": _drip,
    "reset": _reset,
    "close_midway": _close_midway,
}
