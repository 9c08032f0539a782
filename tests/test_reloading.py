"""One reload at a time, and each takes what the file holds when its turn comes."""

import asyncio

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

    async def prepare(self, config):
        self.log.append(f"prepare {config}")
        return Change(config, Difference(unchanged=(config,)), {})

    async def make(self, change):
        (name,) = change.difference.unchanged
        await self.going.wait()
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
    reloader = Reloader(file.load, "none", fleet=fleet, telemetry=telemetry, clock=FakeClock())
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


async def test_one_that_fails_or_is_given_up_lets_the_next_one_in(telemetry):
    fleet, file, clock = Fleet(), File(), FakeClock()
    reloader = Reloader(file.load, "none", fleet=fleet, telemetry=telemetry, clock=clock)
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
    fleet.going.clear()
    given_up = asyncio.create_task(reloader.reload())
    await settle()
    given_up.cancel()
    await asyncio.wait([given_up])
    assert told(telemetry) == (0, loaded)

    fleet.going.set()
    await reloader.reload()
    assert told(telemetry) == (1, clock.now())
