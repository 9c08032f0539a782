"""A thousand reloads while Prometheus scrapes: nothing fails, waits or is left over."""

import asyncio
import copy
import gc
import heapq
import threading
import weakref
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.errors import ConfigError
from exporter.limiter import Limiter
from exporter.member import Member
from exporter.poller.account import AccountPoller
from exporter.poller.context import Context
from exporter.telemetry import AccountMeter
from exporter.transport import Transport
from tests.integration._drive import OPENMETRICS, logged_to, written
from tests.integration.harness import start

RELOADS = 1000
WARM = 100
SCRAPERS = 2
STAYS, CHANGES, COMES = "dezhu-demo", "aliyun-demo", "dezhu-demo-2"
WORLD = {"dezhu_accounts": 2, "aliyun_accounts": 1, "aliyun_instances": 1, "tasks": 12}
OF_AN_ACCOUNT = (
    *(Member, AccountPoller, Context, Limiter, AccountMeter, Transport),
    *(aiohttp.ClientSession, aiohttp.TCPConnector),
)
TASKS = 'outbound_task_info{{platform="{0}",account="{1}"'


class Sink:
    """Where a log goes whose end alone is of interest."""

    def write(self, text):
        self.last = text

    def flush(self):
        pass


def versions(text):
    """The configuration as each of the reloads finds it: mostly good ones, one bad one in ten."""
    whole = yaml.safe_load(text)
    made = []
    for number in range(10):
        document = copy.deepcopy(whole)
        accounts = {account["name"]: account for account in document["accounts"]}
        accounts[CHANGES]["timeout"] = f"{5 + number // 2}s"
        accounts[CHANGES]["budget"] = {"burst": 100 + number}
        if number % 3 == 1:
            document["accounts"].remove(accounts[COMES])
        if number == 7:
            accounts[STAYS]["private_key"] = "none"
        made.append(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    return made


class Scraper:
    """Scrapes as fast as it is answered, as Prometheus does, and looks at each answer."""

    def __init__(self, url, accept):
        self._url = url
        self._headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        self.answers = 0
        self.under_way = 0
        self.last = ""

    async def run(self, stop, reloading):
        async with aiohttp.ClientSession(headers=self._headers) as session:
            while not stop.is_set():
                before = reloading.locked()
                async with session.get(f"{self._url}/metrics") as response:
                    self.last = await response.text()
                    assert response.status == 200, self.last
                self.under_way += before and reloading.locked()
                self.answers += 1
                for platform, account in (("dezhu", STAYS), ("aliyun", CHANGES)):
                    assert TASKS.format(platform, account) in self.last


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def asked(world):
    """How many calls the vendor had from the account that stays."""
    return sum(record.account == STAYS for record in world.simulator.requests)


async def left(world):
    """What there is of everything that could be left over."""
    world.simulator.requests.clear()
    # The clock of the tests keeps sleepers that were cancelled until it is moved past them.
    world.clock._sleepers = [one for one in world.clock._sleepers if not one[2].done()]
    heapq.heapify(world.clock._sleepers)
    for _ in range(50):
        await asyncio.sleep(0)
    gc.collect()
    objects = gc.get_objects()
    return {
        "tasks": len(asyncio.all_tasks()),
        "files": await asyncio.to_thread(open_files),
        "threads": threading.active_count(),
        **{kind.__name__: sum(type(one) is kind for one in objects) for kind in OF_AN_ACCOUNT},
    }, len(objects)


async def until_polled(world):
    async with asyncio.timeout(10):
        while any(view.state.up is None for view in world.exporter.store.views.values()):
            await world.exporter.store.published()


@pytest.mark.timeout(600)
async def test_1000_reloads_fail_no_scrape_and_leave_nothing_behind():
    sink = Sink()
    with logged_to(sink):
        async with AsyncExitStack() as stack:
            world = await start(stack, options=WORLD, text=written)
            world.exporter.store.publish = world._publish  # every picture would be kept
            await world.polled()
            good, texts = world.text, versions(world.text)
            turn = world.exporter._reloader._turn
            session = await stack.enter_async_context(aiohttp.ClientSession())
            failed = 0

            async def reload(text):
                nonlocal failed
                world.text = text
                async with session.post(f"{world.url}/-/reload") as response:
                    await response.read()
                failed += response.status == 500
                assert response.status in {200, 500}

            kept = world.exporter._fleet._members[STAYS]
            calls = asked(world)
            stop = asyncio.Event()
            scrapers = [
                Scraper(world.url, OPENMETRICS if number % 2 else "*/*")
                for number in range(SCRAPERS)
            ]
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(one.run(stop, turn)) for one in scrapers]
                for number in range(RELOADS):
                    await reload(texts[number % len(texts)])
                    if number == WARM:
                        await reload(good)
                        await until_polled(world)
                        assert calls == asked(world)
                        before, objects = await left(world)
                await reload(good)
                await until_polled(world)
                assert not asked(world)
                after, objects_after = await left(world)
                assert not any(task.done() for task in running)
                stop.set()

            assert failed == RELOADS / 10
            # Scrapes begin and end while a reload is under way.
            assert all(one.under_way > RELOADS / 10 for one in scrapers)
            assert world.exporter._fleet._members[STAYS] is kept
            # Scrapers and the vendors' servers are in this process too: some calls are under way.
            own = {kind.__name__ for kind in OF_AN_ACCOUNT}
            assert {key: after[key] for key in own} == {key: before[key] for key in own}
            assert after["tasks"] <= before["tasks"] + 10
            assert after["files"] <= before["files"] + 10
            # The loop's own pool may still grow up to its limit.
            assert after["threads"] <= before["threads"] + 8
            assert objects_after < 1.02 * objects
            assert list(text_string_to_metric_families(scrapers[1].last))


async def test_scrapes_are_answered_while_a_reload_is_held_up():
    async with AsyncExitStack() as stack:
        world = await start(stack, options=WORLD, text=written)
        await world.polled()
        begun, going = asyncio.Event(), asyncio.Event()
        load = world.exporter._reloader._load

        async def held():
            begun.set()
            await going.wait()
            return await load()

        world.exporter._reloader._load = held
        reloading = asyncio.create_task(world.exporter.reload())
        await begun.wait()
        answers = await asyncio.gather(*(world.get("/metrics") for _ in range(20)))
        page = await world.get("/")

        assert not reloading.done()
        assert {status for status, _ in [*answers, page]} == {200}
        assert (await world.get("/-/ready"))[0] == 200
        going.set()
        await reloading


@pytest.mark.parametrize("steps", [1, 4, 8, 16, 24, 32, 40, 51, 60])
async def test_an_exporter_that_ends_in_the_middle_of_a_reload_closes_everything(steps):
    async with AsyncExitStack() as stack:
        world = await start(stack, options=WORLD, text=written)
        await world.polled()
        world.text = versions(world.text)[4]
        before = asyncio.all_tasks()
        reloading = asyncio.create_task(world.exporter.reload())
        for _ in range(steps):
            await asyncio.sleep(0)
        reloading.cancel()
        await asyncio.wait([reloading])
        members = set(world.exporter._fleet._open)

        await world.exporter.__aexit__()

        assert all(member.context._transport._session.closed for member in members)
        assert not world.exporter._fleet._open
        left_over = asyncio.all_tasks() - before - {asyncio.current_task()}
        # Connections that the simulator sees end a moment later.
        assert not {one for one in left_over if one.get_coro().__name__ != "start"}


@pytest.mark.parametrize("steps", [1, 8, 16, 24, 28, 32, 36, 40, 44, 51, 60])
async def test_a_change_whose_client_hangs_up_is_made_as_a_whole_or_not_at_all(steps):
    async with AsyncExitStack() as stack:
        world = await start(stack, options=WORLD, text=written)
        await world.polled()
        fleet, reloader = world.exporter._fleet, world.exporter._reloader
        before = dict(fleet._members)
        world.text = versions(world.text)[4]
        reloading = asyncio.create_task(world.exporter.reload())
        # What is read in threads takes any number of steps.
        while not fleet._open - set(before.values()):  # noqa: ASYNC110
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        reloading.cancel()
        await asyncio.wait([reloading])
        made = reloader._making
        if made is not None:
            await made

        members = dict(fleet._members)
        assert (members != before) is (made is not None)
        assert set(members.values()) == fleet._open
        assert not any(member.loop is None or member.loop.done() for member in members.values())
        assert list(members) == [account.name for account in reloader.config.accounts]


async def test_a_reload_that_was_given_up_before_its_change_leaves_all_as_it_was():
    async with AsyncExitStack() as stack:
        world = await start(stack, options=WORLD, text=written)
        await world.polled()
        before = dict(world.exporter._fleet._members)
        opening = asyncio.Event()
        prepare = world.exporter._fleet.prepare

        async def noticed(config):
            opening.set()
            return await prepare(config)

        world.exporter._fleet.prepare = noticed
        world.text = versions(world.text)[4]
        reloading = asyncio.create_task(world.exporter.reload())
        await opening.wait()
        reloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reloading

        assert world.exporter._fleet._members == before
        assert world.exporter._fleet._open == set(before.values())
        world.exporter._fleet.prepare = prepare
        world.text = "accounts: []"
        with pytest.raises(ConfigError):
            await world.exporter.reload()


@pytest.fixture
def uncollected():
    """Whatever refers to itself stays."""
    gc.disable()
    yield
    gc.enable()


async def test_what_was_known_of_an_account_goes_with_the_reload_that_changes_it(uncollected):
    async with AsyncExitStack() as stack:
        world = await start(stack, options=WORLD, text=written)
        await world.polled()
        members = world.exporter._fleet._members
        known = [weakref.ref(members[name].context) for name in (CHANGES, COMES)]
        del members
        world.text = versions(world.text)[4]

        await world.exporter.reload()

        assert [one() for one in known] == [None, None]
