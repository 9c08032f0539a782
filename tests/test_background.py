"""Tasks that end with their owner."""

import asyncio
import gc
import weakref

import pytest
from structlog.testing import capture_logs

from exporter.background import Background
from tests.fakes import settle


async def test_work_goes_on_when_whoever_asked_for_it_is_gone():
    done = asyncio.Event()

    async def work():
        await asyncio.sleep(0)
        done.set()
        return 7

    async with Background() as background:
        task = background.start(work(), name="work")
        async with asyncio.timeout(1):
            await done.wait()
        assert await task == 7


async def test_end_of_the_owner_ends_what_still_runs():
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    async with Background() as background:
        tasks = [background.start(work(), name="work") for _ in range(3)]
        await settle()

    assert ended == [True] * 3
    assert all(task.cancelled() for task in tasks)


async def test_error_that_leaves_the_work_is_logged_by_its_name_and_given_to_who_waits():
    async def work():
        raise ZeroDivisionError("ours")

    with capture_logs() as lines:
        async with Background() as background:
            task = background.start(work(), name="the work")
            with pytest.raises(ZeroDivisionError):
                await task
            await settle()

    (line,) = lines
    assert (line["event"], line["where"], line["log_level"]) == ("bug", "the work", "error")
    assert isinstance(line["exc_info"], ZeroDivisionError)


async def test_what_ended_work_knew_goes_with_it():
    class Worker:
        async def run(self):
            self.task = asyncio.current_task()
            await asyncio.Event().wait()

    gc.disable()
    try:
        worker = Worker()
        async with Background() as background:
            background.start(worker.run(), name="work")
            await settle()
        known = weakref.ref(worker)
        del worker
        assert known() is None
    finally:
        gc.enable()
