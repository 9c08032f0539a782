"""What the handlers work on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from exporter.clock import Clock
from exporter.config.changes import Difference
from exporter.config.model import Config
from exporter.errors import ConfigError
from exporter.sharding import UNSHARDED, Shard
from exporter.store import Store
from exporter.telemetry import Telemetry
from exporter.web.place import UNMOVED, Place, can_be_routed

ROOT_PATH: Final = "/"
HEALTHY_PATH: Final = "/-/healthy"
READY_PATH: Final = "/-/ready"
RELOAD_PATH: Final = "/-/reload"
CONFIG_PATH: Final = "/config"

SERVER_NAME: Final = "outbound-exporter"
"""The Server header, without versions: those are for who may read the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is served, and within which limits.

    Args:
        store: Where the publication and the views of the accounts are.
        telemetry: The exporter's own metrics.
        ready: Whether the first active reading of each account has ended.
        reload: Reads the configuration again, and raises ``ConfigError`` where that leaves all as
            it was; None: clients may not ask for it.
        clock: Tells the time against which the page says "3 min ago".
        config: Gives the configuration in force.
        telemetry_path: Path of the metrics, below the prefix of ``place``.
        place: What stands before each path.
        open_health: Whether anybody may ask for the health; no account is named to them then.
        max_requests: How many scrapes may run at once; one more is answered 503.
        write_seconds: How long the writing of one answer may take before its connection is dropped.
        shard: Which part of the accounts this is, for the page.

    Raises:
        ConfigError: ``telemetry_path`` cannot be served.
    """

    store: Store
    telemetry: Telemetry
    ready: Callable[[], bool]
    clock: Clock
    config: Callable[[], Config]
    reload: Callable[[], Awaitable[Difference]] | None = None
    telemetry_path: str = "/metrics"
    place: Place = UNMOVED
    open_health: bool = False
    max_requests: int = 40
    write_seconds: float = 60.0
    shard: Shard = UNSHARDED

    def __post_init__(self) -> None:
        check_telemetry_path(self.telemetry_path)

    @property
    def health_paths(self) -> tuple[str, ...]:
        """The paths that tell the health, as they are routed."""
        return tuple(self.place.prefix + path for path in (HEALTHY_PATH, READY_PATH))


def check_telemetry_path(path: str) -> None:
    """Check the path of the metrics.

    Raises:
        ConfigError: It cannot be served, or something else is served there.
    """
    served = path.removesuffix("/")
    taken = not served or path.startswith("/-/") or path == CONFIG_PATH
    if taken or not can_be_routed(served):
        raise ConfigError(
            f"{path!r} cannot be the path of the metrics: expected one such as /metrics,"
            " other than / and /config and not below /-/",
            path="--web.telemetry-path",
        )


SITE: Final = web.AppKey("SITE", Site)
