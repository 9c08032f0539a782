"""Before any handler: the rate limit, then who may ask. Whatever is routed is behind it."""

import base64
import binascii
from collections.abc import Collection
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from exporter.clock import Clock
from exporter.web.site import Site
from exporter.webconfig.live import Live
from exporter.webconfig.passwords import BusyError
from exporter.webconfig.rate import RequestRate

_RETRY_SECONDS: Final = 1
_READING: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


async def open_guard(site: Site, file: Path) -> "tuple[Guard, Live]":
    """What guards a site by a web configuration, and that configuration.

    Raises:
        ConfigError: The web configuration is of no use.
    """
    live = Live(file, site.clock)
    await live.open()
    open_paths = site.health_paths if site.open_health else ()
    return Guard(live, site.clock, open_paths=open_paths), live


class Guard:
    """Decides on each request by the web configuration in force."""

    def __init__(self, live: Live, clock: Clock, *, open_paths: Collection[str] = ()) -> None:
        """``open_paths`` may be read by anybody, as long as the configuration is of use."""
        self._live = live
        self._rate = RequestRate(clock)
        self._open_paths = frozenset(open_paths)

    def middleware(self) -> Middleware:
        """The guard as the outermost part of an application."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = await self._refusal(request)
            return await handler(request) if refusal is None else refusal

        return guard

    async def add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers that the configuration asks for."""
        config = self._live.config
        if config is not None:
            for name, value in config.http.headers.items():
                if value:
                    response.headers[name] = value

    async def _refusal(self, request: web.Request) -> web.Response | None:
        config = self._live.config
        if config is None:
            return _refused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "The web configuration (--web.config.file) is of no use; the log says why.",
            )
        if not self._rate.allows(config.rate_limit):
            return _refused(
                HTTPStatus.TOO_MANY_REQUESTS, "More requests than rate_limit allows: try again."
            )
        passwords = self._live.passwords
        if not passwords.needed or self._is_open(request):
            return None
        credentials = _credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        try:
            if credentials is not None and await passwords.right(*credentials):
                return None
        except BusyError:
            return _refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "Too many passwords wait to be checked: try again."
            )
        response = _refused(HTTPStatus.UNAUTHORIZED, "A user and a password are needed.")
        response.headers[hdrs.WWW_AUTHENTICATE] = "Basic"
        return response

    def _is_open(self, request: web.Request) -> bool:
        return request.method in _READING and request.path in self._open_paths


def _refused(status: HTTPStatus, text: str) -> web.Response:
    response = web.Response(status=status, text=f"{text}\n")
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        response.headers[hdrs.RETRY_AFTER] = str(_RETRY_SECONDS)
    return response


def _credentials(header: str) -> tuple[bytes, bytes] | None:
    """User and password; None if there are none that can be read."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(b":")
    return (user, password) if colon else None
