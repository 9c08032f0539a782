"""The application: which path is answered by what, and what all answers have in common."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from exporter.web.health import healthy, ready
from exporter.web.lifecycle import reload
from exporter.web.metrics import SLOTS, Slots, metrics
from exporter.web.page import PAGE, Page, index
from exporter.web.site import (
    HEALTHY_PATH,
    READY_PATH,
    RELOAD_PATH,
    ROOT_PATH,
    SERVER_NAME,
    SITE,
    Site,
)


def create_app(site: Site) -> web.Application:
    """Everything that is served, ready for ``Server``."""
    app = web.Application(middlewares=[_not_found])
    app[SITE] = site
    app[SLOTS] = Slots(site.max_requests)
    app[PAGE] = Page(site)
    app.router.add_get(ROOT_PATH, index)
    app.router.add_get(site.telemetry_path, metrics)
    app.router.add_get(HEALTHY_PATH, healthy)
    app.router.add_get(READY_PATH, ready)
    app.router.add_post(RELOAD_PATH, reload)
    app.on_response_prepare.append(_add_headers)
    app.on_cleanup.append(_end_threads)
    return app


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
