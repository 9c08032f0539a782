"""The page for people: rendered off the loop from what the store holds, one rendering at a time."""

import asyncio
import base64
import gzip
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from exporter import __version__
from exporter.sharding import UNSHARDED
from exporter.store import AccountView
from exporter.web.cards import Health, card_of, health_of, in_order, shown_name
from exporter.web.delivery import send
from exporter.web.negotiation import accepts_gzip
from exporter.web.site import CONFIG_PATH, HEALTHY_PATH, READY_PATH, SITE, Site
from exporter.web.wording import counted, when

if TYPE_CHECKING:
    import jinja2

REFRESH_SECONDS: Final = 30
_GZIP_LEVEL: Final = 1
_HEALTH: Final[Mapping[Health, str]] = {"up": "up", "down": "down", "pending": "not polled yet"}


def _template_file(name: str) -> str:
    return resources.files("exporter.web").joinpath("templates", name).read_text("utf-8")


# Read when this module is imported: a request must not read a file on the event loop.
_STYLE: Final = _template_file("style.css")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    hdrs.CONTENT_TYPE: "text/html; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-store",
    hdrs.VARY: hdrs.ACCEPT_ENCODING,
    "Referrer-Policy": "no-referrer",
    # For browsers that do not know frame-ancestors.
    "X-Frame-Options": "deny",
    # The one picture is the icon, which is part of the page.
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
}


@lru_cache(maxsize=1)
def _template() -> "jinja2.Template":
    """The page's template; the first call takes a tenth of a second, so it is made in a thread."""
    # Most exporters are scraped and never looked at: a start is sooner and smaller without.
    import jinja2  # noqa: PLC0415

    return jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(_template_file("index.html.j2"), {"style": _STYLE})


@dataclass(frozen=True, slots=True)
class Rendered:
    """The page, both as it is and compressed."""

    plain: bytes
    gzipped: bytes


class Page:
    """Renders the page for all who ask at the same time.

    Whoever comes while a rendering is under way waits for the next one and shares it, so that any
    number of readers takes one thread, and nobody sees what was true before they asked.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turn = asyncio.Lock()
        self._started = 0
        self._latest: tuple[int, Rendered] = (0, Rendered(b"", b""))

    async def rendered(self) -> Rendered:
        """The page as of now."""
        before = self._started
        async with self._turn:
            if self._latest[0] <= before:
                self._started += 1
                number = self._started
                views = tuple(self._site.store.views.values())
                page = await asyncio.to_thread(_render, self._site, views, self._site.clock.now())
                self._latest = (number, page)
            return self._latest[1]


PAGE: Final = web.AppKey("PAGE", Page)


async def index(request: web.Request) -> web.StreamResponse:
    """Answer with the page."""
    page = await request.app[PAGE].rendered()
    headers = dict(_HEADERS)
    body = page.plain
    if accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, []))):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = page.gzipped
    return await send(
        request,
        [body],
        size_bytes=len(body),
        headers=headers,
        limit_seconds=request.app[SITE].write_seconds,
    )


def _render(site: Site, views: Sequence[AccountView], now: float) -> Rendered:
    ordered = in_order(views)
    links = site.place.links
    pieces = _template().generate(
        headings=[(shown_name(view.name), health_of(view)) for view in ordered],
        cards=(card_of(view, now) for view in ordered),
        summary=_summary(site, views),
        nothing_to_poll=site.shard != UNSHARDED and not site.store.publication.accounts,
        health_words=_HEALTH,
        version=__version__,
        now=when(now, now).iso,
        refresh_seconds=REFRESH_SECONDS,
        # Relative, so that they also hold behind a proxy that puts a prefix before the path; below
        # the external URL where that is told.
        metrics=links + site.telemetry_path.lstrip("/"),
        healthy=links + HEALTHY_PATH.lstrip("/"),
        ready=links + READY_PATH.lstrip("/"),
        config=links + CONFIG_PATH.lstrip("/"),
    )
    # Neither all cards nor all pieces of text are held at once: so many objects would set off a
    # full garbage collection, which stops the event loop too.
    page = bytearray()
    for piece in pieces:
        page += piece.encode("utf-8", "replace")
    plain = bytes(page)
    return Rendered(plain, gzip.compress(plain, _GZIP_LEVEL, mtime=0))


def _summary(site: Site, views: Sequence[AccountView]) -> list[str]:
    counts = Counter(health_of(view) for view in views)
    tasks = sum(sum(view.state.tasks.values()) for view in views)
    part = [] if site.shard == UNSHARDED else [f"shard {site.shard}, counted from 0"]
    return [
        *part,
        counted(len(views), "account"),
        *(f"{counts[health]} {words}" for health, words in _HEALTH.items() if counts[health]),
        counted(tasks, "task"),
    ]
