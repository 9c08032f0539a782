"""The command as a process of its own: what it prints, what it serves, and how it ends."""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.sharding import shard_of

WAIT_SECONDS = 15.0
END_SECONDS = 5.0
LOCAL = ("--web.listen-address", "127.0.0.1:0")
DEMO = ("demo", *LOCAL, "--tasks", "10")
BIG_BYTES = 6_000_000
"""More than the kernel keeps for one connection, so that a scrape is still running."""


class Command:
    """A process of ours; what it says is kept and can be waited for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._more = asyncio.Condition()
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            asyncio.create_task(self._keep(process.stdout, self.out)),
            asyncio.create_task(self._keep(process.stderr, self.err)),
        ]

    async def _keep(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            async with self._more:
                lines.append(line.decode().rstrip("\n"))
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line on either stream that holds the pattern."""

        def found() -> re.Match[str] | None:
            lines = (re.search(pattern, line) for line in [*self.out, *self.err])
            return next(filter(None, lines), None)

        def over() -> bool:
            return found() is not None or all(reader.done() for reader in self._readers)

        async with asyncio.timeout(WAIT_SECONDS), self._more:
            await self._more.wait_for(over)
        match = found()
        assert match, f"ended without {pattern!r}: {self.out} {self.err}"
        return match

    def send(self, number: signal.Signals) -> None:
        # Not by the process object, which would take its exit code from who waits for it.
        os.kill(self._process.pid, number)

    async def ends(self, within: float = END_SECONDS) -> int:
        """The exit code; everything it said has been read then."""
        async with asyncio.timeout(within):
            code = await self._process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def close(self) -> None:
        """End this process and no other."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._readers)


@asynccontextmanager
async def command(*arguments: str, files: int | None = None):
    """Run the command; with ``files`` it may open no more than so many."""
    pipe = asyncio.subprocess.PIPE
    limited = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, files))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exporter", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        preexec_fn=None if files is None else limited,
    )
    started = Command(process)
    try:
        yield started
    finally:
        await started.close()


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def until_ready(url: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while (await get(f"{url}/-/ready"))[0] != 200:
            pass


async def families(url: str) -> dict[str, set[str]]:
    """Platforms by the family that has series of them."""
    status, text = await get(url)
    assert status == 200
    return {
        family.name: {sample.labels.get("platform", "") for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


async def page_of(demo: Command) -> str:
    return (await demo.says(r"^page +(http://\S+)/$"))[1]


BOTH = {"dezhu", "aliyun"}


async def test_the_demo_prints_its_addresses_and_serves_both_vendors():
    async with command(*DEMO) as demo:
        page = await page_of(demo)
        metrics = (await demo.says(r"^metrics +(http://\S+)$"))[1]
        await demo.says("Ctrl-C ends the demo")
        await until_ready(page)

        found = await families(metrics)
        status, html = await get(f"{page}/")

        assert metrics == f"{page}/metrics"
        assert found["outbound_task_info"] == found["outbound_account_up"] == BOTH
        assert found["outbound_task_customers"] == BOTH
        assert status == 200
        assert "dezhu-demo" in html
        assert "aliyun-demo" in html
        assert (await get(f"{page}/-/healthy"))[0] == 200

        demo.send(signal.SIGTERM)
        assert await demo.ends() == 0
        assert not [line for line in demo.out + demo.err if "Traceback" in line]


async def test_idle_connections_leave_descriptors_where_there_are_few():
    async with command(*DEMO, files=100) as demo, AsyncExitStack() as idle:
        page = await page_of(demo)
        host, _, port = urlsplit(page).netloc.partition(":")
        for _ in range(100):
            _, writer = await asyncio.open_connection(host, int(port))
            idle.callback(writer.close)
        await until_ready(page)

        found = (await get(f"{page}/metrics"))[1]

        assert len(re.findall(r"^outbound_account_up\{.*\} 1$", found, re.MULTILINE)) == 2
        assert not [line for line in demo.err if "out of system resource" in line]


class SlowScrape:
    """A scrape of which only the head has been read."""

    def __init__(self, reader, writer, size_bytes):
        self._reader = reader
        self._writer = writer
        self.size_bytes = size_bytes

    async def rest(self) -> bytes:
        async with asyncio.timeout(END_SECONDS):
            return await self._reader.read(-1)

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


async def begin_scrape(url: str) -> SlowScrape:
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
    writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    async with asyncio.timeout(WAIT_SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 200 ")
    return SlowScrape(reader, writer, int(re.search(r"Content-Length: (\d+)", head)[1]))


async def until_big(metrics: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS), aiohttp.ClientSession() as session:
        while True:
            async with session.head(metrics, headers={"Accept-Encoding": "identity"}) as response:
                if int(response.headers["Content-Length"]) > BIG_BYTES:
                    return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_within_5_seconds_and_a_running_scrape_whole(number):
    async with command("demo", *LOCAL, "--tasks", "2000") as demo:
        metrics = (await demo.says(r"^metrics +(http://\S+)$"))[1]
        await until_big(metrics)
        scrape = await begin_scrape(metrics)

        demo.send(number)
        await demo.says("msg=stopping")
        body = await scrape.rest()
        await scrape.close()

        assert len(body) == scrape.size_bytes > BIG_BYTES
        assert body.endswith(b"\n")
        assert await demo.ends() == 0
        assert not [line for line in demo.err if "Traceback" in line]


async def test_a_client_that_does_not_read_does_not_keep_it_from_ending():
    async with command("demo", *LOCAL, "--tasks", "2000") as demo:
        metrics = (await demo.says(r"^metrics +(http://\S+)$"))[1]
        await until_big(metrics)
        scrape = await begin_scrape(metrics)

        demo.send(signal.SIGTERM)

        assert await demo.ends() == 0
        await scrape.close()


async def test_a_simulator_writes_a_configuration_that_an_exporter_serves(tmp_path):
    file = tmp_path / "exporter.yaml"
    simulate = ("simulate", "--tasks", "6", "--config-out", str(file))
    async with command(*simulate) as simulator:
        await simulator.says(f"exporter configuration written to {re.escape(str(file))}")
        assert (await asyncio.to_thread(file.stat)).st_mode & 0o777 == 0o600
        dezhu = (await simulator.says(r"^Dezhu simulator at (http://\S+)$"))[1]
        await simulator.says(r"^Alibaba Cloud simulator at http://\S+$")
        assert dezhu in await asyncio.to_thread(file.read_text, "utf-8")

        async with command("--config.file", str(file), *LOCAL) as exporter:
            listening = await exporter.says(r"msg=listening url=(\S+) metrics=(\S+)")
            await until_ready(listening[1])
            found = await families(listening[1] + listening[2])
            exporter.send(signal.SIGTERM)
            assert await exporter.ends() == 0

        assert found["outbound_task_info"] == BOTH
        assert exporter.out == []
        simulator.send(signal.SIGINT)
        assert await simulator.ends() == 0
        assert simulator.err == []


UNREACHABLE = """
accounts:
  - name: bots
    platform: aliyun
    endpoint: http://127.0.0.1:1
    credentials: {type: access_key, access_key_id: id, access_key_secret: secret-4711}
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "exporter.yaml"
    file.write_text(UNREACHABLE, encoding="utf-8")
    file.chmod(0o600)
    return str(file)


def read_logfmt(line: str) -> dict[str, str]:
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)', line)
    assert " ".join(f"{key}={value}" for key, value in pairs) == line
    return {key: value.strip('"') for key, value in pairs}


@pytest.mark.parametrize(
    ("flags", "read"),
    [
        ((), read_logfmt),
        (("--log.format", "logfmt"), read_logfmt),
        (("--log.format", "json"), json.loads),
    ],
    ids=["default", "logfmt", "json"],
)
async def test_each_line_of_the_log_is_an_event_on_standard_error(config, flags, read):
    async with command("--config.file", config, *LOCAL, *flags) as exporter:
        await exporter.says("poll failed")
        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0

    events = [read(line) for line in exporter.err]
    assert exporter.out == []
    assert [(event["level"], event["msg"]) for event in events] == [
        ("info", "listening"),
        ("warning", "poll failed"),
        ("info", "stopping"),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", event["ts"]) for event in events)
    assert events[1]["account"] == "bots"
    assert events[1]["reason"] == "unavailable"
    assert "secret-4711" not in "".join(exporter.err)


@pytest.mark.parametrize("own", [True, False])
async def test_one_line_at_the_start_tells_the_shard_and_warns_if_it_has_no_account(config, own):
    number = shard_of("bots", total=2) if own else 1 - shard_of("bots", total=2)
    shard = ("--shard", str(number), "--total-shards", "2")
    async with command("--config.file", config, *LOCAL, *shard) as exporter:
        page = (await exporter.says(r"msg=listening url=(\S+)"))[1]
        if not own:
            await until_ready(page)
        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0

    (told,) = [event for line in exporter.err if "shard" in (event := read_logfmt(line))]
    assert told["level"] == ("info" if own else "warning")
    assert (told["shard"], told["total_shards"]) == (str(number), "2")
    assert (told["accounts"], told["accounts_of_all_shards"]) == (str(int(own)), "1")


async def test_only_errors_are_logged_when_told_so():
    async with command("--log.level", "error", *DEMO) as demo:
        await until_ready(await page_of(demo))
        demo.send(signal.SIGTERM)
        assert await demo.ends() == 0

    assert demo.err == []


async def test_a_signal_during_the_start_ends_it_too(tmp_path):
    """As process 1 of a container it would not even be killed by a signal it does not handle."""
    fifo = tmp_path / "exporter.yaml"
    os.mkfifo(fifo)
    async with command("--config.file", str(fifo), *LOCAL) as exporter:
        # Opens as soon as the other side reads its configuration.
        opening = asyncio.create_task(asyncio.to_thread(fifo.open, "w", encoding="utf-8"))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                file = await asyncio.shield(opening)
        except TimeoutError:
            os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
            raise
        exporter.send(signal.SIGTERM)
        await asyncio.to_thread(lambda: (file.write(UNREACHABLE), file.close()))

        assert await exporter.ends() == 0
        assert not [line for line in exporter.err if "Traceback" in line]


# Reload


async def fed(fifo: Path, text: str) -> None:
    """Give a text to whoever reads the pipe next."""
    async with asyncio.timeout(WAIT_SECONDS):
        await asyncio.to_thread(fifo.write_text, text, encoding="utf-8")


LONGER = UNREACHABLE + "    timeout: 20s\n"
SUCCESSFUL = "outbound_exporter_config_last_reload_successful"


async def post(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/-/reload") as response:
        return response.status, await response.text()


async def successful(url: str) -> str:
    return re.search(rf"^{SUCCESSFUL} (\S+)$", (await get(f"{url}/metrics"))[1], re.MULTILINE)[1]


async def test_sighup_reloads_and_one_that_fails_leaves_all_as_it_is(config):
    file = Path(config)
    async with command("--config.file", config, *LOCAL) as exporter:
        url = (await exporter.says(r"msg=listening url=(\S+)"))[1]
        await asyncio.to_thread(file.write_text, LONGER, encoding="utf-8")
        exporter.send(signal.SIGHUP)
        await exporter.says(r'msg="accounts changed" accounts=bots keys=timeout$')
        await exporter.says(r'msg="configuration reloaded" added=0 removed=0 changed=1 unchanged=0')
        assert await successful(url) == "1.0"

        await asyncio.to_thread(file.write_text, LONGER.replace("20s", "x"), encoding="utf-8")
        exporter.send(signal.SIGHUP)
        failure = await exporter.says(r"level=error msg=\"reload failed.*$")
        assert "accounts[0].timeout: expected a duration" in failure[0]
        assert await successful(url) == "0.0"
        assert (await post(url))[0] == 403

        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0
        assert "secret-4711" not in "".join(exporter.err)


async def test_a_file_with_secrets_that_others_may_read_is_told_at_the_start_and_by_reloads(
    config,
):
    file = Path(config)
    await asyncio.to_thread(file.chmod, 0o644)
    flags = ("--config.file", config, *LOCAL, "--web.enable-lifecycle")
    async with command(*flags) as exporter:
        url = (await exporter.says(r"msg=listening url=(\S+)"))[1]
        assert (await post(url))[0] == 200
        await asyncio.to_thread(file.chmod, 0o640)
        assert (await post(url))[0] == 200
        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0

    told = [line for line in exporter.err if "a file with secrets" in line]
    assert len(told) == 2, "at the start, and by the first reload"
    assert all(" level=warning " in line for line in told)
    assert all(f" file={config} mode=0644 " in line for line in told)


async def test_with_the_flag_clients_reload_and_are_told_what_came_of_it(config):
    file = Path(config)
    async with command("--config.file", config, *LOCAL, "--web.enable-lifecycle") as exporter:
        url = (await exporter.says(r"msg=listening url=(\S+)"))[1]
        await asyncio.to_thread(file.write_text, LONGER, encoding="utf-8")
        assert await post(url) == (200, "Reloaded: 1 account; 0 added, 0 removed, 1 changed.\n")

        await asyncio.to_thread(file.unlink)
        status, text = await post(url)
        assert status == 500
        assert f"{config}: cannot read the file" in text

        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0


async def test_sighup_during_the_start_is_heard_after_it(tmp_path):
    fifo = tmp_path / "exporter.yaml"
    os.mkfifo(fifo)
    async with command("--config.file", str(fifo), *LOCAL) as exporter:
        feeding = asyncio.create_task(asyncio.to_thread(fifo.open, "w", encoding="utf-8"))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                file = await asyncio.shield(feeding)
        except TimeoutError:
            os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
            raise
        for _ in range(3):
            exporter.send(signal.SIGHUP)
        await asyncio.to_thread(lambda: (file.write(UNREACHABLE), file.close()))

        await exporter.says("msg=listening")
        await fed(fifo, LONGER)
        await exporter.says("changed=1")
        exporter.send(signal.SIGTERM)
        assert await exporter.ends() == 0


async def test_sighup_while_it_stops_is_harmless(config):
    async with command("--config.file", config, *LOCAL) as exporter:
        await exporter.says("msg=listening")
        exporter.send(signal.SIGTERM)
        ending = asyncio.create_task(exporter.ends())
        while not ending.done():
            with suppress(ProcessLookupError):
                exporter.send(signal.SIGHUP)
            await asyncio.wait({ending}, timeout=0.001)
        assert await ending == 0
        assert not [line for line in exporter.err if "Traceback" in line]


async def test_a_second_one_on_the_same_port_ends_at_once_and_the_first_stays(config):
    async with command(*DEMO) as demo:
        page = await page_of(demo)
        address = urlsplit(page).netloc
        async with command("--config.file", config, "--web.listen-address", address) as second:
            assert await second.ends(WAIT_SECONDS) == 1

        assert second.out == []
        (line,) = second.err
        assert line.startswith("outbound-exporter: --web.listen-address: cannot listen on ")
        assert (await get(f"{page}/-/healthy"))[0] == 200
