"""The application: which path is answered by what, and what all answers have in common."""

from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from exporter.web.health import healthy, ready
from exporter.web.lifecycle import reload
from exporter.web.metrics import SLOTS, Slots, metrics
from exporter.web.page import PAGE, Page, index
from exporter.web.running import RUNNING, Running, running
from exporter.web.site import (
    CONFIG_PATH,
    HEALTHY_PATH,
    READY_PATH,
    RELOAD_PATH,
    ROOT_PATH,
    SERVER_NAME,
    SITE,
    Site,
)

if TYPE_CHECKING:
    from exporter.web.guard import Guard


def create_app(site: Site, guard: "Guard | None" = None) -> web.Application:
    """Everything that is served, ready for ``Server``; without ``guard``, to anybody."""
    middlewares = [_not_found] if guard is None else [guard.middleware(), _not_found]
    app = web.Application(middlewares=middlewares)
    app[SITE] = site
    app[SLOTS] = Slots(site.max_requests)
    app[PAGE] = Page(site)
    app[RUNNING] = Running(site)
    _add_routes(app.router, site)
    app.on_response_prepare.append(_add_headers)
    if guard is not None:
        # After ours, which they replace.
        app.on_response_prepare.append(guard.add_headers)
    app.on_cleanup.append(_end_threads)
    return app


def _add_routes(router: web.UrlDispatcher, site: Site) -> None:
    prefix = site.place.prefix
    router.add_get(prefix + ROOT_PATH, index)
    router.add_get(prefix + site.telemetry_path, metrics)
    router.add_get(prefix + HEALTHY_PATH, healthy)
    router.add_get(prefix + READY_PATH, ready)
    router.add_get(prefix + CONFIG_PATH, running)
    router.add_post(prefix + RELOAD_PATH, reload)
    if prefix:
        router.add_get(ROOT_PATH, _to_prefix)
        router.add_get(prefix, _to_prefix)


async def _to_prefix(request: web.Request) -> web.Response:
    # Where the page is, and with the slash at the end that its links count from.
    there = request.app[SITE].place.prefix + ROOT_PATH
    return web.Response(status=302, headers={hdrs.LOCATION: there}, text=f"See {there}\n")


@web.middleware
async def _not_found(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        paths = sorted({resource.canonical for resource in request.app.router.resources()})
        return web.Response(status=404, text=f"Not found. There is: {', '.join(paths)}\n")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = SERVER_NAME
    response.headers["X-Content-Type-Options"] = "nosniff"


async def _end_threads(app: web.Application) -> None:
    # Nothing runs in them any more: every scrape has ended or lost its connection.
    app[SLOTS].threads.shutdown(wait=False)
