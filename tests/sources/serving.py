"""A plain HTTP server that says what a test tells it to, and transports that call it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter.background import Background
from exporter.clock import Clock, SystemClock
from exporter.config.model import Account, Budget, Common
from exporter.limiter import Limiter
from exporter.reply import TRANSPORT_CODES
from exporter.session import open_session
from exporter.source import Source, SourceContext, SourceType
from exporter.telemetry import Telemetry
from exporter.transport import Direct, Transport
from tests.fakes import no_random


@dataclass
class Answer:
    body: bytes | str | object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return msgspec.json.encode(self.body)


@dataclass
class Asked:
    raw_path: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Vendor:
    """Answers in order, the last one for ever; or by a function of the request."""

    def __init__(
        self, *answers: Answer, by: Callable[[Asked], Awaitable[Answer]] | None = None
    ) -> None:
        self._answers = list(answers)
        self._by = by
        self.asked: list[Asked] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        asked = Asked(
            raw_path=request.raw_path,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        self.asked.append(asked)
        if self._by is not None:
            answer = await self._by(asked)
        else:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return web.Response(body=answer.encoded(), status=answer.status, headers=answer.headers)


@asynccontextmanager
async def serving(vendor: Vendor) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", vendor.handle)
    async with TestServer(app) as server:
        vendor.url = f"http://{server.host}:{server.port}"
        yield vendor.url


@asynccontextmanager
async def transport_for(
    kind: SourceType, *, clock: Clock, telemetry: Telemetry, account: Account
) -> AsyncIterator[Transport]:
    """A transport whose budget is no limit to a test."""
    limits = Budget(requests_per_second=1000.0, burst=1000, concurrency=8)
    operations = (*kind.operations, *kind.further_operations(account))
    codes = {**kind.codes, **TRANSPORT_CODES}
    meter = telemetry.account(platform=kind.platform, name="a", operations=operations, codes=codes)
    meter.show()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Transport(
            session, limiter=Limiter(limits, clock), meter=meter, clock=clock, timeout=5.0
        )


def account_of(kind: SourceType, options: msgspec.Struct, timezone: str = "Asia/Shanghai"):
    common = Common(name="a", platform=kind.platform, timezone=timezone)
    return Account(common=common, options=options, path="accounts[0]")


@asynccontextmanager
async def opened(
    kind: SourceType,
    options: msgspec.Struct,
    *,
    timezone: str = "Asia/Shanghai",
    clock: Clock | None = None,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[Source]:
    clock, nonces = clock or SystemClock(), count(1)
    # Its collectors read /proc as they are made.
    telemetry = telemetry or await asyncio.to_thread(Telemetry)
    account = account_of(kind, options, timezone)
    async with (
        transport_for(kind, clock=clock, telemetry=telemetry, account=account) as transport,
        Background() as background,
    ):
        yield await kind.open(
            SourceContext(
                account=account,
                transport=transport,
                direct=Direct(partial(open_session, account, direct=True), timeout=5.0),
                background=background,
                clock=clock,
                random=no_random,
                nonce=lambda: f"nonce-{next(nonces)}",
            )
        )
