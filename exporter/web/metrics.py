"""The handler that Prometheus calls: ready bytes, then the exporter's own metrics."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from aiohttp import hdrs, web

from exporter.exposition import OPENMETRICS, TEXT, Bytes, gzip_head
from exporter.store import Publication
from exporter.web.delivery import send
from exporter.web.negotiation import accepts_gzip, wants_openmetrics
from exporter.web.site import SITE, Site

_EOF: Final = b"# EOF\n"
_RETRY_SECONDS: Final = 1
_ECHOED_CHARACTERS: Final = 100


class Slots:
    """How many scrapes may run at once, and a thread for each of them.

    Threads end with the last scrape that is under way: glibc keeps some hundred kilobytes for each
    for as long as it lives, in pieces that lie scattered and part what could be given back.
    """

    def __init__(self, count: int) -> None:
        self._count = self._free = count
        self.threads = _threads(count)
        """Their own, so that no scrape waits for the work of polls."""

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return self._free <= 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one slot."""
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
            if self._free == self._count:
                self.threads.shutdown(wait=False)
                self.threads = _threads(self._count)


def _threads(count: int) -> ThreadPoolExecutor:
    """None of them is made before it is needed."""
    return ThreadPoolExecutor(count, thread_name_prefix="scrape")


SLOTS: Final = web.AppKey("SLOTS", Slots)


async def metrics(request: web.Request) -> web.StreamResponse:
    """Answer a scrape."""
    slots = request.app[SLOTS]
    if slots.full:
        return web.Response(
            status=503,
            text=f"{request.app[SITE].max_requests} scrapes are running, which is the limit"
            " (--web.max-requests): try again.\n",
            headers={hdrs.RETRY_AFTER: str(_RETRY_SECONDS)},
        )
    with slots.taken():
        return await _scrape(request, request.app[SITE], slots.threads)


async def _scrape(
    request: web.Request, site: Site, threads: ThreadPoolExecutor
) -> web.StreamResponse:
    # Taken once: what is published while this scrape waits is for the next one.
    publication = site.store.publication
    names = request.query.getall("account", [])
    unknown = [name for name in names if name not in publication.accounts]
    if unknown:
        return _refusal(unknown, publication)
    openmetrics = wants_openmetrics(_header(request, hdrs.ACCEPT))
    compressed = accepts_gzip(_header(request, hdrs.ACCEPT_ENCODING))
    tail = _end(openmetrics=openmetrics) if names else _self_metrics(site, publication, openmetrics)
    picture = asyncio.get_running_loop().run_in_executor(
        threads, _picture, publication, names, tail, compressed
    )
    # Whoever lets go last of what is not published any more gives its memory back, which takes
    # tens of milliseconds: that is not to be the loop.
    del publication
    pieces, size_bytes = await picture
    del picture
    headers: dict[str, str] = {
        hdrs.CONTENT_TYPE: OPENMETRICS if openmetrics else TEXT,
        hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}",
    }
    if compressed:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return await send(
        request,
        pieces,
        size_bytes=size_bytes,
        headers=headers,
        limit_seconds=site.write_seconds,
        threads=threads,
    )


def _self_metrics(site: Site, publication: Publication, openmetrics: bool) -> Callable[[], bytes]:
    """Bring the self-metrics up to date; what is returned renders them, off the loop."""
    telemetry = site.telemetry
    telemetry.exposition_bytes.set(publication.body.plain_bytes)
    telemetry.exposition_series.set(publication.body.samples)
    telemetry.refresh()
    return telemetry.openmetrics if openmetrics else telemetry.text


def _end(*, openmetrics: bool) -> Callable[[], bytes]:
    end = _EOF if openmetrics else b""
    return lambda: end


def _picture(
    publication: Publication, names: Sequence[str], tail: Callable[[], bytes], compressed: bool
) -> tuple[list[Bytes], int]:
    """Give everything that is sent, in pieces, and its size. Slow in parts: runs in a thread."""
    body = publication.of(names) if names else publication.body
    if compressed:
        head, end = gzip_head(), body.gzip_tail(tail())
        pieces: list[Bytes] = [head, *body.deflated, end]
        return pieces, len(head) + body.deflated_bytes + len(end)
    end = tail()
    return [*body.plain, end], body.plain_bytes + len(end)


def _refusal(unknown: Sequence[str], publication: Publication) -> web.Response:
    known = ", ".join(ascii(name) for name in publication.accounts) or "none yet"
    asked = ascii(unknown[0][:_ECHOED_CHARACTERS])
    return web.Response(status=400, text=f"There is no account {asked}. Known are: {known}.\n")


def _header(request: web.Request, name: str) -> str:
    return ",".join(request.headers.getall(name, []))
