"""What a small body that holds a large one costs."""

import gzip
import tracemalloc

import pytest

from exporter.body import Cap, inflated
from exporter.errors import PollError

CAP = Cap(8 * 1024**2, "too large")


async def test_a_gzip_bomb_takes_no_more_memory_than_the_largest_body_that_is_read():
    bomb = gzip.compress(b" " * (64 * 1024**2))
    tracemalloc.start()
    try:
        with pytest.raises(PollError, match="too large"):
            await inflated(bomb, CAP)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 1.2 * CAP.size


@pytest.mark.parametrize("size", [0, 1, 65_536, 262_144, 262_145, 3_000_001, CAP.size])
async def test_a_body_up_to_the_cap_is_read_whole(size):
    body = bytes(range(251)) * (size // 251 + 1)

    assert await inflated(gzip.compress(body[:size]), CAP) == body[:size]
