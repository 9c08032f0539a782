"""The exporter that is soaked, alone in its process, with a clock that is moved by commands.

It is wired as the command does it. Reads one JSON command a line from standard input, and writes
one JSON event a line to standard output: whatever changes of what it exposes, and when.
"""

import asyncio
import gc
import sys
import threading
from functools import partial
from pathlib import Path
from unittest import mock

import msgspec

from exporter import logs, transport
from exporter.allocator import use_sparingly
from exporter.app import Exporter, Settings
from exporter.config.loader import load
from exporter.sources import SOURCES
from exporter.web import parse_listen_address
from tests.integration._drive import Activity, _threads_counted
from tests.soak.clock import SharedClock, SharedTime
from tests.soak.families import COUNTED


class Recorder:
    """Tells what is exposed of an account, each time that it is not what it was."""

    def __init__(self, store, clock) -> None:
        self._store, self._clock = store, clock
        self._publish = store.publish
        self._shown: dict[str, dict[str, object]] = {}
        self.publications = 0
        store.publish = self._recorded

    async def _recorded(self):
        publication = await self._publish()
        self.publications += 1
        self._tell(publication)
        return publication

    def _tell(self, publication) -> None:
        for account, families in publication.accounts.items():
            bodies = {name: families[name] for name in COUNTED if name in families}
            before, self._shown[account] = self._shown.get(account), bodies
            if before is None or _differ(before, bodies):
                lines = b"".join(b"".join(body.plain) for body in bodies.values()).decode()
                say({"at": self._clock.now(), "account": account, "lines": lines})
        for gone in self._shown.keys() - publication.accounts.keys():
            del self._shown[gone]
            say({"at": self._clock.now(), "account": gone, "lines": None})


def _differ(before, after) -> bool:
    """Bodies that were not touched are the same objects; the others are compared."""
    return before.keys() != after.keys() or any(
        body is not after[name] and b"".join(body.plain) != b"".join(after[name].plain)
        for name, body in before.items()
    )


def say(event: dict) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event))
    sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


class Subject:
    """Obeys the commands."""

    def __init__(self, clock: SharedClock, activity: Activity, recorder: Recorder) -> None:
        self._clock, self._activity, self._recorder = clock, activity, recorder

    async def obey(self, command: dict) -> None:
        await getattr(self, command.pop("do"))(**command)

    async def forward(self, *, to: float) -> None:
        """Move on to a time, sleeper by sleeper, whenever nothing is under way."""
        await self._activity.none()
        while (at := self._clock.next()) is not None and at <= to:
            self._clock.to(max(at, self._clock.now()))
            await self._activity.none()
        self._clock.to(to)
        await self._activity.none()
        say({"done": to})

    async def measure(self) -> None:
        """Tell what there is of everything that could grow; changes nothing of it."""
        say(
            {
                "done": self._clock.now(),
                "files": len(list(Path("/proc/self/fd").iterdir())),
                "threads": threading.active_count(),
                "tasks": len(asyncio.all_tasks()),
                "objects": len(gc.get_objects()),
                "blocks": sys.getallocatedblocks(),
                "publications": self._recorder.publications,
            }
        )


async def run(folder: Path) -> None:
    clock, activity = SharedClock(SharedTime(folder / "clock")), Activity()
    exchanged = transport._exchanged
    options = {name: kind.options for name, kind in SOURCES.items()}
    read = partial(load, folder / "config.yaml", options=options, environ={})

    async def counted(session, request, way):
        activity.begin()
        try:
            return await exchanged(session, request, way)
        finally:
            activity.end()

    settings = Settings(
        addresses=[parse_listen_address("127.0.0.1:0")],
        enable_lifecycle=True,
        load=partial(asyncio.to_thread, read),
        clock=clock,
    )
    with mock.patch.object(transport, "_exchanged", counted), _threads_counted(activity):
        exporter = Exporter(await asyncio.to_thread(read), settings)
        recorder = Recorder(exporter.store, clock)
        async with exporter:
            say({"url": exporter.urls[0]})
            subject = Subject(clock, activity, recorder)
            async for line in _commands():
                await subject.obey(msgspec.json.decode(line))


async def _commands():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line


if __name__ == "__main__":
    use_sparingly()
    logs.configure(level="info", style="logfmt")
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    asyncio.run(run(Path(sys.argv[1])))
