"""The whole exporter against the simulated vendors, on a clock that the test moves."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import lru_cache
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from exporter.app import Exporter, Settings
from exporter.config.loader import parse
from exporter.simulator import Simulator, SimulatorOptions
from exporter.sources import SOURCES
from exporter.web import parse_listen_address
from tests.fakes import FakeClock, no_random

WAIT_SECONDS = 10.0

# The clock stands still while the exporter polls, so a budget must not make it wait.
PLENTY = {"requests_per_second": 1000, "burst": 10000, "requests_per_hour": 1_000_000}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def config_of(text: str, sources=SOURCES):
    """A configuration as the command would load it."""
    options = {name: kind.options for name, kind in sources.items()}
    return parse(text, file=Path("test.yaml"), options=options, environ={})


class World:
    """A simulator and an exporter that polls it; both follow ``clock``."""

    def __init__(
        self, clock: FakeClock, simulator: Simulator, exporter: Exporter, text: str = ""
    ) -> None:
        self.text = text
        """The configuration as a reload finds it."""
        self.clock = clock
        self.simulator = simulator
        self.exporter = exporter
        self.publications: list[str] = []
        self._publish = exporter.store.publish
        exporter.store.publish = self._recorded

    async def _recorded(self):
        publication = await self._publish()
        self.publications.append(text_of(publication))
        return publication

    @property
    def url(self) -> str:
        return self.exporter.urls[0]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, publication by publication, until ``condition`` holds."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                await self.exporter.store.published()

    def series(self) -> Series:
        """What is published now."""
        return series_of(text_of(self.exporter.store.publication))

    def values(self, name: str, **labels: str) -> dict[str, float]:
        """Samples of a family with these labels, by task id (or by all labels without one)."""
        wanted = set(labels.items())
        return {
            dict(label).get("task_id", str(sorted(label))): value
            for (family, label), value in self.series().items()
            if family == name and wanted <= label
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample of a family with these labels; None if there is none."""
        found = self.values(name, **labels)
        assert len(found) < 2, f"{name}{labels} is not one series: {found}"
        return next(iter(found.values()), None)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """What the exporter answers."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, headers=headers) as response,
        ):
            return response.status, await response.text()

    async def polled(self) -> None:
        """Wait until every tier of every account was tried once and every detail is there.

        Accounts start one after another, so the clock is moved on a little while waiting.
        """
        async with asyncio.timeout(WAIT_SECONDS):
            while not self._settled():
                await self.clock.advance(0.05)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.exporter.store.published(), 0.05)

    def _settled(self) -> bool:
        views = self.exporter.store.views
        return len(views) == len(self.exporter.store.publication.accounts) > 0 and all(
            view.state.up is not None
            and not view.state.details_outstanding
            and all(tier.duration is not None for tier in view.state.tiers.values())
            for view in views.values()
        )


def text_of(publication) -> str:
    return b"".join(publication.body.plain).decode()


@lru_cache(maxsize=4)
def series_of(text: str) -> Series:
    """Samples by name and labels; a series that is there twice fails."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


async def start(
    stack: AsyncExitStack,
    *,
    options: dict | None = None,
    text: Callable[[Simulator], str] | None = None,
    sources=SOURCES,
    clock: FakeClock | None = None,
    web_config: Path | None = None,
    random: Callable[[], float] = no_random,
) -> World:
    """Simulator and exporter, ready to be waited for."""
    clock = clock or FakeClock()
    wanted = {"automatic": False, "lively": False, "control_listen": None, **(options or {})}
    simulator = await stack.enter_async_context(
        Simulator(SimulatorOptions(clock=clock.now, **wanted))
    )
    # Whoever waits for what a tier shows must not be woken by another collector half way.
    tiers = {"collect": ["progress", "schedule", "settings", "agents"]}
    usual = simulator.config_text(budget=PLENTY, defaults=tiers)
    written = text(simulator) if text else usual
    config = await asyncio.to_thread(config_of, written, sources)

    async def load():
        return await asyncio.to_thread(config_of, world.text, sources)

    exporter = Exporter(
        config,
        Settings(
            addresses=[parse_listen_address("127.0.0.1:0")],
            enable_lifecycle=True,
            web_config=web_config,
            load=load,
            clock=clock,
            random=random,
            sources=sources,
        ),
    )
    world = World(clock, simulator, exporter, written)
    await stack.enter_async_context(exporter)
    return world
