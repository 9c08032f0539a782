"""Programs that listen on loopback for as long as their pictures take."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import aiohttp

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0


class StageError(Exception):
    """A program is missing, did not start, or ended; the message tells what to do."""


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(*names: str, cure: str) -> str:
    """The path of the first of these that is installed.

    Raises:
        StageError: None is.
    """
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise StageError(f"{names[0]} is not installed: {cure}")


@contextlib.asynccontextmanager
async def server(
    command: Sequence[str],
    *,
    ready_url: str,
    log: Path,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:
    """Run a program while this is open; entered once its `ready_url` answers 200.

    Raises:
        StageError: It ended or did not answer in time; its output is in `log`.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environ or {})},
        )
    try:
        await _until_ready(process, ready_url, log)
        yield
    finally:
        await _end(process)


async def _until_ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    try:
        async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as session:
            while process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise StageError(f"no answer from {url} in {_START_SECONDS:.0f} s: see {log}") from error
    raise StageError(f"the program for {url} ended by itself: see {log}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
