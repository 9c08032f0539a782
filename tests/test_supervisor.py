"""What systemd is told, over a datagram socket of the test."""

import asyncio
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from unittest import mock

import pytest
from structlog.testing import capture_logs

from exporter.supervisor import Supervisor
from tests.fakes import FakeClock, settle
from tests.test_process import LOCAL, LONGER, UNREACHABLE, WAIT_SECONDS, command, post


class Manager:
    """Listens as systemd does; its messages in order."""

    def __init__(self, name: str) -> None:
        self.address = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        self._socket.setblocking(False)

    async def hears(self) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            return (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode()

    def nothing(self) -> bool:
        """Whether nothing more was told."""
        try:
            self._socket.recv(1)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    name = str(tmp_path / "notify")
    listening = Manager(name if request.param == "path" else f"@{name}")
    yield listening
    listening.close()


async def test_ready_and_stopping_are_told(manager):
    supervisor = Supervisor.of({"NOTIFY_SOCKET": manager.address})

    await supervisor.ready()
    assert await manager.hears() == "READY=1"
    await supervisor.stopping()
    assert await manager.hears() == "STOPPING=1"
    assert manager.nothing()


async def test_a_reload_is_told_with_its_moment_and_ready_after_it(manager):
    supervisor = Supervisor(manager.address, FakeClock(1234.5))

    async with supervisor.reloading():
        assert await manager.hears() == "RELOADING=1\nMONOTONIC_USEC=1234500000"
        assert manager.nothing()
    assert await manager.hears() == "READY=1"


async def test_a_reload_that_fails_is_over_too(manager):
    supervisor = Supervisor(manager.address)

    with pytest.raises(ValueError, match="of no use"):
        async with supervisor.reloading():
            raise ValueError("of no use")

    assert (await manager.hears()).startswith("RELOADING=1\n")
    assert await manager.hears() == "READY=1"


async def test_of_two_reloads_the_last_to_end_says_that_it_is_ready(manager):
    supervisor = Supervisor(manager.address)

    async with supervisor.reloading():
        async with supervisor.reloading():
            assert (await manager.hears()).startswith("RELOADING=1\n")
            assert (await manager.hears()).startswith("RELOADING=1\n")
        assert manager.nothing()
    assert await manager.hears() == "READY=1"


async def test_a_reload_that_is_ended_by_a_stop_does_not_say_that_it_is_ready(manager):
    supervisor = Supervisor(manager.address)

    async with supervisor.reloading():
        await supervisor.stopping()

    assert (await manager.hears()).startswith("RELOADING=1\n")
    assert await manager.hears() == "STOPPING=1"
    assert manager.nothing()


@contextmanager
def slow_threads():
    """Threads that begin what they are to do when they are told to."""
    going = threading.Event()
    loop = asyncio.get_running_loop()
    original = loop.run_in_executor

    def late(executor, work, *arguments):
        return original(executor, lambda: going.wait(WAIT_SECONDS) and work(*arguments))

    with mock.patch.object(loop, "run_in_executor", late):
        yield going
    going.set()


@pytest.mark.parametrize("steps", range(8))
async def test_a_reload_that_is_given_up_at_any_moment_is_over(manager, steps):
    supervisor = Supervisor(manager.address)

    async def reload():
        async with supervisor.reloading():
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    with slow_threads() as going:
        reloading = asyncio.create_task(reload())
        for _ in range(steps):
            await asyncio.sleep(0)
        reloading.cancel()
        await settle()
        going.set()
        await asyncio.wait([reloading])
        if steps:
            # It was told, and is over: the next one begins anew.
            assert (await manager.hears()).startswith("RELOADING=1\n")
            assert await manager.hears() == "READY=1"

    async with supervisor.reloading():
        assert (await manager.hears()).startswith("RELOADING=1\n")
    assert await manager.hears() == "READY=1"
    assert manager.nothing()


async def test_a_reload_that_is_given_up_while_all_is_stopped_is_not_told_as_over(manager):
    supervisor = Supervisor(manager.address)

    async def reload():
        async with supervisor.reloading():
            await asyncio.Event().wait()

    with slow_threads() as going:
        reloading = asyncio.create_task(reload())
        await settle()
        stopping = asyncio.create_task(supervisor.stopping())
        await settle()
        reloading.cancel()
        going.set()
        await asyncio.wait([reloading, stopping])

    assert (await manager.hears()).startswith("RELOADING=1\n")
    assert await manager.hears() == "STOPPING=1"
    assert manager.nothing()


async def test_nothing_is_opened_where_there_is_nobody_to_tell(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("opened a socket"))
    supervisor = Supervisor.of({})

    await supervisor.ready()
    async with supervisor.reloading():
        pass
    await supervisor.stopping()


@pytest.mark.parametrize("address", ["/absent/notify", "@absent", "relative", "vsock:2:1234"])
async def test_who_cannot_be_told_is_logged_and_nothing_fails(address):
    with capture_logs() as lines:
        await Supervisor(address).ready()

    assert [line["event"] for line in lines] == ["the service manager cannot be told"]
    assert lines[0]["state"] == "READY=1"


async def test_a_manager_that_does_not_read_holds_the_loop_up_no_moment(manager, monkeypatch):
    monkeypatch.setattr("exporter.supervisor._LONGEST_SECONDS", 0.05)
    sending = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sending.setblocking(False)
    address = manager.address
    sending.connect(f"\0{address[1:]}" if address.startswith("@") else address)
    with suppress(BlockingIOError):
        while sending.send(b"full"):
            pass
    sending.close()

    with capture_logs() as lines:
        # That nothing blocks is watched in every test.
        await Supervisor(address).ready()

    assert len(lines) == 1


async def test_a_process_tells_its_whole_life(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    file = tmp_path / "exporter.yaml"
    await asyncio.to_thread(file.write_text, UNREACHABLE, encoding="utf-8")
    flags = ("--config.file", str(file), *LOCAL, "--web.enable-lifecycle")
    async with command(*flags) as exporter:
        assert await manager.hears() == "READY=1"
        # It listened before.
        url = (await exporter.says(r"msg=listening url=(\S+)"))[1]

        await asyncio.to_thread(file.write_text, LONGER, encoding="utf-8")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        exporter.send(signal.SIGHUP)
        told = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", await manager.hears())
        assert before <= int(told[1]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert await manager.hears() == "READY=1"

        await asyncio.to_thread(file.write_text, "broken", encoding="utf-8")
        assert (await post(url))[0] == 500
        assert (await manager.hears()).startswith("RELOADING=1\n")
        assert await manager.hears() == "READY=1"

        exporter.send(signal.SIGTERM)
        assert await manager.hears() == "STOPPING=1"
        assert await exporter.ends() == 0
    assert manager.nothing()


async def test_a_start_that_fails_is_never_ready(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    async with command("--config.file", str(tmp_path / "absent.yaml"), *LOCAL) as exporter:
        assert await exporter.ends(WAIT_SECONDS) == 1
    assert manager.nothing()
