"""What the composition root owns, and in which order it ends."""

import asyncio

from exporter.app import _running


async def test_a_loop_has_ended_before_what_was_opened_before_it_is_closed():
    ended = []

    async def loop():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("loop")

    async with asyncio.TaskGroup() as loops:
        async with _running(loops, loop):
            await asyncio.sleep(0)
        ended.append("what was opened before")

    assert ended == ["loop", "what was opened before"]
