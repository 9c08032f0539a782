"""One call over HTTP: budget, time-out, size cap, and everything that can go wrong as a PollError.

The only module that imports aiohttp's client and knows its exceptions.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar

import aiohttp
import msgspec
from yarl import URL

from exporter.body import Cap, inflated, read_capped
from exporter.clock import Clock
from exporter.errors import PollError, Reason
from exporter.limiter import Limiter
from exporter.reply import TRANSPORT_CODES, Reply
from exporter.retry_after import epoch_seconds
from exporter.telemetry import AccountMeter

_LARGEST: Final = Cap(8 * 1024**2, "the answer is larger than 8 MiB; lower page_size")
_LARGEST_DIRECT: Final = Cap(64 * 1024, "the answer is larger than 64 KiB")
T = TypeVar("T")


class Request(msgspec.Struct, frozen=True):
    """A request; ``url`` is sent as it is, because a signature covers its very bytes."""

    url: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes | None = None

    def __repr__(self) -> str:
        # The rest holds keys and tokens.
        return f"Request({self.method})"


class Transport:
    """Calls on behalf of one account, over its own pooled session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        limiter: Limiter,
        meter: AccountMeter,
        clock: Clock,
        timeout: float,
        proxy: str | None = None,
        server_name: str | None = None,
        paced: bool = True,
    ) -> None:
        """Bind to an account's session.

        ``timeout`` in seconds is for one call from its first byte to its last; ``server_name`` is
        the name that the certificate must have, None for the host's. Without ``paced`` a call
        counts in the budget, but one that is throttled does not slow the others down.
        """
        # aiohttp sends a GET again by itself when a pooled connection breaks: the same nonce
        # twice, and a call outside the budget. There is no public switch in 3.14.
        session._retry_connection = False  # noqa: SLF001
        self._session = session
        self._limiter = limiter
        self._meter = meter
        self._clock = clock
        self._timeout, self._paced = timeout, paced
        total = aiohttp.ClientTimeout(total=timeout)
        self._way = _Way(timeout=total, cap=_LARGEST, proxy=proxy, server_name=server_name)
        self.clock_offset: float | None = None
        """The vendor's ``Date`` less our clock in seconds, to the second; None before the first."""

    async def call(
        self,
        operation: str,
        sign: Callable[[], Request],
        read: Callable[[Reply], T],
        *,
        priority: int,
    ) -> T:
        """Make one call, once.

        Args:
            operation: The label value of the self-metrics.
            sign: Makes the request; called when the budget lets it go, so that its date is fresh.
            read: Turns the reply into what is wanted; raises ``PollError`` where it cannot.
            priority: Who goes first when calls wait for the budget; the lowest does.

        Raises:
            PollError: The call failed; counted, and told to the budget when throttled.
        """
        async with self._limiter.slot(priority) as sent_at:
            try:
                reply = await self._measured(operation, sign())
                return read(reply)
            except PollError as error:
                error.operation = operation
                self._meter.failed(operation, error.reason, error.code)
                if error.reason is Reason.RATE_LIMITED and self._paced:
                    self._limiter.throttled(error.retry_after, sent_at=sent_at)
                raise

    def elsewhere(self) -> "Transport":
        """The same for another service of the vendor, with limits and a certificate of its own."""
        return Transport(
            self._session,
            limiter=self._limiter,
            meter=self._meter,
            clock=self._clock,
            timeout=self._timeout,
            proxy=self._way.proxy,
            paced=False,
        )

    def retrying(self, operation: str) -> None:
        """Count that the next call of ``operation`` repeats one within the same poll."""
        self._meter.retried(operation)

    @property
    def sustained_rate(self) -> float:
        """Calls a second that the account can go on making for hours, as it stands now."""
        return self._limiter.sustained()

    async def _measured(self, operation: str, request: Request) -> Reply:
        started = self._clock.monotonic()
        try:
            return await self._get(request)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _translated(error) from error
        finally:
            self._meter.answered(operation, self._clock.monotonic() - started)

    async def _get(self, request: Request) -> Reply:
        reply = await _exchanged(self._session, request, self._way)
        self._note_date(reply.headers.get("date"))
        return msgspec.structs.replace(reply, received_at=self._clock.now())

    def _note_date(self, date: str | None) -> None:
        at = epoch_seconds(date or "")
        if at is not None:
            self.clock_offset = round(at - self._clock.now())


class Direct:
    """Calls to a service beside the exporter: through no proxy, in no budget and no self-metrics.

    There are a few an hour, so each has a connection of its own.
    """

    def __init__(
        self,
        open_session: Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]],
        *,
        timeout: float,
    ) -> None:
        """``timeout`` in seconds is for one whole call; to open a session cannot fail."""
        self._open_session = open_session
        self._timeout = timeout

    async def call(self, request: Request, *, timeout: float | None = None) -> Reply:  # noqa: ASYNC109
        """Make one call, once; ``timeout`` in seconds where it is to be shorter.

        Raises:
            PollError: There is no whole answer.
        """
        total = aiohttp.ClientTimeout(total=min(self._timeout, timeout or self._timeout))
        way = _Way(timeout=total, cap=_LARGEST_DIRECT)
        try:
            async with self._open_session() as session:
                return await _exchanged(session, request, way)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _translated(error) from error


class _Way(msgspec.Struct, frozen=True):
    timeout: aiohttp.ClientTimeout
    cap: Cap
    proxy: str | None = None
    server_name: str | None = None


async def _exchanged(session: aiohttp.ClientSession, request: Request, way: _Way) -> Reply:
    # Redirects are refused: a signed request must not be carried to another host.
    async with session.request(
        request.method,
        URL(request.url, encoded=True),
        headers={**request.headers, "Accept-Encoding": "gzip"},
        data=request.body,
        timeout=way.timeout,
        allow_redirects=False,
        proxy=way.proxy,
        server_hostname=way.server_name,
    ) as response:
        body = await read_capped(response.content.iter_any(), way.cap)
        headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.get("content-encoding", "") == "gzip":
        body = await inflated(body, way.cap)
    return Reply(status=response.status, headers=headers, body=body)


def _translated(error: Exception) -> PollError:
    """The one place where foreign exceptions of a call become ours; first match wins."""
    for kinds, code, message in _TRANSLATIONS:
        if isinstance(error, kinds):
            return PollError(TRANSPORT_CODES[code], message, code=code)
    return PollError(Reason.UNAVAILABLE, "the connection broke", code="connection")


_TRANSLATIONS: Final[tuple[tuple[tuple[type[Exception], ...], str, str], ...]] = (
    ((TimeoutError,), "timeout", "no whole answer within the account's timeout"),
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        "proxy",
        "the proxy cannot be reached or refuses; check proxy_url",
    ),
    (
        (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch),
        "tls",
        "TLS failed; check the certificate, tls_config.ca_file and tls_config.server_name",
    ),
    ((aiohttp.ClientConnectorDNSError,), "dns", "the host name cannot be resolved"),
    ((aiohttp.ClientConnectorError,), "connection", "cannot connect to the vendor"),
    ((aiohttp.InvalidURL,), "address", "the address is not a URL"),
    ((aiohttp.ClientResponseError,), "malformed", "the answer is not HTTP"),
    ((aiohttp.ClientPayloadError,), "connection", "the answer ended half way"),
    ((aiohttp.ClientError, OSError), "connection", "the connection broke"),
    ((ValueError,), "malformed", "the answer is not HTTP"),
)
