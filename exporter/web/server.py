"""Listens, and stops without cutting an answer short."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Protocol, Self

from aiohttp import web

from exporter.web.admission import Door, raise_file_limit
from exporter.web.connection import Connection, Connections, expecting_nothing
from exporter.web.limits import Limits
from exporter.web.listening import ListenAddress, open_sockets

_SHORTEST_DRAIN_SECONDS: Final = 0.01
_GOODBYE_SECONDS: Final = 1.0


class Encryption(Protocol):
    """How connections are encrypted; see ``exporter.webconfig.live.Tls``."""

    @property
    def context(self) -> ssl.SSLContext:
        """The context of new connections."""

    @property
    def allowed_sans(self) -> frozenset[str] | None:
        """Names of which a client's certificate must have one; None: any client may come."""

    @property
    def pinned(self) -> object:
        """Equal for two that let in the same clients."""


class Server:
    """Serves an application on some addresses as long as its ``async with`` lasts."""

    def __init__(
        self,
        app: web.Application,
        addresses: Sequence[ListenAddress],
        *,
        tls: Encryption | None = None,
        drain_seconds: float = 3.0,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        """``tls`` None: plain. Answers may take ``drain_seconds`` to end once the server stops."""
        # aiohttp waits that long twice, for the handler and then for its connection's task; and
        # for ever if told 0.
        timeout = max(drain_seconds, _SHORTEST_DRAIN_SECONDS) / 2
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=timeout)
        self._patience_seconds = min(_GOODBYE_SECONDS, timeout)
        self._wanted = tuple(addresses)
        self._tls = tls
        self._limits = limits
        self._opened: list[socket.socket] = []
        self._listeners: list[tuple[Door, asyncio.Server]] = []
        self._connections = Connections(limits, pinned=None if tls is None else tls.pinned)
        self._sweeping: asyncio.TimerHandle | None = None
        self.addresses: tuple[str, ...] = ()
        """URLs of what is listened on, with the ports that were picked."""

    async def __aenter__(self) -> Self:
        """Start to serve.

        Raises:
            ConfigError: An address cannot be listened on; nothing is left open then.
        """
        self._connections.admission.leave_files(raise_file_limit())
        await self._runner.setup()
        manager = self._manager()
        manager.request_factory = expecting_nothing(manager.request_factory)
        try:
            for address in self._wanted:
                for opened in await open_sockets(address):
                    self._opened.append(opened)
                    self.addresses += (self._url(opened),)
            self._listeners = await self._listening(self._tls)
        except BaseException:
            await self._stop()
            raise
        self._sweep()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop to accept, let running answers end, close everything."""
        await self._stop()

    async def use(self, tls: Encryption) -> None:
        """Encrypt new connections in another way.

        No connection is refused meanwhile. Those of clients that were let in by other rules end
        once they are answered. What fails, or is cancelled, before the new way listens leaves the
        one before.

        Raises:
            OSError: There is no descriptor left to listen with.
        """
        # A new context on the same connections to come. To exchange that of a server which listens
        # would change the certificate alone: clients' own would silently no longer be asked for.
        before, self._listeners = self._listeners, await self._listening(tls)
        self._tls = tls
        self._connections.retire(tls.pinned)
        await _close(before)

    async def _listening(self, tls: Encryption | None) -> list[tuple[Door, asyncio.Server]]:
        loop = asyncio.get_running_loop()
        listeners = []
        with ExitStack() as undo:
            for opened in self._opened:
                door = undo.enter_context(Door.of(opened, self._connections.admission))
                listener = await loop.create_server(
                    lambda: self._connection(tls),
                    sock=door,
                    ssl=None if tls is None else tls.context,
                    ssl_handshake_timeout=None if tls is None else self._limits.handshake_seconds,
                    ssl_shutdown_timeout=None if tls is None else _GOODBYE_SECONDS,
                    # Else who is cancelled meanwhile never gets to know what listens.
                    start_serving=False,
                )
                undo.callback(listener.close)
                listeners.append((door, listener))
            for _, listener in listeners:
                await listener.start_serving()
            undo.pop_all()
        return listeners

    def _manager(self) -> web.Server:
        manager = self._runner.server
        assert manager is not None  # noqa: S101 - the runner is set up before anything listens
        return manager

    def _connection(self, tls: Encryption | None) -> Connection:
        return Connection(
            self._manager(),
            self._connections,
            allowed_sans=None if tls is None else tls.allowed_sans,
            pinned=None if tls is None else tls.pinned,
        )

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._connections.sweep(loop.time())
        self._sweeping = loop.call_later(self._limits.sweep_seconds, self._sweep)

    async def _stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        listeners, self._listeners = self._listeners, []
        await _close(listeners)
        for opened in self._opened:
            opened.close()
        await self._runner.cleanup()
        # What is still open now belongs to a client that does not read; or, with TLS, to one that
        # is to get the last of its answer and to say goodbye.
        await self._connections.end(0.0 if self._tls is None else self._patience_seconds)

    def _url(self, opened: socket.socket) -> str:
        host, port = opened.getsockname()[:2]
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


async def _close(listeners: Sequence[tuple[Door, asyncio.Server]]) -> None:
    """Accept nothing more; what was accepted is served."""
    loop = asyncio.get_running_loop()
    for door, _ in listeners:
        loop.remove_reader(door)
    # asyncio makes a transport of a connection one step after it accepted it, and fails silently if
    # the listener is closed by then: the client would wait for ever.
    try:
        await asyncio.sleep(0)
    finally:
        for _, listener in listeners:
            listener.close()
