"""What clients may ask the process to do, where that is allowed: to reload its configuration."""

from http import HTTPStatus

from aiohttp import web

from exporter.errors import ConfigError
from exporter.exposition import masked
from exporter.web.site import SITE
from exporter.web.wording import counted


async def reload(request: web.Request) -> web.Response:
    """Reload, and answer once that is done: by the new configuration is polled then."""
    site = request.app[SITE]
    if site.reload is None:
        return web.Response(
            status=HTTPStatus.FORBIDDEN,
            text="Reloading is not allowed: start the exporter with --web.enable-lifecycle, or send"
            " it SIGHUP.\n",
        )
    try:
        found = await site.reload()
    except ConfigError as error:
        return web.Response(
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            text=f"The configuration before stays in force: {masked(str(error))}\n",
        )
    changes = (
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
    )
    accounts = counted(len(found.added) + len(found.changed) + len(found.unchanged), "account")
    return web.Response(text=f"Reloaded: {accounts}; {changes}.\n")
