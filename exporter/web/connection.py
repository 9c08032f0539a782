"""One connection: who may come, for how long, and what is told to who sends no HTTP."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDictProxy

from exporter.web.admission import Admission
from exporter.web.limits import Limits
from exporter.web.site import SERVER_NAME


class Connections:
    """The connections that are open and can speak; tells when there is none."""

    def __init__(self, limits: Limits, *, pinned: object = None) -> None:
        """``pinned`` tells by which rules clients are let in now."""
        self.limits = limits
        self.pinned = pinned
        self.admission = Admission(limits.connections)
        self._open: dict[Connection, asyncio.Transport] = {}
        self._none = asyncio.Event()
        self._none.set()

    def opened(self, connection: "Connection", transport: asyncio.Transport) -> None:
        """Keep a connection, and its transport, which aiohttp forgets before it is closed."""
        self._open[connection] = transport
        self._none.clear()
        self.admission.held(transport.get_extra_info("socket"), connection)

    def closed(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._open.pop(connection, None)
        if not self._open:
            self._none.set()

    def sweep(self, now: float) -> None:
        """Drop what takes longer than it may; ``now`` is the time of the loop."""
        for connection, transport in list(self._open.items()):
            if connection.late(now):
                # A thread may be sending by a descriptor of its own.
                with suppress(OSError):
                    transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
                transport.abort()

    def retire(self, pinned: object) -> None:
        """End those whose client was let in by other rules, each once its request is answered.

        A handshake that is under way by other rules comes to nothing.
        """
        self.pinned = pinned
        for connection in list(self._open):
            if connection.pinned != pinned:
                connection.retire()

    async def end(self, patience_seconds: float) -> None:
        """Wait that long for all to close, and close those that did not, whatever they wait for."""
        self.admission.end_silent()
        if patience_seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none.wait(), patience_seconds)
        for transport in list(self._open.values()):
            transport.abort()
        await self._none.wait()


class Connection(web.RequestHandler):
    """One connection; neither logs what clients do nor tells versions.

    aiohttp would log a traceback for each request that is not HTTP, such as those of a port scan.
    """

    __slots__ = ("_all", "_allowed", "_answering", "_due", "_whole", "pinned")

    def __init__(
        self,
        manager: web.Server,
        connections: Connections,
        *,
        allowed_sans: frozenset[str] | None = None,
        pinned: object = None,
    ) -> None:
        """``pinned`` tells by which rules the client is let in; ``allowed_sans`` None: any."""
        limits = connections.limits
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # documented as what turns it off
            keepalive_timeout=limits.idle_seconds,
            max_line_size=limits.line_bytes,
            max_field_size=limits.field_bytes,
            max_headers=limits.fields,
            lingering_time=limits.body_seconds,
            # Nobody reads a body; a small one must not become a large one.
            auto_decompress=False,
        )
        self._all = connections
        self._allowed = allowed_sans
        self._due: float | None = None
        self._answering: tuple[int, float] = (0, 0.0)
        self._whole = False
        self.pinned = pinned

    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request_in_progress

    def asked(self) -> bool:
        """Whether it ever sent a whole request."""
        return self._whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it; a client without an allowed name, or let in by former rules, is dropped."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what streams have
        self._all.opened(self, transport)
        strange = self._allowed is not None and self._allowed.isdisjoint(_names(transport))
        if strange or self.pinned != self._all.pinned:
            # What it sent with its handshake is passed over.
            self.force_close()
            transport.abort()
            return
        self._due = self._loop.time() + self._all.limits.first_seconds
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._all.closed(self)

    def data_received(self, data: bytes) -> None:
        """Read on, and note since when the head of a request is incomplete."""
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self._whole, self._due = True, None
        elif self._due is None:
            self._due = self._loop.time() + self._all.limits.head_seconds

    def late(self, now: float) -> bool:
        """Whether the head of a request, or an answer, takes too long."""
        if not self._request_in_progress:
            self._answering = (0, 0.0)
            return self._due is not None and now >= self._due
        number, since = self._answering
        if number != self._request_count:
            self._answering = (self._request_count, now)
            return False
        return now - since >= self._all.limits.answer_seconds

    def retire(self) -> None:
        """Close it, once the request under way is answered."""
        if self._request_in_progress:
            self.close()
        else:
            self.force_close()

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


def expecting_nothing(make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """Make requests without their ``Expect``.

    aiohttp answers it by 100 or 417 before any middleware, which is before anybody is asked for a
    password. It may be passed over, and the answer itself comes at once: no body is ever read.
    """

    def made(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
        if hdrs.EXPECT in message.headers:
            headers = message.headers.copy()
            headers.popall(hdrs.EXPECT)
            message = message._replace(headers=CIMultiDictProxy(headers))
        return make(message, *rest)

    return made


def _names(transport: asyncio.Transport) -> Iterator[str]:
    """The names in the certificate of a client, written as Go writes them."""
    encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate: Any = encrypted.getpeercert() if encrypted is not None else None
    for kind, name in (certificate or {}).get("subjectAltName", ()):
        if kind == "IP Address":
            yield str(ipaddress.ip_address(name.strip()))
        elif kind in {"DNS", "email", "URI"}:
            yield name
