import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from exporter.simulator import Simulator, SimulatorOptions
from tests.simulator.client import Aliyun, Dezhu, FakeClock


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    with blockbuster_ctx() as guard:
        yield guard


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    assert not asyncio.all_tasks() - before - {asyncio.current_task()}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def options(clock: FakeClock) -> SimulatorOptions:
    """A simulator that only ``advance`` moves; ``changes`` asks for more."""
    return SimulatorOptions(clock=clock, automatic=False)


@pytest.fixture
def changes() -> dict[str, object]:
    """What a test wants otherwise; parametrized by the test."""
    return {}


@pytest.fixture
async def simulator(
    options: SimulatorOptions, changes: dict[str, object]
) -> AsyncIterator[Simulator]:
    async with Simulator(dataclasses.replace(options, **changes)) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        # A GET is not quietly sent again, so that requests can be counted.
        opened._retry_connection = False
        yield opened


@pytest.fixture
def dezhu(simulator: Simulator, session: aiohttp.ClientSession, clock: FakeClock) -> Dezhu:
    return Dezhu(session, simulator.dezhu_url, simulator.accounts[0], clock)


@pytest.fixture
def aliyun(simulator: Simulator, session: aiohttp.ClientSession, clock: FakeClock) -> Aliyun:
    account = next(one for one in simulator.accounts if one.platform == "aliyun")
    return Aliyun(session, simulator.aliyun_url, account, clock)


@pytest.fixture
def instance(aliyun: Aliyun) -> str:
    return aliyun.account.instances[0].instance_id
