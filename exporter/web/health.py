"""Whether the process lives, and whether its figures are there. Reads state and calls nobody."""

from aiohttp import web

from exporter.web.site import SITE


async def healthy(_request: web.Request) -> web.Response:
    """Answer that the process lives."""
    return web.Response(text="ok")


async def ready(request: web.Request) -> web.Response:
    """Answer whether the first poll of every account has ended."""
    site = request.app[SITE]
    if site.ready():
        return web.Response(text="ready")
    waiting = [view.name for view in site.store.views.values() if view.state.up is None]
    # An open door tells no names.
    told = waiting and not site.open_health
    names = f": {', '.join(ascii(name) for name in waiting)}" if told else ""
    return web.Response(
        status=503,
        text=f"Waiting for the first poll of active tasks of each account to end{names}.\n",
    )
