"""Listens, and stops without cutting an answer short."""

import asyncio
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import hdrs, web

from exporter.web.listening import ListenAddress, open_sockets
from exporter.web.site import SERVER_NAME

# Longer than the 5 minutes after which Prometheus itself lets an idle connection go, so that it
# never sends a scrape into a connection that we are closing.
_KEEP_ALIVE_SECONDS: Final = 330.0
_SHORTEST_DRAIN_SECONDS: Final = 0.01


class Server:
    """Serves an application on some addresses as long as its ``async with`` lasts."""

    def __init__(
        self,
        app: web.Application,
        addresses: Sequence[ListenAddress],
        *,
        drain_seconds: float = 3.0,
    ) -> None:
        """``drain_seconds`` is how long answers may take to end once the server stops."""
        # aiohttp waits that long twice, for the handler and then for its connection's task; and
        # for ever if told 0.
        timeout = max(drain_seconds, _SHORTEST_DRAIN_SECONDS) / 2
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=timeout)
        self._wanted = tuple(addresses)
        self._listeners: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport] = set()
        self._all_closed = asyncio.Event()
        self.addresses: tuple[str, ...] = ()
        """URLs of what is listened on, with the ports that were picked."""

    async def __aenter__(self) -> Self:
        """Start to serve.

        Raises:
            ConfigError: An address cannot be listened on; nothing is left open then.
        """
        await self._runner.setup()
        try:
            for address in self._wanted:
                for opened in await open_sockets(address):
                    self.addresses += (_url(opened),)
                    await self._listen(opened)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop to accept, let running answers end, close everything."""
        await self._stop()

    async def _listen(self, opened: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(self._connection, sock=opened))

    def _connection(self) -> "_Connection":
        manager = self._runner.server
        assert manager is not None  # noqa: S101 - the runner is set up before anything listens
        return _Connection(manager, self._transports, self._all_closed)

    async def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        await self._runner.cleanup()
        # What is still open now belongs to a client that does not read.
        self._all_closed.clear()
        for transport in self._transports:
            transport.abort()
        if self._transports:
            await self._all_closed.wait()


class _Connection(web.RequestHandler):
    """One connection; tells when it is closed, and neither logs what clients do nor tells versions.

    aiohttp would log a traceback for each request that is not HTTP, such as those of a port scan.
    """

    __slots__ = ("_all_closed", "_mine", "_open")

    def __init__(
        self, manager: web.Server, transports: set[asyncio.Transport], all_closed: asyncio.Event
    ) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # documented as what turns it off
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
        )
        self._open = transports
        self._all_closed = all_closed
        self._mine: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which aiohttp forgets before it is closed."""
        self._mine = transport
        self._open.add(self._mine)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the server."""
        super().connection_lost(exc)
        self._open.discard(self._mine)
        if not self._open:
            self._all_closed.set()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what cannot be read as HTTP; our own faults are logged as ever."""
        if status == 500 or request.writer.output_size > 0:
            response = super().handle_error(request, status, exc, message)
        else:
            response = web.Response(status=status, text="This is not a request in HTTP.\n")
            response.force_close()
        response.headers[hdrs.SERVER] = SERVER_NAME
        return response


def _url(opened: socket.socket) -> str:
    host, port = opened.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
