"""A TCP server before a simulator: passes bytes on, or does what a fault cannot."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Front:
    """Where an account is told to go instead; ``handler`` None passes everything on."""

    def __init__(self) -> None:
        self.target = ""
        self.url = ""
        self.connections = 0
        self.handler: Handler | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()

    async def use(self, handler: Handler | None) -> None:
        """From the next connection on do this; the open ones are cut."""
        self.handler = handler
        await self.cut()

    async def cut(self) -> None:
        """Cut every connection."""
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await (self.handler or self._pass_on)(reader, writer)
        finally:
            self._writers.discard(writer)
            self._tasks.discard(asyncio.current_task())
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await relay(reader, writer, self.target)


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, first: bytes = b""
) -> None:
    """Connect to a URL, send ``first``, and pass bytes both ways until either side ends."""
    parts = urlsplit(target)
    other_reader, other_writer = await asyncio.open_connection(parts.hostname, parts.port)
    other_writer.write(first)
    ways = [
        asyncio.create_task(_copy(reader, other_writer)),
        asyncio.create_task(_copy(other_reader, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        other_writer.transport.abort()
        with contextlib.suppress(OSError):
            await other_writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def front(
    handler: Handler | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Front]:
    """A front on loopback; its ``target`` is set later."""
    made = Front()
    made.handler = handler
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield made
    finally:
        server.close()
        await made.cut()
        await server.wait_closed()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """The head of a request, up to and with the empty line."""
    return await reader.readuntil(b"\r\n\r\n")


def answering(body: bytes, *, head: bytes = b"HTTP/1.1 200 OK", headers: bytes = b"") -> Handler:
    """Answers every request with these bytes, as JSON of their length."""
    length = b"Content-Length: %d\r\n" % len(body)
    whole = head + b"\r\nContent-Type: application/json\r\n" + length + headers + b"\r\n" + body

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await head_of(reader)
            writer.write(whole)
            await writer.drain()

    return handle


def saying(raw: bytes, *, listen: bool = True) -> Handler:
    """Says these bytes to every connection, after a request or at once, and closes it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if listen:
            await head_of(reader)
        writer.write(raw)
        await writer.drain()

    return handle


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Listens and never answers."""
    while await reader.read(65_536):
        pass


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with a body that has no end."""
    await head_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    blanks = b" " * 262_144
    while True:
        writer.write(blanks)
        await writer.drain()
