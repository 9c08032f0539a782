"""What is told to the service manager that started us: systemd's ``Type=notify``."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from exporter.clock import Clock, SystemClock

ADDRESS: Final = "NOTIFY_SOCKET"
_LONGEST_SECONDS: Final = 2.0
_READY: Final = "READY=1"

_log = structlog.get_logger()


class Supervisor:
    """Tells how it goes; where there is nobody to tell, it does nothing."""

    def __init__(self, address: str = "", clock: Clock | None = None) -> None:
        """``address`` is that of a datagram socket: a path, or a name after ``@``; empty: none."""
        self._address = address
        self._clock = clock or SystemClock()
        self._turn = asyncio.Lock()
        self._reloads = 0
        self._stopping = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Supervisor":
        """The one that the environment names."""
        return cls(environ.get(ADDRESS, ""))

    async def ready(self) -> None:
        """Everything listens."""
        await self._tell(_READY)

    async def stopping(self) -> None:
        """It is about to end."""
        self._stopping = True
        await self._tell("STOPPING=1")

    @asynccontextmanager
    async def reloading(self) -> AsyncIterator[None]:
        """Reloads as long as the context lasts; afterwards it is ready, whatever came of it.

        Of several at the same time the last to end says so.
        """
        self._reloads += 1
        try:
            microseconds = int(self._clock.monotonic() * 1_000_000)
            await self._tell(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")
            yield
        finally:
            self._reloads -= 1
            if not self._reloads and not self._stopping:
                await self._tell(_READY)

    async def _tell(self, state: str) -> None:
        if not self._address:
            return
        await self._turn.acquire()
        sending = asyncio.get_running_loop().run_in_executor(None, _send, self._address, state)
        # A thread goes on when nobody waits for it any more; no later message may overtake it.
        sending.add_done_callback(lambda _: self._turn.release())
        await asyncio.shield(sending)


def _send(address: str, state: str) -> None:
    try:
        _send_to(address, state)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        _log.warning("the service manager cannot be told", state=state, why=why)


def _send_to(address: str, state: str) -> None:
    if not address.startswith(("/", "@")):
        raise ValueError(f"expected {ADDRESS} to begin with / or @")
    # The first byte of an abstract name is a zero, which no variable can hold.
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
        sending.settimeout(_LONGEST_SECONDS)
        sending.connect(name)
        sending.sendall(state.encode())
