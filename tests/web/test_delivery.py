import asyncio
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from exporter.web import ListenAddress, Server
from exporter.web.delivery import SLICE_BYTES, send, slices
from tests.web.making import SlowClient

SIZES = st.one_of(st.integers(0, 100), st.sampled_from([30_000, 33_000, SLICE_BYTES, 700_000]))


@given(st.lists(SIZES, max_size=25))
def test_slices_are_the_same_bytes_in_bounded_sizes_and_few_of_them(sizes):
    pieces = [bytes([index]) * size for index, size in enumerate(sizes)]
    parts = list(slices(pieces))
    assert b"".join(parts) == b"".join(pieces)
    assert all(0 < len(part) <= SLICE_BYTES for part in parts)
    large = sum(-(-size // SLICE_BYTES) for size in sizes if size > 30_000)
    assert len(parts) <= 2 * large + 1 + sum(sizes) // (SLICE_BYTES // 2)


def test_a_large_piece_is_not_copied():
    piece = bytes(SLICE_BYTES * 2)
    parts = list(slices([b"header", piece]))
    assert parts[0] == b"header"
    assert all(part.obj is piece for part in parts[1:])


class Piece(bytearray):
    """Of which one can tell whether it is still there."""


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_client_that_leaves_takes_along_what_it_was_not_sent(threaded):
    threads = ThreadPoolExecutor(1) if threaded else None
    sent = asyncio.Event()
    kept = []

    async def handle(request):
        pieces = [Piece(64 * 2**20)]
        kept.append(weakref.ref(pieces[0]))
        size = len(pieces[0])
        try:
            return await send(
                request, pieces, size_bytes=size, headers={}, limit_seconds=60, threads=threads
            )
        finally:
            sent.set()

    app = web.Application()
    app.router.add_get("/metrics", handle)
    gc.disable()
    try:
        async with Server(app, [ListenAddress("127.0.0.1", 0)], drain_seconds=0) as server:
            slow = await SlowClient.sent(urlsplit(server.addresses[0]).port)
            await slow.body(1000)
            await slow.leave()
            await sent.wait()
        assert kept[0]() is None
    finally:
        gc.enable()
        if threads is not None:
            threads.shutdown(wait=False)
