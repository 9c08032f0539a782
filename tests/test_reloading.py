"""One reload at a time, and each takes what the file holds when its turn comes."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from exporter.config.changes import Difference
from exporter.errors import ConfigError
from exporter.fleet import Change
from exporter.reloading import Reloader
from exporter.telemetry import Telemetry
from tests.fakes import FakeClock, settle


class Fleet:
    """Notes what it is told; a change takes as long as a test wants."""

    def __init__(self):
        self.log = []
        self.going = asyncio.Event()
        self.fault = None

    async def prepare(self, config):
        self.log.append(f"prepare {config}")
        return Change(config, Difference(unchanged=(config,)), {})

    async def make(self, change):
        (name,) = change.difference.unchanged
        await self.going.wait()
        if self.fault is not None:
            raise self.fault
        self.log.append(f"made {name}")


class File:
    def __init__(self):
        self.text = "one"
        self.error = None

    async def load(self):
        if self.error is not None:
            raise self.error
        return self.text


@pytest.fixture
def telemetry():
    return Telemetry()


@asynccontextmanager
async def reloading(fleet, file, telemetry, clock=None, **others):
    """A reloader, and who owns what it makes."""
    async with (
        asyncio.TaskGroup() as loops,
        Reloader(
            file.load,
            "none",
            fleet=fleet,
            loops=loops,
            telemetry=telemetry,
            clock=clock or FakeClock(),
            **others,
        ) as reloader,
    ):
        yield reloader


def told(telemetry):
    values = {
        sample.name.removeprefix("outbound_exporter_config_last_reload_"): sample.value
        for metric in (telemetry.reload_successful, telemetry.reload_success_timestamp)
        for family in metric.collect()
        for sample in family.samples
    }
    return values["successful"], values["success_timestamp_seconds"]


async def test_a_second_reload_waits_for_its_turn_and_reads_the_file_then(telemetry):
    fleet, file = Fleet(), File()
    async with reloading(fleet, file, telemetry) as reloader:
        first = asyncio.create_task(reloader.reload())
        second = asyncio.create_task(reloader.reload())
        await settle()
        assert fleet.log == ["prepare one"]
        file.text = "two"
        await settle()
        assert fleet.log == ["prepare one"]

        fleet.going.set()

        assert (await first).unchanged == ("one",)
        assert (await second).unchanged == ("two",)
        assert fleet.log == ["prepare one", "made one", "prepare two", "made two"]


async def test_one_whose_file_does_not_answer_is_told_and_made_once_it_does(telemetry, monkeypatch):
    fleet, file = Fleet(), File()
    answers, changed = asyncio.Event(), asyncio.Event()
    put = telemetry.reload_successful.set
    monkeypatch.setattr(
        telemetry.reload_successful, "set", lambda value: (put(value), changed.set())
    )

    async def load():
        await answers.wait()
        return "late"

    file.load = load
    fleet.going.set()
    async with reloading(fleet, file, telemetry, patience_seconds=0.01) as reloader:
        slow = asyncio.create_task(reloader.reload())
        await changed.wait()
        assert told(telemetry)[0] == 0

        answers.set()

        assert (await slow).unchanged == ("late",)
        assert told(telemetry)[0] == 1


async def test_one_that_fails_lets_the_next_one_in(telemetry):
    fleet, file, clock = Fleet(), File(), FakeClock()
    async with reloading(fleet, file, telemetry, clock) as reloader:
        fleet.going.set()
        await reloader.reload()
        loaded = clock.now()
        await clock.advance(10)

        file.error = ConfigError("no")
        with pytest.raises(ConfigError):
            await reloader.reload()
        assert told(telemetry) == (0, loaded)
        assert reloader.config == "one"

        file.error = None
        await reloader.reload()
        assert told(telemetry) == (1, clock.now())


async def test_one_that_is_given_up_while_it_is_made_is_made_before_the_next_one(telemetry):
    fleet, file, clock = Fleet(), File(), FakeClock()
    async with reloading(fleet, file, telemetry, clock) as reloader:
        given_up = asyncio.create_task(reloader.reload())
        await settle()
        given_up.cancel()
        await asyncio.wait([given_up])
        file.text = "two"
        following = asyncio.create_task(reloader.reload())
        await settle()
        assert given_up.cancelled()
        assert fleet.log == ["prepare one"]

        fleet.going.set()
        await following

        assert fleet.log == ["prepare one", "made one", "prepare two", "made two"]
        assert reloader.config == "two"
        assert told(telemetry) == (1, clock.now())


async def test_a_fault_of_ours_while_a_change_is_made_ends_what_owns_the_accounts(telemetry):
    fleet, file = Fleet(), File()
    fleet.fault = ZeroDivisionError("ours")
    fleet.going.set()
    callers = []

    async def run():
        async with reloading(fleet, file, telemetry) as reloader:
            callers.extend(asyncio.create_task(reloader.reload()) for _ in range(2))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as ended:
        await run()
    await asyncio.wait(callers)

    assert ended.value.exceptions == (fleet.fault,)
    assert [one.exception() for one in callers] == [fleet.fault] * 2
    assert fleet.log == ["prepare one"]


async def test_a_change_that_is_being_made_is_given_up_where_it_ends(telemetry):
    fleet = Fleet()
    async with asyncio.timeout(5), reloading(fleet, File(), telemetry) as reloader:
        asked = asyncio.create_task(reloader.reload())
        await settle()

    await asyncio.wait([asked])
    assert asked.cancelled()
    assert fleet.log == ["prepare one"]
