"""One account opened: everything that it needs to be polled, and what of it others go on with."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from exporter.background import Background, forget_frames
from exporter.clock import Clock
from exporter.config.model import Account
from exporter.errors import ConfigError, Reason
from exporter.limiter import Limiter
from exporter.poller.account import AccountPoller
from exporter.poller.book import Book
from exporter.poller.context import Context
from exporter.poller.publisher import Publisher
from exporter.poller.selection import Selector
from exporter.reply import TRANSPORT_CODES
from exporter.schedule import Random
from exporter.session import TlsContexts, TlsFiles, open_session, tls_files
from exporter.source import Source, SourceContext, SourceType, has_same_origin
from exporter.store import Store
from exporter.telemetry import AccountMeter, Telemetry
from exporter.transport import Direct, Transport

_NONCE_BYTES: Final = 16


def _fresh_nonce() -> str:
    return os.urandom(_NONCE_BYTES).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every account is opened with."""

    sources: Mapping[str, SourceType]
    store: Store
    telemetry: Telemetry
    clock: Clock
    random: Random
    contexts: TlsContexts = field(default_factory=TlsContexts)


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """One account that is open; it neither polls nor shows anything before it is told to.

    ``files`` are those of its ``tls_config`` as they were loaded; ``loop`` is None until it polls.
    """

    account: Account
    files: TlsFiles
    limiter: Limiter
    meter: AccountMeter
    context: Context
    poller: AccountPoller
    connections: AsyncExitStack
    loop: asyncio.Task[None] | None = None

    async def follow(self, before: "Member") -> bool:
        """Go on as the same account under another configuration, which is polled no more.

        Returns:
            Whether what is shown of it holds on: else it is of another account at the vendor.
        """
        if before.account.platform == self.account.platform:
            # What is spent stays spent, whoever is asked now.
            self.limiter.follow(before.limiter)
        if not has_same_origin(before.account, self.account):
            return False
        await self.context.follow(before.context)
        return True

    def show(self) -> None:
        """Show the self-metrics."""
        meter, limiter = self.meter, self.limiter
        meter.show()
        meter.on_refresh(lambda: meter.budget(rate=limiter.rate(), remaining=limiter.remaining()))

    def hide(self, successor: "Member | None") -> None:
        """Show no self-metrics any more, but leave them to who goes on under the same labels."""
        if successor is not None and successor.meter.labels == self.meter.labels:
            self.meter.hand_over(successor.meter)
        else:
            self.meter.remove()

    def poll(self, loops: asyncio.TaskGroup) -> None:
        """Begin to poll."""
        self.loop = loops.create_task(self.poller.run(), name="account")
        self.loop.add_done_callback(forget_frames)


async def open_member(
    account: Account, surroundings: Surroundings, *, start_after: float
) -> Member:
    """Everything that one account needs to be polled; whoever opens it closes ``connections``.

    ``start_after`` seconds after it is told to it makes the first poll.

    Raises:
        ConfigError: Its key, certificate or zone is of no use.
    """
    async with AsyncExitStack() as opening:
        member = await _opened(account, surroundings, opening, start_after)
        # What is open stays open from here on.
        member.connections = opening.pop_all()
    return member


async def _opened(
    account: Account, around: Surroundings, opening: AsyncExitStack, start_after: float
) -> Member:
    kind, common, clock = around.sources[account.platform], account.common, around.clock
    meter, limiter = _meter(account, kind, around.telemetry), Limiter(common.budget, clock)
    # Before they are loaded: what changes in between is then found to have changed.
    files = await tls_files(common.tls_config)
    tls = await around.contexts.of(account)
    session = await opening.enter_async_context(open_session(account, tls))
    transport = Transport(
        session,
        limiter=limiter,
        meter=meter,
        clock=clock,
        timeout=common.timeout,
        proxy=common.proxy_url.reveal() if common.proxy_url else None,
        server_name=common.tls_config.server_name or None,
    )
    zone = await _zone(account)
    source = await _source(account, around, opening, transport=transport, tls=tls)
    context = _context(account, around, transport=transport, source=source, zone=zone, meter=meter)
    return Member(
        account=account,
        files=files,
        limiter=limiter,
        meter=meter,
        context=context,
        poller=AccountPoller(context, start_after=start_after),
        connections=opening,
    )


def _context(
    account: Account,
    around: Surroundings,
    *,
    transport: Transport,
    source: Source,
    zone: ZoneInfo,
    meter: AccountMeter,
) -> Context:
    book = Book(Selector(account.common.tasks), details=source.abilities.details)
    return Context(
        account,
        source=source,
        transport=transport,
        book=book,
        publisher=Publisher(account, book=book, store=around.store, zone=zone),
        meter=meter,
        clock=around.clock,
        random=around.random,
    )


async def _source(
    account: Account,
    around: Surroundings,
    opening: AsyncExitStack,
    *,
    transport: Transport,
    tls: ssl.SSLContext,
) -> Source:
    # Entered after the session: what runs in the background ends before its connections close.
    background = await opening.enter_async_context(Background())
    return await around.sources[account.platform].open(
        SourceContext(
            account=account,
            transport=transport,
            # What it is opened with stays: a file that changes later must not make a call fail.
            direct=Direct(
                partial(open_session, account, tls, direct=True), timeout=account.common.timeout
            ),
            background=background,
            clock=around.clock,
            random=around.random,
            nonce=_fresh_nonce,
        )
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
