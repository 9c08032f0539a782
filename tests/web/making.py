"""Hand-made accounts, publications and sites, and a client that reads as slowly as it likes."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from exporter.config.model import Config
from exporter.domain import AccountState, Failure, Progress, Scope, Status, Task, Tier, TierState
from exporter.exposition import Segment, segment, segments
from exporter.rendering import Renderer, task_labels
from exporter.store import AccountView, Store
from exporter.telemetry import Telemetry
from exporter.web import Site
from tests.fakes import finished

NOW = 1_800_000_000.0
BIG_LINE = 'outbound_task_calls{platform="dezhu",account="big",task_id="1"} 1\n'


class StillClock:
    """A clock that stands still."""

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody sleeps here, for {seconds} s or otherwise")


def task(number: int, name: str = "", **progress: Any) -> Task:
    counts = progress or {"customers": 1000, "completed": 250, "connected": 100}
    return Task(
        id=str(number),
        name=name or f"回访 {number}",
        status=Status.RUNNING,
        progress=Progress(**counts),
    )


def state(*, up: bool | None = True, running: int = 0, **changes: Any) -> AccountState:
    tiers = {
        Tier.ACTIVE: TierState(60.0, NOW - 30 if up else None, 1.5),
        Tier.IDLE: TierState(300.0),
        Tier.FINISHED: TierState(5400.0, NOW - 7200, 3.0),
    }
    return AccountState(
        **{"up": up, "tiers": tiers, "tasks": {Status.RUNNING: running}, "dropped": {}, **changes}
    )


def failure(message: str, where: str = "active") -> Failure:
    return Failure(where, "auth", message, NOW - 240)


def view(name: str, *, tasks: tuple[Task, ...] = (), **changes: Any) -> AccountView:
    return AccountView(name, "dezhu", state(**{"running": len(tasks), **changes}), tasks)


def put(store: Store, shown: AccountView) -> None:
    """Give an account its series and its place on the page; ``publish`` is the test's."""
    renderer = Renderer(platform=shown.platform, account=shown.name, collect=("progress",))
    labels = [task_labels(each.id, each.name) for each in shown.tasks]
    rendered = finished(renderer.tasks(Scope(), shown.tasks, labels))
    lines = {**rendered, **renderer.state(shown.state)}
    store.views[shown.name] = shown
    made = segments(list(lines.values()))
    chunks = {name: (each,) for name, each in zip(lines, made, strict=True)}
    store.replace(shown.name, {"all": chunks})


def chunk(lines: list[str]) -> Segment:
    return segment("".join(lines).encode(), samples=len(lines))


async def two_accounts() -> Store:
    store = Store()
    put(store, view("east", tasks=(task(1), task(2))))
    put(store, view("west", tasks=(task(3),)))
    await store.publish()
    return store


async def big_store(megabytes: int = 30) -> Store:
    """One account with so much that no socket buffer takes it."""
    store = Store()
    block = chunk([BIG_LINE] * (2**20 // len(BIG_LINE) + 1))
    store.replace("big", {"all": {"outbound_task_calls": (block,) * megabytes}})
    await store.publish()
    return store


def plain(store: Store) -> bytes:
    return b"".join(store.publication.body.plain)


def no_accounts() -> Config:
    return Config(accounts=(), file=Path("config.yaml"))


async def a_site(store: Store, **changes: Any) -> Site:
    """A site that is ready; its telemetry is made in a thread, since that reads /proc."""
    if "telemetry" not in changes:
        changes["telemetry"] = await asyncio.to_thread(Telemetry)
    given = {"store": store, "ready": lambda: True, "clock": StillClock(), "config": no_accounts}
    return Site(**{**given, **changes})


def port_of(session: ClientSession) -> int | None:
    base = session._base_url
    return base.port if base else None


class SlowClient:
    """One connection that has sent its request and reads when told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def sent(
        cls, port: int | None, path: str = "/metrics", method: str = "GET"
    ) -> "SlowClient":
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client.send(path, method)
        return client

    def send(self, path: str, method: str = "GET") -> None:
        self._writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def pause(self) -> None:
        """Read no more; the kernel goes on until its buffer is full."""
        transport = self._writer.transport
        assert isinstance(transport, asyncio.Transport)
        if transport.is_reading():
            transport.pause_reading()

    def resume(self) -> None:
        transport = self._writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.resume_reading()

    async def headers(self) -> Mapping[str, str]:
        text = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.partition(": ") for line in text.split("\r\n")[1:] if line)
        return {name: value for name, _, value in pairs}

    async def body(self, size: int) -> bytes:
        return await self._reader.readexactly(size)

    async def rest(self) -> bytes:
        return await self._reader.read()

    async def leave(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
