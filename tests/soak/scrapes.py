"""Whoever scrapes: as Prometheus does, as others do, and those who hang up half way."""

import asyncio
import random
from urllib.parse import urlsplit

import aiohttp

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Scraper:
    """Scrapes an exporter in one of many ways and looks at what comes.

    Args:
        url: Of the exporter.
        draw: Picks the way.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, draw: random.Random) -> None:
        self._session, self._url, self._draw = session, url, draw
        self.answered = 0
        self.aborted = 0

    async def plain(self) -> str:
        """The whole exposition, as text."""
        return await self._get("/metrics")

    async def any(self, account: str) -> None:
        """Scrape, or look, in some way."""
        ways = (
            lambda: self._get("/metrics", {"Accept-Encoding": "gzip"}),
            lambda: self._openmetrics({"Accept-Encoding": "gzip"}),
            lambda: self._openmetrics({"Accept-Encoding": "identity"}),
            lambda: self._get(f"/metrics?account={account}"),
            lambda: self._refused("/metrics?account=nobody", 400),
            lambda: self._refused("/nowhere", 404),
            lambda: self._get("/"),
            lambda: self._get("/config"),
            lambda: self._get("/-/healthy"),
            self._abort,
            self._abort,
        )
        await self._draw.choice(ways)()

    async def reload(self) -> int:
        """Ask for a reload; returns the status of the answer."""
        async with self._session.post(f"{self._url}/-/reload") as response:
            await response.read()
            return response.status

    async def _get(self, path: str, headers: dict | None = None, status: int = 200) -> str:
        async with self._session.get(self._url + path, headers=headers) as response:
            text = await response.text()
        # An account that a reload took away meanwhile is unknown, and rightly so.
        if response.status != status and "account=" not in path:
            raise AssertionError(f"{path} answers {response.status} instead of {status}")
        self.answered += 1
        return text

    async def _refused(self, path: str, status: int) -> None:
        await self._get(path, status=status)

    async def _openmetrics(self, headers: dict) -> None:
        text = await self._get("/metrics", {"Accept": OPENMETRICS, **headers})
        if not text.endswith("# EOF\n"):
            raise AssertionError("an exposition is cut off")

    async def _abort(self) -> None:
        """Ask, read a little or nothing, and hang up."""
        address = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: exporter\r\nConnection: keep-alive\r\n\r\n")
        await writer.drain()
        if self._draw.random() < 0.5:
            await reader.read(100)
        writer.transport.abort()
        self.aborted += 1
