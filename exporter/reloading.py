"""The configuration read again while everything runs: all of it takes effect, or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import structlog

from exporter.clock import Clock
from exporter.config.changes import Difference
from exporter.config.model import Config
from exporter.errors import ConfigError
from exporter.exposition import masked
from exporter.fleet import Change, Fleet
from exporter.telemetry import Telemetry

Load = Callable[[], Awaitable[Config]]
"""Reads the configuration; raises ``ConfigError``."""

_log = structlog.get_logger()


class Reloader:
    """Brings the accounts in line with the configuration, one reload at a time.

    A change that is being made when its ``async with`` ends is given up.
    """

    def __init__(
        self,
        load: Load,
        config: Config,
        *,
        fleet: Fleet,
        loops: asyncio.TaskGroup,
        telemetry: Telemetry,
        clock: Clock,
        patience_seconds: float = 30.0,
    ) -> None:
        """``config`` is in force already; a fault of ours in a change ends ``loops``.

        What takes longer to read than ``patience_seconds`` counts as failed until it ends.
        """
        self.config = config
        self._load = load
        self._fleet = fleet
        self._loops = loops
        self._telemetry = telemetry
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._turn = asyncio.Lock()
        self._making: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Nothing changes yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give up the change under way and wait for its end."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait([self._making])

    async def reload(self) -> Difference:
        """Read the configuration and make what changed; waits for reloads asked for before.

        Who gives it up while the change is being made leaves it to be made.

        Raises:
            ConfigError: Something in it is of no use: all is as it was.
        """
        async with self._turn:
            if self._making is not None:
                # Whoever asked for it may have given up. After a fault nothing changes any more.
                await asyncio.shield(self._making)
            change = await self._prepared()
            # Half of it leaves accounts that nobody polls: no client stops it there, and after a
            # fault of ours the program ends.
            self._making = self._loops.create_task(self._make(change), name="reload")
            await asyncio.shield(self._making)
            return change.difference

    def succeeded(self) -> None:
        """Note that the configuration in force was read now."""
        self._telemetry.reload_successful.set(1)
        self._telemetry.reload_success_timestamp.set(self._clock.now())

    async def _make(self, change: Change) -> None:
        await self._fleet.make(change)
        self.config = change.config
        self.succeeded()
        _tell(change)

    async def _prepared(self) -> Change:
        # Not given up: the thread that reads would stay, and the next reload would take another.
        late = asyncio.get_running_loop().call_later(
            self._patience_seconds, self._failed, "a file that it reads does not answer yet"
        )
        try:
            return await self._fleet.prepare(await self._load())
        except ConfigError as error:
            self._failed(str(error))
            raise
        except Exception as error:
            _log.exception("bug", where="reload")
            message = "an error in the exporter; its log has the traceback"
            self._failed(message)
            raise ConfigError(message) from error
        finally:
            late.cancel()

    def _failed(self, message: str) -> None:
        self._telemetry.reload_successful.set(0)
        line = " ".join(message.splitlines())
        _log.error("reload failed; the configuration before stays in force", error=line)


def _tell(change: Change) -> None:
    found = change.difference
    for what, names in (("added", found.added), ("removed", found.removed)):
        if names:
            _log.info(f"accounts {what}", accounts=_listed(names))
    # What a key of ``defaults`` changes it changes for many.
    for keys in dict.fromkeys(found.changed.values()):
        names = tuple(name for name, mine in found.changed.items() if mine == keys)
        _log.info("accounts changed", accounts=_listed(names), keys=", ".join(keys))
    _log.info(
        "configuration reloaded",
        added=len(found.added),
        removed=len(found.removed),
        changed=len(found.changed),
        unchanged=len(found.unchanged),
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(masked(name) for name in names)
