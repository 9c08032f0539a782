"""What is put around a world: calls counted, tasks owned, names looked up."""

import asyncio
import contextlib
import contextvars
import socket
from pathlib import Path
from unittest import mock

from exporter.poller.account import AccountPoller
from exporter.transport import Transport

_owner = contextvars.ContextVar[str | None]("account whose loop made a task", default=None)


@contextlib.contextmanager
def calls_counted(made, activity):
    """Count the calls that are under way, each for its account."""
    original = Transport._get

    async def counted(self, request):
        _, account = self._meter.labels
        activity.begin()
        made.called(account)
        try:
            reply = await original(self, request)
            if made.after_call is not None:
                await made.after_call(account)
            return reply
        finally:
            activity.end()

    with mock.patch.object(Transport, "_get", counted):
        yield


@contextlib.contextmanager
def tasks_owned(made):
    """Know which account each task is of."""
    loop, run = asyncio.get_running_loop(), AccountPoller.run

    async def owned(self):
        _owner.set(self._context.account.name)
        await run(self)

    def factory(loop, coroutine, **more):
        task = asyncio.Task(coroutine, loop=loop, **more)
        made.owners[task] = _owner.get()
        return task

    loop.set_task_factory(factory)
    with mock.patch.object(AccountPoller, "run", owned):
        yield
    loop.set_task_factory(None)


@contextlib.contextmanager
def names_resolved(simulator):
    """Ask the simulator for the addresses of names, and nobody else."""
    loop = asyncio.get_running_loop()
    original = loop.getaddrinfo

    async def lookup(host, port, **more):
        if host.endswith(".vendor.test"):
            host = simulator.lookup(host)
            kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            return [(*kind, "", (host, port))]
        return await original(host, port, **more)

    with mock.patch.object(loop, "getaddrinfo", lookup):
        yield


def sockets_to(ports) -> set[int]:
    """Descriptors of this process that are connections to one of these ports."""
    rows = (line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:])
    inodes = {row[9] for row in rows if int(row[2].rpartition(":")[2], 16) in ports}
    return {
        int(number)
        for number, what in descriptors().items()
        if what.startswith("socket:[") and what[8:-1] in inodes
    }


def descriptors() -> dict[str, str]:
    """What this process has open, by number."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found[link.name] = str(link.readlink())
    return found
