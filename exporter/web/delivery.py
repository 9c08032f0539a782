"""Sends long bodies in short steps, and gives up on a client that does not read."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Final

from aiohttp import hdrs, web

from exporter.exposition import Bytes
from exporter.web.handover import hand_over, own_connection

SLICE_BYTES: Final = 256 * 1024
_COPIED_BYTES: Final = 32 * 1024


def slices(pieces: Iterable[Bytes]) -> Iterator[Bytes]:
    """``pieces`` in a row, in slices of at most ``SLICE_BYTES`` and not many small ones.

    Small pieces are put together; large ones are cut, and not copied.
    """
    pending: list[Bytes] = []
    size = 0
    for piece in pieces:
        if size and size + len(piece) > SLICE_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
        if len(piece) < _COPIED_BYTES:
            pending.append(piece)
            size += len(piece)
            continue
        if size:
            yield b"".join(pending)
            pending, size = [], 0
        view = memoryview(piece)
        yield from (view[at : at + SLICE_BYTES] for at in range(0, len(piece), SLICE_BYTES))
    if size:
        yield b"".join(pending)


async def send(
    request: web.Request,
    pieces: list[Bytes],
    *,
    size_bytes: int,
    headers: Mapping[str, str],
    limit_seconds: float,
    threads: Executor | None = None,
) -> web.StreamResponse:
    """Answer with ``pieces``, which are ``size_bytes`` together; HEAD gets the headers alone.

    A client that goes away ends it quietly. One that has not taken everything within
    ``limit_seconds`` loses its connection, so that it notices and holds nothing up. With
    ``threads``, of which one must be free, a long body is sent by one of them, and ``pieces`` is
    empty afterwards.
    """
    response = web.StreamResponse(headers=headers)
    response.content_length = size_bytes
    transport = request.transport
    if transport is None:
        return response
    _hold_back_little(transport)
    try:
        async with asyncio.timeout(limit_seconds):
            await response.prepare(request)
            if request.method != hdrs.METH_HEAD:
                # The headers are no part of what is handed over.
                await request.writer.drain()
                large = threads is not None and size_bytes > SLICE_BYTES
                connection = own_connection(transport) if large else None
                if connection is not None and threads is not None:
                    await hand_over(transport, connection, pieces, threads)
                else:
                    await _write(response, pieces)
            await response.write_eof()
    except ConnectionError:
        pass
    except (TimeoutError, asyncio.CancelledError) as error:
        # Closing would wait for the reader; and a body cut short must not look like a whole one.
        transport.abort()
        if isinstance(error, asyncio.CancelledError):
            raise
    return response


def _hold_back_little(transport: asyncio.Transport) -> None:
    # Each write then waits until the kernel has all of it: a slow reader costs one slice of memory,
    # and what is written when the server stops is not lost with the process. One that encrypts
    # waits for ever above 0, and for all but the last slice above 1: the server waits for that one.
    encrypts = transport.get_extra_info("ssl_object") is not None
    transport.set_write_buffer_limits(high=1 if encrypts else 0)


async def _write(response: web.StreamResponse, pieces: Iterable[Bytes]) -> None:
    for part in slices(pieces):
        await response.write(part)
        # A reader as fast as we are never makes write() wait; others want their turn all the same.
        await asyncio.sleep(0)
