"""Clients that are slow, greedy, silent or talk nonsense: none of them holds the server."""

import asyncio
import contextlib
import os
import resource
import socket
from pathlib import Path

import pytest
from aiohttp import ClientSession

from exporter.web import ListenAddress, Server, Site, create_app
from exporter.web.admission import Admission, Door, raise_file_limit
from exporter.web.limits import Limits
from exporter.webconfig.live import LOOK_SECONDS
from exporter.webconfig.passwords import MOST_WAITING
from tests.web.making import a_site, big_store, two_accounts

HEAD = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n"
WHOLE = HEAD + b"\r\n"
SOON_SECONDS = 5


class Client:
    """A connection that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server ends it, which it does soon."""
        async with asyncio.timeout(SOON_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def answer(self) -> bytes:
        """The head of an answer, and the body ``ok``."""
        async with asyncio.timeout(SOON_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            await self.reader.readexactly(2)
            return head


class Held:
    """A server with limits, and clients of it."""

    def __init__(self, server: Server, stack: contextlib.AsyncExitStack) -> None:
        self.server, self.stack = server, stack
        self.clients: list[Client] = []

    async def client(self) -> Client:
        port = int(self.server.addresses[0].rpartition(":")[2])
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        self.stack.callback(client.writer.close)
        self.clients.append(client)
        return client

    def sweep_in(self, seconds: float) -> None:
        """Look for what takes too long, as it will be done in so many seconds."""
        now = asyncio.get_running_loop().time()
        self.server._connections.sweep(now + seconds)

    async def status(self) -> int:
        async with (
            ClientSession(self.server.addresses[0]) as session,
            asyncio.timeout(SOON_SECONDS),
            session.get("/metrics") as response,
        ):
            await response.read()
            return response.status


@pytest.fixture
async def held():
    async with contextlib.AsyncExitStack() as stack:

        async def start(store=None, write_seconds=60.0, **limits) -> Held:
            site = await a_site(store or await two_accounts(), write_seconds=write_seconds)
            limits = Limits(**{"sweep_seconds": 0.02, **limits})
            address = ListenAddress("127.0.0.1", 0)
            server = Server(create_app(site), [address], drain_seconds=0, limits=limits)
            return Held(await stack.enter_async_context(server), stack)

        yield start


async def test_a_connection_that_asks_for_nothing_is_dropped(held):
    door = await held(first_seconds=0.1)

    assert await (await door.client()).rest() == b""


async def test_a_head_that_comes_byte_by_byte_is_dropped_however_steadily_it_comes(held):
    door = await held(first_seconds=0.3)
    client = await door.client()

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for byte in HEAD + b"X-A: b\r\n" * 1000:
                await client.send(bytes([byte]))
                await asyncio.sleep(0.005)

    dripping = asyncio.create_task(drip())
    assert await client.rest() == b""
    assert await door.status() == 200
    dripping.cancel()


async def test_a_second_head_that_never_ends_is_dropped_too(held):
    door = await held(head_seconds=0.1)
    client = await door.client()
    await client.send(WHOLE)
    await client.answer()

    await client.send(HEAD)

    assert await client.rest() == b""


async def test_a_connection_that_asked_before_may_be_idle_for_long(held):
    door = await held()
    client = await door.client()
    for _ in range(3):
        await client.send(WHOLE)
        assert b"200 OK" in await client.answer()
        door.sweep_in(300)


async def test_an_idle_connection_is_closed_in_the_end(held):
    door = await held(idle_seconds=0.1)
    client = await door.client()
    await client.send(WHOLE)
    await client.answer()

    assert await client.rest() == b""


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n", id="line"),
        pytest.param(b"GET /?" + b"account=a&" * 100_000 + b" HTTP/1.1\r\n\r\n", id="query"),
        pytest.param(HEAD + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n", id="one header"),
        pytest.param(HEAD + b"X-A: a\r\n" * 150_000 + b"\r\n", id="many headers"),
        pytest.param(HEAD + (b"X-A: " + b"a" * 8000 + b"\r\n") * 130 + b"\r\n", id="large headers"),
        pytest.param(HEAD + b"a" * 1_000_000, id="no end"),
    ],
)
async def test_a_head_of_a_megabyte_is_refused(held, head):
    door = await held(first_seconds=0.5)
    client = await door.client()

    sending = asyncio.create_task(client.send(head))
    answer = await client.rest()
    await sending

    assert answer == b"" or answer.startswith(b"HTTP/1.0 400 ")
    assert await door.status() == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 10_000 + b"\0",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        bytes(range(256)) * 40,
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"GET * HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /%00%ff%2f HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nExpect: nonsense\r\n\r\n",
    ],
)
async def test_nonsense_is_answered_or_dropped_and_logged_by_nobody(held, data, caplog):
    door = await held(first_seconds=0.2, head_seconds=0.2, idle_seconds=0.2, body_seconds=0.1)
    client = await door.client()

    await client.send(data)
    answer = await client.rest()

    assert not answer or answer.startswith((b"HTTP/1.0 ", b"HTTP/1.1 "))
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert await door.status() == 200
    assert not caplog.records


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 100000000\r\n", b"Transfer-Encoding: chunked\r\n"]
)
@pytest.mark.parametrize("coding", [b"", b"Content-Encoding: gzip\r\n"])
async def test_a_body_is_read_for_a_moment_and_no_longer(held, framing, coding):
    door = await held(body_seconds=0.2)
    client = await door.client()

    await client.send(b"POST /metrics HTTP/1.1\r\nHost: a\r\n" + framing + coding + b"\r\n")

    async def fill() -> None:
        piece = b"10000\r\n" + bytes(65536) + b"\r\n"
        while not client.writer.is_closing():
            await client.send(piece)
            await asyncio.sleep(0.001)

    filling = asyncio.create_task(fill())
    answer = await client.rest()
    filling.cancel()

    assert not answer or answer.startswith(b"HTTP/1.1 405 ")
    assert await door.status() == 200


async def test_two_thousand_idle_connections_hold_up_nobody(held):
    door = await held(connections=100)
    for _ in range(20):
        await asyncio.gather(*(door.client() for _ in range(100)))

    assert await door.status() == 200
    assert len(door.server._connections.admission) <= 100
    assert await door.clients[0].rest() == b""


async def test_who_asked_before_is_kept_longer_than_who_never_did(held):
    door = await held(connections=10)
    proven = await door.client()
    await proven.send(WHOLE)
    await proven.answer()

    await asyncio.gather(*(door.client() for _ in range(50)))
    await asyncio.sleep(0)
    await proven.send(WHOLE)

    assert b"200 OK" in await proven.answer()


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def connected(listening):
    return socket.create_connection(listening.getsockname())


@contextlib.contextmanager
def no_files():
    """Nothing more can be opened."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_whoever_gave_way_is_closed_before_the_next_one_is_accepted(listening):
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(Door.of(listening, Admission(1)))
        for _ in range(3):
            stack.enter_context(connected(listening))
        for _ in range(2):
            stack.enter_context(door.accept()[0])

        with pytest.raises(BlockingIOError):
            door.accept()
        door.accept()[0].close()


def test_the_lack_of_a_descriptor_is_told_once_and_not_a_hundred_times(listening):
    with Door.of(listening, Admission(9)) as door, connected(listening), no_files():
        with pytest.raises(OSError, match="Too many open files"):
            door.accept()
        with pytest.raises(BlockingIOError):
            door.accept()
        with pytest.raises(OSError, match="Too many open files"):
            door.accept()


def test_connections_take_no_more_than_half_of_the_descriptors():
    admission = Admission(256)

    admission.leave_files(65_536)
    assert admission.most == 256
    admission.leave_files(100)
    assert admission.most == 50
    admission.leave_files(1)
    assert admission.most == 1


async def test_a_connection_is_refused_only_when_all_that_are_open_are_busy(held):
    door = await held(await big_store(), connections=2)
    busy = [await door.client() for _ in range(2)]
    for client in busy:
        await client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.reader.readexactly(1)

    refused = await door.client()
    await refused.send(WHOLE)
    assert await refused.rest() == b""

    busy[0].writer.transport.abort()
    for _ in range(1000):
        client = await door.client()
        await client.send(WHOLE)
        if await client.reader.read(8):
            break
    else:
        raise AssertionError("never admitted")


async def test_an_answer_that_takes_too_long_is_given_up(held):
    door = await held(await big_store(), sweep_seconds=1000)
    client = await door.client()
    await client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    start = await client.reader.readexactly(100)
    client.reader._transport.pause_reading()

    door.sweep_in(0)
    door.sweep_in(119)
    assert len(door.server._connections.admission) == 1
    door.sweep_in(121)

    client.reader._transport.resume_reading()
    assert len(start + await client.rest()) < 30_000_000


async def test_requests_sent_ahead_are_answered_in_order_and_do_not_pile_up(held):
    door = await held()
    client = await door.client()

    sending = asyncio.create_task(client.send(WHOLE * 5000))
    async with asyncio.timeout(15):
        for _ in range(5000):
            await client.reader.readuntil(b"\r\n\r\nok")
    await sending


def test_as_many_files_may_be_open_as_the_system_allows():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(before[1], 256) if before[1] != resource.RLIM_INFINITY else 256
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
        raise_file_limit()
        now = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert now[1] == before[1]
    assert now[0] == (65_536 if before[1] == resource.RLIM_INFINITY else min(before[1], 65_536))


def test_the_limits_are_those_of_the_document():
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    limits = Limits()
    rows = {
        "Connections open at once, TLS handshakes included": f"{limits.connections}",
        "From the connection to the end of the first request's head": f"{limits.first_seconds:g} s",
        "From the first byte of a later request to the end of its head": (
            f"{limits.head_seconds:g} s"
        ),
        "TLS handshake": f"{limits.handshake_seconds:g} s",
        "Between two requests": f"{limits.idle_seconds:g} s",
        "Request line": f"{limits.line_bytes} bytes",
        "One header": f"{limits.field_bytes} bytes",
        "Headers of a request": f"{limits.fields}",
        "Body of a request, which nobody reads": f"{limits.body_seconds:g} s",
        "An answer altogether": f"{limits.answer_seconds:g} s",
        "Writing of an answer": f"{Site.__dataclass_fields__['write_seconds'].default:g} s",
        "Passwords that wait to be checked": f"{MOST_WAITING}",
    }

    for name, value in rows.items():
        assert f"| {name} | {value} |" in text
    assert f"two looks, {LOOK_SECONDS:g} s apart" in text
