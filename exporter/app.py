"""The composition root: opens everything, owns every task, and is the only place that wires."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from exporter.allocator import keep_giving_back
from exporter.clock import Clock, SystemClock
from exporter.config.changes import Difference
from exporter.config.model import Config
from exporter.config.secret_files import secret_files
from exporter.errors import ConfigError
from exporter.fleet import Fleet
from exporter.member import Surroundings
from exporter.permissions import warn_of_open_files
from exporter.reloading import Load, Reloader
from exporter.schedule import Random
from exporter.session import TlsContexts, open_session
from exporter.sharding import UNSHARDED, Shard
from exporter.source import SourceType
from exporter.sources import SOURCES
from exporter.store import Store
from exporter.supervisor import Supervisor
from exporter.telemetry import Telemetry
from exporter.web import UNMOVED, ListenAddress, Place, Server, Site, create_app

if TYPE_CHECKING:
    from exporter.webconfig.live import Live
    from exporter.webconfig.model import WebConfig

READY_AFTER_SECONDS: Final = 30.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve, beside the configuration file.

    ``web_config`` is the file with TLS and users; None: plain and for anybody. ``open_health`` lets
    anybody ask for the health all the same. ``shard`` says which of the accounts are polled.
    ``load`` reads the configuration again for a reload; None: it is what it was.
    ``enable_lifecycle`` lets clients ask for one. ``supervisor`` is told how it goes. ``random``
    and ``clock`` are there for tests.
    """

    addresses: Sequence[ListenAddress]
    telemetry_path: str = "/metrics"
    place: Place = UNMOVED
    max_requests: int = 40
    enable_lifecycle: bool = False
    load: Load | None = None
    web_config: Path | None = None
    open_health: bool = False
    shard: Shard = UNSHARDED
    supervisor: Supervisor = field(default_factory=Supervisor)
    sources: Mapping[str, SourceType] = field(default_factory=lambda: SOURCES)
    clock: Clock = field(default_factory=SystemClock)
    random: Random = random.random


class Exporter:
    """A running exporter: polls what ``config`` names as long as its ``async with`` lasts.

    Of several shards it polls its own part. ``store`` is what scrapes read, ``urls`` where it
    listens.
    """

    def __init__(self, config: Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._stack = AsyncExitStack()
        self._started = settings.clock.monotonic()
        self._fleet: Fleet | None = None
        self._reloader: Reloader | None = None
        self._live: Live | None = None
        self._ready = False
        self.store = Store()
        self.urls: tuple[str, ...] = ()

    async def __aenter__(self) -> "Exporter":
        """Open every account, listen, and begin to poll.

        Raises:
            ConfigError: A key, certificate, zone or address is of no use.
        """
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let running scrapes end, stop polling and close every connection."""
        await self._stack.aclose()

    def ready(self) -> bool:
        """Whether each account has tried its first active reading, or 30 s have passed.

        Once it is, it stays so: what a reload brings is not waited for.
        """
        if not self._ready:
            waited = self._settings.clock.monotonic() - self._started
            tried = self._fleet is not None and self._fleet.tried()
            self._ready = tried or waited >= READY_AFTER_SECONDS
        return self._ready

    async def reload(self) -> Difference:
        """Read the configuration again and poll by it from now on; one reload at a time.

        Raises:
            ConfigError: Something in it is of no use: all is as it was.
        """
        if self._reloader is None:
            raise ConfigError("the exporter is not open")
        self.ready()
        async with self._settings.supervisor.reloading():
            found = await self._reloader.reload()
        await self._warn_of_open_files(self._reloader.config)
        return found

    async def _warn_of_open_files(self, config: Config) -> None:
        await warn_of_secrets(config, None if self._live is None else self._live.config)

    async def _load(self) -> Config:
        load, shard = self._settings.load, self._settings.shard
        return part_of(self._config if load is None else await load(), shard)

    async def _open(self) -> None:
        settings = self._settings
        # Registering its collectors reads /proc.
        telemetry = await asyncio.to_thread(Telemetry)
        surroundings = Surroundings(
            sources=settings.sources,
            store=self.store,
            telemetry=telemetry,
            clock=settings.clock,
            random=settings.random,
        )
        loops = await self._stack.enter_async_context(asyncio.TaskGroup())
        fleet = self._fleet = await self._stack.enter_async_context(Fleet(surroundings, loops))
        # From the first scrape on every account is known by name.
        config = part_of(self._config, settings.shard)
        await fleet.make(await fleet.prepare(config))
        reloader = Reloader(
            self._load,
            config,
            fleet=fleet,
            loops=loops,
            telemetry=telemetry,
            clock=settings.clock,
        )
        self._reloader = await self._stack.enter_async_context(reloader)
        reloader.succeeded()
        await self._stack.enter_async_context(_running(loops, self._keep_publishing))
        freeing = _running(loops, partial(keep_giving_back, settings.clock))
        await self._stack.enter_async_context(freeing)
        # Last in, first out: scrapes end before polls are cancelled.
        await self._serve(telemetry, reloader, loops)
        await self._warn_of_open_files(config)
        # A start that fails, and is tried again and again, has called no vendor.
        fleet.begin()

    async def _serve(
        self, telemetry: Telemetry, reloader: Reloader, loops: asyncio.TaskGroup
    ) -> None:
        settings = self._settings
        site = Site(
            store=self.store,
            telemetry=telemetry,
            ready=self.ready,
            reload=self.reload if settings.enable_lifecycle else None,
            clock=settings.clock,
            telemetry_path=settings.telemetry_path,
            place=settings.place,
            config=lambda: reloader.config,
            max_requests=settings.max_requests,
            open_health=settings.open_health,
            shard=settings.shard,
        )
        guard, live = None, None
        if settings.web_config is not None:
            # Who serves plain and to anybody does without.
            from exporter.web.guard import open_guard  # noqa: PLC0415

            guard, live = await open_guard(site, settings.web_config)
            self._live = live
        server = Server(
            create_app(site, guard), settings.addresses, tls=None if live is None else live.tls
        )
        await self._stack.enter_async_context(server)
        self.urls = server.addresses
        if live is not None:
            watch = partial(live.watch, server.use)
            await self._stack.enter_async_context(_running(loops, watch))

    async def _keep_publishing(self) -> None:
        while True:
            await self.store.changed()
            await self.store.publish()


@asynccontextmanager
async def _running(
    loops: asyncio.TaskGroup, loop: Callable[[], Coroutine[None, None, None]]
) -> AsyncIterator[None]:
    """Own an endless loop, which has ended when the context has.

    One that ends by an error ends the others and the program.
    """
    task = loops.create_task(loop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def part_of(config: Config, shard: Shard) -> Config:
    """The configuration with the accounts of one shard alone, which may be none."""
    mine = tuple(account for account in config.accounts if shard.holds(account.name))
    return msgspec.structs.replace(config, accounts=mine)


async def warn_of_secrets(config: Config, web: "WebConfig | None") -> None:
    """Log which files with secrets, of the accounts and of the web side, others may read."""
    files = (*secret_files(config), *(() if web is None else web.secret_files))
    await asyncio.to_thread(warn_of_open_files, files)


async def check(config: Config, sources: Mapping[str, SourceType] = SOURCES) -> None:
    """Check offline whatever only a start would show: keys, secrets and certificates.

    Raises:
        ConfigError: Something is of no use.
    """
    contexts = TlsContexts()
    for account in config.accounts:
        await sources[account.platform].check(account)
        async with open_session(account, await contexts.of(account)):
            pass


def _announce(urls: Sequence[str], path: str) -> None:
    for url in urls:
        _log.info("listening", url=url, metrics=path)


async def serve(
    config: Config,
    settings: Settings,
    stop: asyncio.Event,
    *,
    hang_up: asyncio.Event | None = None,
    announce: Callable[[Sequence[str], str], None] = _announce,
) -> None:
    """Poll and serve until ``stop`` is set.

    Args:
        config: What to poll.
        settings: How to serve.
        stop: Ends it.
        hang_up: Reloads the configuration each time it is set; also if that was during the start.
        announce: Told once where it listens: base addresses, and the path of the metrics.

    Raises:
        ConfigError: See ``Exporter``.
    """
    async with Exporter(config, settings) as exporter:
        announce(exporter.urls, settings.place.prefix + settings.telemetry_path)
        await settings.supervisor.ready()
        async with (
            asyncio.TaskGroup() as loops,
            _running(loops, partial(_follow, hang_up or asyncio.Event(), exporter)),
        ):
            await stop.wait()
            _log.info("stopping")
            await settings.supervisor.stopping()


async def _follow(hang_up: asyncio.Event, exporter: Exporter) -> None:
    while True:
        await hang_up.wait()
        # Whoever asks from here on is heard after this one.
        hang_up.clear()
        with suppress(ConfigError):
            await exporter.reload()
