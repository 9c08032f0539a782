"""Where the routes are, and where clients see them: ``--web.external-url``, ``--web.route-prefix``.

As in Prometheus: the prefix is the path of the external URL unless it is given, since a proxy may
or may not strip it.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from exporter.errors import ConfigError

_EXTERNAL: Final = "--web.external-url"
_PREFIX: Final = "--web.route-prefix"
# No braces, which aiohttp reads as a pattern, and nothing that a link would have to escape.
_ROUTE: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the routes are, and where clients see them.

    ``prefix`` stands before each route; it is empty or begins with a slash and ends with none.
    ``links`` stands before the paths that the page links to; empty: they are relative to it.
    """

    prefix: str = ""
    links: str = ""


UNMOVED: Final = Place()
"""Clients see the routes where they are."""


def can_be_routed(path: str) -> bool:
    """Whether a path of no or several parts can be served and be linked to as it is."""
    return _ROUTE.fullmatch(path) is not None


def place_of(*, external_url: str | None, route_prefix: str | None) -> Place:
    """The place that the flags give; None and an empty URL are not given.

    Raises:
        ConfigError: One of them is of no use.
    """
    seen = _path_of(external_url) if external_url else ""
    prefix = seen if route_prefix is None else _checked(route_prefix, _PREFIX)
    return Place(prefix=prefix, links=f"{seen}/" if external_url else "")


def _path_of(external_url: str) -> str:
    try:
        url = urlsplit(external_url)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        raise _no_address() from None
    if not usable or url.query or url.fragment or "@" in url.netloc:
        raise _no_address()
    return _checked(url.path, _EXTERNAL)


def _no_address() -> ConfigError:
    return ConfigError(
        "expected the http:// or https:// address under which clients see the exporter, such as"
        " https://monitoring.example.com/outbound/, without user, query and fragment",
        path=_EXTERNAL,
    )


def _checked(path: str, flag: str) -> str:
    trimmed = path.strip("/")
    prefix = f"/{trimmed}" if trimmed else ""
    if not can_be_routed(prefix):
        raise ConfigError(
            "expected a path of letters, digits and . _ ~ - between slashes, such as /outbound",
            path=flag,
        )
    return prefix
