"""What the exporter does not use any more goes back to the system."""

import asyncio
import platform
import subprocess
import sys
import threading
from contextlib import AsyncExitStack

import pytest

from exporter.allocator import (
    GIVE_BACK_SECONDS,
    keep_giving_back,
    renew_threads,
    use_sparingly,
)
from exporter.background import Background
from tests.fakes import FakeClock
from tests.integration.harness import start

WAIT_SECONDS = 15
RESERVED = """
import sys, threading
from exporter.allocator import give_back, use_sparingly

if sys.argv[1] == "one":
    assert use_sparingly({})
barrier = threading.Barrier(4)

def work():
    kept = [bytes(2000) for _ in range(100)]
    barrier.wait()

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
barrier.wait()
for thread in threads:
    thread.join()
with open("/proc/self/maps") as maps:
    ranges = [line.split()[0].split("-") for line in maps if " ---p " in line]
sizes = [int(end, 16) - int(start, 16) for start, end in ranges]
print(sum(size > 50 * 2**20 for size in sizes))
"""
RETURNED = """
from pathlib import Path
from exporter.allocator import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

pieces = [bytes(20_000) for _ in range(2000)]
kept = [bytes(600) for _ in range(100)]
del pieces
before = resident()
assert give_back()
print(before - resident())
"""

glibc_alone = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


def printed(script, *arguments):
    """The number that a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=True,
    )
    return int(done.stdout)


@glibc_alone
@pytest.mark.parametrize(("arenas", "several"), [("one", False), ("many", True)])
def test_threads_share_one_arena(arenas, several):
    assert (printed(RESERVED, arenas) > 0) == several


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_whoever_starts_the_exporter_may_choose_otherwise(name):
    assert not use_sparingly({name: "4"})


@glibc_alone
def test_memory_below_what_is_still_used_is_given_back():
    assert printed(RETURNED) > 20 * 2**20


async def test_it_is_given_back_again_and_again_and_garbage_is_collected_at_times(monkeypatch):
    asleep, times = asyncio.Event(), []

    class Clock(FakeClock):
        async def sleep(self, seconds):
            asleep.set()
            await super().sleep(seconds)

    clock = Clock()
    monkeypatch.setattr("exporter.allocator.give_back", lambda: times.append("given"))
    monkeypatch.setattr("gc.collect", lambda: times.append("collected"))
    async with Background() as background:
        background.start(keep_giving_back(clock), name="giving back")
        for _ in range(21):
            await asleep.wait()
            asleep.clear()
            await clock.advance(GIVE_BACK_SECONDS)

    each = [*["given"] * 10, "collected"]
    assert times[:22] == [*each, *each]


async def test_the_exporter_gives_back_as_long_as_it_runs(monkeypatch):
    giving, ended = asyncio.Event(), asyncio.Event()

    async def give(_):
        giving.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr("exporter.app.keep_giving_back", give)
    async with AsyncExitStack() as stack:
        await start(stack, options={"tasks": 4})
        await giving.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_threads_that_were_renewed_end_when_they_are_idle_and_finish_what_they_do():
    first = renew_threads(None)
    going, done = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work():
        loop.call_soon_threadsafe(going.set)
        done.wait(10)
        return threading.current_thread()

    working = asyncio.create_task(asyncio.to_thread(work))
    await going.wait()
    second = renew_threads(first)
    done.set()
    before = await working

    after = await asyncio.to_thread(threading.current_thread)
    await asyncio.to_thread(before.join, 10)
    assert not before.is_alive()
    assert after is not before
    second.shutdown(wait=False)
