"""The process that is soaked, as seen from the one that soaks it."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.resident import Memory

_LIMIT_BYTES = 64 * 1024**2
_PATIENCE_SECONDS = 120.0


class Subject:
    """Starts it, commands it, and hears what it exposes; ends it with the ``async with``.

    ``heard`` is called with each event, in the order in which they came to pass.
    """

    def __init__(self, folder: Path, heard: Callable[[dict], None]) -> None:
        self._folder, self._heard = folder, heard
        self._process: asyncio.subprocess.Process
        self._memory: Memory
        self.url = ""

    async def __aenter__(self) -> "Subject":
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "error", "-m", "tests.soak.subject", str(self._folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                limit=_LIMIT_BYTES,
            )
        self._memory = Memory(self._process.pid)
        self.url = (await self._until("url"))["url"]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    @property
    def log(self) -> Path:
        return self._folder / "log"

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    async def forward(self, to: float) -> None:
        """Let time pass there until ``to`` (epoch seconds)."""
        await self._do("forward", to=to)

    def resident(self) -> int:
        """Bytes that it holds now."""
        return self._memory.now()

    async def measure(self) -> dict:
        """What there is of everything that could grow; ``resident`` in bytes."""
        return {"resident": self._memory.now(), **await self._do("measure")}

    async def _do(self, name: str, **arguments: object) -> dict:
        self._process.stdin.write(msgspec.json.encode({"do": name, **arguments}) + b"\n")
        await self._process.stdin.drain()
        return await self._until("done")

    async def _until(self, key: str) -> dict:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while line := await self._process.stdout.readline():
                event = msgspec.json.decode(line)
                if key in event:
                    return event
                self._heard(event)
        raise AssertionError(f"the exporter has ended; see {self.log}")
