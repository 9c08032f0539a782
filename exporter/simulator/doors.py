"""Addresses of single accounts, at which connections fail before a request can be made.

Most faults are answers. Those of the address are not: nobody listens, the name has no address, a
connection never comes about, the certificate is of no use. They need a door: a port that one
account has for itself, behind which the server of its vendor answers.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from exporter.simulator.answers import Visit
from exporter.simulator.certificates import Kind, Papers
from exporter.simulator.faults import DOOR_KINDS, FaultBook
from exporter.simulator.options import DoorKind

DOMAIN: Final = "vendor.test"
_CERTIFICATES: Final[Mapping[str, Kind]] = {"tls_untrusted": "untrusted", "tls_expired": "expired"}
# With room for none, one more than none is taken and the next are left to wait.
_CROWD: Final = 2


class Door:
    """The port of one account; open, or as a fault has it.

    Attributes:
        visit: What is known of whoever comes: the account.
        kind: What its address looks like.
        host: The IP address.
        url: Where the account is told to go; empty before it is open.
        state: The kind of the fault that it has; None while it is open.
    """

    def __init__(
        self, visit: Visit, kind: DoorKind, *, host: str, runner: web.AppRunner, papers: Papers
    ) -> None:
        self.visit = visit
        self.kind = kind
        self.host = host
        self._runner = runner
        self._papers = papers
        self._server: asyncio.Server | None = None
        self._sockets: list[socket.socket] = []
        self._opening: asyncio.Task[None] | None = None
        self._port = 0
        self.state: str | None = None
        self.url = ""

    async def open(self) -> None:
        """Listen, on a port that is free.

        Raises:
            OSError: There is none.
        """
        listener = self._listen()
        self._port = int(listener.getsockname()[1])
        await self._serve(listener)
        name = f"{self.visit.account}.{DOMAIN}" if self.kind == "named" else self.host
        self.url = f"{'https' if self.kind == 'tls' else 'http'}://{name}:{self._port}"

    def become(self, state: str | None) -> None:
        """Let a fault begin or end, at once; the connections that are open break."""
        if state == self.state:
            return
        self.state = state
        self._shut()
        if state == "unreachable":
            self._listen(backlog=0)
            self._crowd()
        elif state != "refused":
            # Whoever comes before it is served waits in the queue of the listener.
            self._opening = asyncio.create_task(self._serve(self._listen()))

    async def close(self) -> None:
        """Stop to listen and break every connection."""
        self._shut()
        if self._server is not None:
            await self._server.wait_closed()

    def _listen(self, backlog: int = 128) -> socket.socket:
        listener = socket.create_server((self.host, self._port), backlog=backlog)
        listener.setblocking(False)
        self._sockets.append(listener)
        return listener

    async def _serve(self, listener: socket.socket) -> None:
        context = None
        if self.kind == "tls":
            context = self._papers.contexts[_CERTIFICATES.get(self.state or "", "good")]
        server = self._runner.server
        assert server is not None, "the runner is set up"  # noqa: S101
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(server, sock=listener, ssl=context)

    def _crowd(self) -> None:
        """Fill the queue of those who wait to be let in: whoever comes next waits outside."""
        for _ in range(_CROWD):
            guest = socket.socket()
            guest.setblocking(False)
            guest.connect_ex((self.host, self._port))
            self._sockets.append(guest)

    def _shut(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._server is not None:
            self._server.close()
        for mine in self._sockets:
            if mine.fileno() >= 0:
                # A server that was about to begin may have begun to watch it.
                asyncio.get_running_loop().remove_reader(mine)
            mine.close()
        self._sockets.clear()
        server = self._runner.server
        for handler in list(server.connections if server is not None else ()):
            transport = handler.transport
            if transport is None:
                continue
            if transport.get_extra_info("sockname")[1] == self._port:
                transport.abort()


class Doors:
    """The doors of a simulator; they follow the faults as these are set and cleared."""

    def __init__(self, doors: Iterable[Door], faults: FaultBook) -> None:
        self._doors = tuple(doors)
        self._faults = faults
        faults.watch(self._follow)

    def urls(self) -> dict[str, str]:
        """Return the address of each account that has one of its own."""
        return {door.visit.account: door.url for door in self._doors}

    def lookup(self, host: str) -> str:
        """Return the IP address of a name, as a resolver does.

        Raises:
            socket.gaierror: It has none, or not now.
        """
        for door in self._doors:
            if urlsplit(door.url).hostname == host and door.state != "unresolved":
                return door.host
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def leave(self) -> None:
        """Follow the faults no more."""
        self._faults.watch(None)

    def _follow(self) -> None:
        for door in self._doors:
            kinds = [
                fault.kind
                for fault in self._faults.active().values()
                if fault.kind in DOOR_KINDS and fault.fits(door.visit)
            ]
            door.become(kinds[0] if kinds else None)
