"""Calls wait for their turn: the most urgent first, never more than allowed at once."""

import asyncio

import pytest

from exporter.config.model import Budget
from exporter.limiter import Limiter
from tests.fakes import FakeClock, settle


async def _call(limiter, priority, log, name, release=None):
    async with limiter.slot(priority):
        log.append(name)
        if release is not None:
            await release.wait()


async def test_the_most_urgent_call_goes_first_when_a_token_comes():
    clock, log = FakeClock(), []
    limiter = Limiter(Budget(requests_per_second=1, burst=1), clock)
    async with asyncio.TaskGroup() as calls:
        calls.create_task(_call(limiter, 0, log, "first"))
        await settle()
        calls.create_task(_call(limiter, 3, log, "detail"))
        await settle()
        calls.create_task(_call(limiter, 0, log, "active"))
        await settle()
        assert log == ["first"]
        await clock.advance(1)
        assert log == ["first", "active"]
        await clock.advance(1)
    assert log == ["first", "active", "detail"]


async def test_no_more_calls_are_under_way_than_the_concurrency():
    clock, log, release = FakeClock(), [], asyncio.Event()
    limiter = Limiter(Budget(burst=100, concurrency=2), clock)
    async with asyncio.TaskGroup() as calls:
        for name in range(5):
            calls.create_task(_call(limiter, 0, log, name, release))
        await settle()
        assert log == [0, 1]
        release.set()
    assert log == [0, 1, 2, 3, 4]


async def test_a_call_that_is_given_up_while_waiting_lets_the_next_one_go():
    clock, log = FakeClock(), []
    limiter = Limiter(Budget(requests_per_second=1, burst=1), clock)
    await _call(limiter, 0, log, "first")
    async with asyncio.TaskGroup() as calls:
        waiting = calls.create_task(_call(limiter, 0, log, "given up"))
        calls.create_task(_call(limiter, 0, log, "next"))
        await settle()
        waiting.cancel()
        await settle()
        await clock.advance(1)
    assert log == ["first", "next"]


async def test_a_call_that_fails_gives_its_place_back():
    clock, log = FakeClock(), []
    limiter = Limiter(Budget(burst=10, concurrency=1), clock)
    with pytest.raises(ZeroDivisionError):
        async with limiter.slot(0):
            1 / 0  # noqa: B018
    await _call(limiter, 0, log, "after")
    assert log == ["after"]


async def test_throttling_holds_everybody_back():
    clock, log = FakeClock(), []
    limiter = Limiter(Budget(burst=10), clock)
    limiter.throttled(20.0, sent_at=clock.monotonic())
    async with asyncio.TaskGroup() as calls:
        calls.create_task(_call(limiter, 0, log, "call"))
        await clock.advance(19)
        assert log == []
        await clock.advance(1)
    assert log == ["call"]
    assert limiter.rate() < 5
    assert limiter.remaining()["second"] < 10


async def test_calls_under_way_that_are_all_refused_halve_the_rate_once():
    clock = FakeClock()
    limiter = Limiter(Budget(burst=10, concurrency=4), clock)

    async def refused():
        async with limiter.slot(0) as sent_at:
            await clock.sleep(0.1)
            limiter.throttled(None, sent_at=sent_at)

    async with asyncio.TaskGroup() as calls:
        for _ in range(4):
            calls.create_task(refused())
        await settle()
        await clock.advance(0.1)
    assert limiter.rate() == 2.5


async def test_details_leave_tokens_for_what_is_more_urgent():
    clock, log = FakeClock(), []
    limiter = Limiter(Budget(requests_per_second=1, burst=4, concurrency=10), clock)
    async with asyncio.TaskGroup() as calls:
        for number in range(4):
            calls.create_task(_call(limiter, 3, log, f"detail {number}"))
        await settle()
        assert log == ["detail 0", "detail 1"]
        for number in range(2):
            calls.create_task(_call(limiter, 0, log, f"active {number}"))
        await settle()
        assert log[2:] == ["active 0", "active 1"]
        await clock.advance(10)
    assert log[4:] == ["detail 2", "detail 3"]
