"""The composition root: opens everything, owns every task, and is the only place that wires."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import structlog

from exporter.background import Background
from exporter.clock import Clock, SystemClock
from exporter.config.model import Account, Config
from exporter.errors import ConfigError, Reason
from exporter.limiter import Limiter
from exporter.poller.account import AccountPoller
from exporter.poller.book import Book
from exporter.poller.context import Context
from exporter.poller.publisher import Publisher
from exporter.poller.selection import Selector
from exporter.schedule import Random, stagger
from exporter.session import TlsContexts, open_session
from exporter.sharding import UNSHARDED, Shard
from exporter.source import SourceContext, SourceType
from exporter.sources import SOURCES
from exporter.store import Store
from exporter.telemetry import AccountMeter, Telemetry
from exporter.transport import TRANSPORT_CODES, Direct, Transport
from exporter.web import ListenAddress, Server, Site, create_app

READY_AFTER_SECONDS: Final = 30.0

Loop = tuple[str, Callable[[], Coroutine[None, None, None]]]
"""A name, and what runs until it is cancelled."""

_log = structlog.get_logger()


def _fresh_nonce() -> str:
    return os.urandom(16).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve, beside the configuration file.

    ``shard`` says which of the accounts are polled. ``random`` and ``clock`` are there for tests.
    """

    addresses: Sequence[ListenAddress]
    telemetry_path: str = "/metrics"
    max_requests: int = 40
    shard: Shard = UNSHARDED
    sources: Mapping[str, SourceType] = field(default_factory=lambda: SOURCES)
    clock: Clock = field(default_factory=SystemClock)
    random: Random = random.random


class Exporter:
    """A running exporter: polls what ``config`` names as long as its ``async with`` lasts.

    Of several shards it polls its own part. ``store`` is what scrapes read, ``urls`` where it
    listens.
    """

    def __init__(self, config: Config, settings: Settings) -> None:
        self._config = part_of(config, settings.shard)
        self._settings = settings
        self._stack = AsyncExitStack()
        self._started = settings.clock.monotonic()
        self._pollers: list[AccountPoller] = []
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
        """Whether each account has tried its first active reading, or 30 s have passed."""
        if not self._ready:
            waited = self._settings.clock.monotonic() - self._started
            tried = all(poller.ready.is_set() for poller in self._pollers)
            self._ready = tried or waited >= READY_AFTER_SECONDS
        return self._ready

    async def _open(self) -> None:
        settings = self._settings
        # Registering its collectors reads /proc.
        telemetry = await asyncio.to_thread(Telemetry)
        contexts = TlsContexts()
        for index, account in enumerate(self._config.accounts):
            start_after = stagger(index, len(self._config.accounts))
            opened = _opened(account, settings, contexts, self.store, telemetry)
            try:
                context = await self._stack.enter_async_context(opened)
            except ConfigError as error:
                error.file = self._config.file
                raise
            self._pollers.append(AccountPoller(context, start_after=start_after))
        # From the first scrape on every account is known by name.
        await self.store.publish()
        telemetry.reload_successful.set(1)
        telemetry.reload_success_timestamp.set(settings.clock.now())
        loops: list[Loop] = [("publication", self._keep_publishing)]
        loops += [("account", poller.run) for poller in self._pollers]
        listening = asyncio.Event()
        await self._stack.enter_async_context(_running(loops, once=listening))
        site = Site(
            store=self.store,
            telemetry=telemetry,
            ready=self.ready,
            clock=settings.clock,
            telemetry_path=settings.telemetry_path,
            max_requests=settings.max_requests,
            shard=settings.shard,
        )
        server = Server(create_app(site), settings.addresses)
        # Last in, first out: scrapes end before polls are cancelled.
        await self._stack.enter_async_context(server)
        self.urls = server.addresses
        # A start that fails, and is tried again and again, has called no vendor.
        listening.set()

    async def _keep_publishing(self) -> None:
        while True:
            await self.store.changed()
            await self.store.publish()


@asynccontextmanager
async def _running(loops: Sequence[Loop], *, once: asyncio.Event) -> AsyncIterator[None]:
    """Own some endless loops, which begin once an event is set.

    One that ends by an error ends the others and the program.
    """

    async def begun(loop: Callable[[], Coroutine[None, None, None]]) -> None:
        await once.wait()
        await loop()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(begun(loop), name=name) for name, loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def _opened(
    account: Account,
    settings: Settings,
    contexts: TlsContexts,
    store: Store,
    telemetry: Telemetry,
) -> AsyncIterator[Context]:
    """Everything that one account needs to be polled.

    Raises:
        ConfigError: Its key, certificate or zone is of no use.
    """
    kind, common = settings.sources[account.platform], account.common
    meter = _meter(account, kind, telemetry)
    limiter = Limiter(common.budget, settings.clock)
    meter.on_refresh(lambda: meter.budget(rate=limiter.rate(), remaining=limiter.remaining()))
    async with open_session(account, contexts) as session, Background() as background:
        transport = Transport(
            session,
            limiter=limiter,
            meter=meter,
            clock=settings.clock,
            timeout=common.timeout,
            proxy=common.proxy_url.reveal() if common.proxy_url else None,
            server_name=common.tls_config.server_name or None,
        )
        direct = partial(open_session, account, contexts, direct=True)
        zone = await _zone(account)
        source = await kind.open(
            SourceContext(
                account=account,
                transport=transport,
                direct=Direct(direct, timeout=common.timeout),
                background=background,
                clock=settings.clock,
                random=settings.random,
                nonce=_fresh_nonce,
            )
        )
        book = Book(Selector(common.tasks), details=source.abilities.details)
        store.add(account.name)
        yield Context(
            account,
            source=source,
            transport=transport,
            book=book,
            publisher=Publisher(account, book=book, store=store, zone=zone),
            meter=meter,
            clock=settings.clock,
            random=settings.random,
        )


def _meter(account: Account, kind: SourceType, telemetry: Telemetry) -> AccountMeter:
    codes: dict[str, Reason] = {**kind.codes, **TRANSPORT_CODES}
    operations = (*kind.operations, *kind.further_operations(account))
    return telemetry.account(
        platform=kind.platform, name=account.name, operations=operations, codes=codes
    )


async def _zone(account: Account) -> ZoneInfo:
    try:
        return await asyncio.to_thread(ZoneInfo, account.common.timezone)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the zone {account.common.timezone!r} cannot be loaded",
            path=f"{account.path}.timezone",
        ) from error


def part_of(config: Config, shard: Shard) -> Config:
    """The configuration with the accounts of one shard alone, which may be none."""
    mine = tuple(account for account in config.accounts if shard.holds(account.name))
    return msgspec.structs.replace(config, accounts=mine)


async def check(config: Config, sources: Mapping[str, SourceType] = SOURCES) -> None:
    """Check offline whatever only a start would show: keys, secrets and certificates.

    Raises:
        ConfigError: Something is of no use.
    """
    contexts = TlsContexts()
    for account in config.accounts:
        await sources[account.platform].check(account)
        async with open_session(account, contexts):
            pass


def _announce(urls: Sequence[str], path: str) -> None:
    for url in urls:
        _log.info("listening", url=url, metrics=path)


async def serve(
    config: Config,
    settings: Settings,
    stop: asyncio.Event,
    *,
    announce: Callable[[Sequence[str], str], None] = _announce,
) -> None:
    """Poll and serve until ``stop`` is set.

    Args:
        config: What to poll.
        settings: How to serve.
        stop: Ends it.
        announce: Told once where it listens: base addresses, and the path of the metrics.

    Raises:
        ConfigError: See ``Exporter``.
    """
    async with Exporter(config, settings) as exporter:
        announce(exporter.urls, settings.telemetry_path)
        await stop.wait()
        _log.info("stopping")
