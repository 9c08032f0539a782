"""Several exporters that share the accounts serve together what one alone would serve."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import pytest

from exporter.app import Exporter, Settings
from exporter.domain import Tier
from exporter.sharding import UNSHARDED, Shard, shard_of
from exporter.simulator import Simulator, SimulatorOptions
from exporter.web import parse_listen_address
from tests.fakes import FakeClock, no_random
from tests.integration.harness import PLENTY, World, config_of

ACCOUNTS = ("aliyun-demo", "aliyun-demo-2", "dezhu-demo", "dezhu-demo-2")
EMPTY = next(
    Shard(number=number, total=total)
    for total in count(2)
    for number in range(total)
    if number not in {shard_of(name, total=total) for name in ACCOUNTS}
)
"""The first shard to which none of the accounts belongs."""
# What tells when, or how long after, a poll was made differs from process to process.
TIMED = {
    "outbound_account_last_success_timestamp_seconds",
    "outbound_account_poll_duration_seconds",
    "outbound_account_clock_offset_seconds",
    "outbound_task_calling_remaining_seconds",
}


@asynccontextmanager
async def exporters(*shards):
    """One simulator with four accounts, and an exporter a shard that has polled its own."""
    async with AsyncExitStack() as stack:
        clock = FakeClock()
        options = SimulatorOptions(
            dezhu_accounts=2,
            aliyun_accounts=2,
            aliyun_instances=1,
            tasks=12,
            clock=clock.now,
            automatic=False,
            lively=False,
        )
        simulator = await stack.enter_async_context(Simulator(options))
        config = await asyncio.to_thread(config_of, simulator.config_text(budget=PLENTY))
        worlds = []
        for shard in shards:
            settings = Settings(
                addresses=[parse_listen_address("127.0.0.1:0")],
                shard=shard,
                clock=clock,
                random=no_random,
            )
            exporter = Exporter(config, settings)
            worlds.append(World(clock, simulator, exporter))
            await stack.enter_async_context(exporter)
        for world in worlds:
            if world.exporter.store.publication.accounts:
                await world.polled()
                await world.until(lambda world=world: complete(world))
        yield worlds


def complete(world):
    """Whether every tier and every detail of its accounts has been published."""
    read = world.values("outbound_account_last_success_timestamp_seconds")
    outstanding = world.values("outbound_account_details_outstanding")
    tiers = len(world.exporter.store.publication.accounts) * len(Tier)
    return len(read) == tiers and not any(outstanding.values())


def settled(world):
    """Its series, without the values that follow the clock."""
    return {key: None if key[0] in TIMED else value for key, value in world.series().items()}


@pytest.mark.parametrize("total", range(1, 9))
async def test_the_shards_together_serve_what_one_process_serves_and_nothing_twice(total):
    shards = [Shard(number=number, total=total) for number in range(total)]

    async with exporters(UNSHARDED, *shards) as (alone, *parts):
        expected = settled(alone)
        shown = [settled(part) for part in parts]

    accounts = {dict(labels)["account"] for _, labels in expected}
    assert accounts == set(ACCOUNTS)
    assert max(Counter(key for part in shown for key in part).values()) == 1
    assert {key: value for part in shown for key, value in part.items()} == expected


async def test_a_shard_makes_the_calls_of_its_own_accounts_alone():
    shard = Shard(number=shard_of("dezhu-demo", total=2), total=2)
    own = {name for name in ACCOUNTS if shard.holds(name)}

    async with exporters(shard) as (world,):
        called = {record.account for record in world.simulator.requests}

    assert called == own
    assert own < set(ACCOUNTS)


async def test_an_account_of_another_shard_is_refused_by_naming_the_own_ones():
    shard = Shard(number=shard_of("dezhu-demo", total=2), total=2)
    other = next(name for name in ACCOUNTS if not shard.holds(name))

    async with exporters(shard) as (world,):
        status, text = await world.get(f"/metrics?account={other}")

    assert status == 400
    assert "'dezhu-demo'" in text.partition("Known are: ")[2]
    assert f"'{other}'" not in text.partition("Known are: ")[2]


async def test_a_shard_without_an_account_is_ready_and_serves_its_self_metrics():
    async with exporters(EMPTY) as (world,):
        ready, _ = await world.get("/-/ready")
        status, text = await world.get("/metrics")
        openmetrics, ended = await world.get(
            "/metrics", Accept="application/openmetrics-text; version=1.0.0"
        )
        page_status, page = await world.get("/")
        called = list(world.simulator.requests)

    assert (ready, status, openmetrics, page_status) == (200, 200, 200, 200)
    assert "outbound_exporter_build_info" in text
    assert "outbound_account_up" not in text
    assert ended.endswith("# EOF\n")
    assert "No account belongs to this shard" in page
    assert called == []
