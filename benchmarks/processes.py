"""Child processes that talk in lines of JSON; each is ended by its id, whatever happened."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_END_SECONDS = 10.0


class ChildError(Exception):
    """A child ended, or said nothing in time."""


class Child:
    """A running ``python`` with its output read line by line."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self, seconds: float) -> str:
        """The next line of its output.

        Raises:
            ChildError: It ended, or none came within ``seconds``.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise ChildError(f"{self._process.args} said nothing for {seconds} s") from None
        if line is None:
            raise ChildError(f"{self._process.args} ended with code {self._process.wait()}")
        return line

    def row(self, seconds: float) -> dict[str, Any]:
        """The next line, which is JSON.

        Raises:
            ChildError: See ``line``.
        """
        return json.loads(self.line(seconds))

    def rows(self) -> list[dict[str, Any]]:
        """The lines that are there already, as JSON."""
        lines = [self._lines.get_nowait() for _ in range(self._lines.qsize())]
        return [json.loads(line) for line in lines if line is not None]

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def finish(self, seconds: float) -> dict[str, Any]:
        """Tell it that its input ends; what it then says.

        Raises:
            ChildError: See ``line``.
        """
        self._process.stdin.close()
        return self.row(seconds)

    def close(self) -> None:
        """End it, at last by force."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        ended(self._process)

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)
        self._process.stdout.close()


@contextmanager
def running(process: Child) -> Iterator[Child]:
    """End a child, whatever happens."""
    try:
        yield process
    finally:
        process.close()


def child(module: str, *arguments: str) -> AbstractContextManager[Child]:
    """``python -m module`` as long as it lasts."""
    return running(Child("-m", module, *arguments))


@contextmanager
def vendor(**options: Any) -> Iterator[str]:
    """A simulated Dezhu with the ``options`` of the simulator; gives a configuration for it."""
    with child("benchmarks.vendor", json.dumps(options)) as process:
        yield process.row(60)["config"]


@contextmanager
def canned(**options: Any) -> Iterator[str]:
    """A cheap Dezhu with the ``options`` of ``benchmarks.canned``; gives a configuration for it."""
    with child("benchmarks.canned", json.dumps(options)) as process:
        yield process.row(120)["config"]


class Subject:
    """The exporter under measurement."""

    def __init__(self, process: Child) -> None:
        self._process = process
        self.opening = process.row(30)
        listening = process.row(30)
        self.url: str = listening["url"]
        self.minute: float = listening["minute"]
        """When a minute of its clock begins, on the monotonic clock."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def swept(self, seconds: float, *, after: float = 0.0) -> dict[str, Any]:
        """Wait until every tier was read to its end after ``after``; what was told then.

        Raises:
            ChildError: It took longer than ``seconds``.
        """
        while True:
            row = self._process.row(seconds)
            if all(at is not None and at > after for at in row["ended"].values()):
                return row

    def rows(self) -> list[dict[str, Any]]:
        """What it has told since then, without waiting for more."""
        return self._process.rows()

    def end(self) -> dict[str, Any]:
        """End it; what it told at its end."""
        self._process.terminate()
        while True:
            row = self._process.row(30)
            if row["event"] == "end":
                return row


class Clients:
    """Clients that scrape until they are asked for what they found."""

    def __init__(self, process: Child) -> None:
        self._process = process

    def scrapes(self) -> list[tuple[float, float]]:
        """End them; from and to of each scrape, on the monotonic clock.

        Raises:
            ChildError: A scrape failed.
        """
        row = self._process.finish(60)
        if row["failures"]:
            raise ChildError(f"scrapes failed: {row['failures']}")
        return [(began, began + seconds) for began, seconds, _ in row["scrapes"]]


@contextmanager
def paced(url: str, **options: Any) -> Iterator[Clients]:
    """Clients with the other options of ``benchmarks.clients.Pace``."""
    with child("benchmarks.clients", json.dumps({"url": url, **options})) as process:
        yield Clients(process)


@contextmanager
def exporter(config: str, **options: Any) -> Iterator[Subject]:
    """The exporter with a configuration and the options of ``benchmarks.subject``."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "config.yaml")
        file.write_text(config, encoding="utf-8")
        flags = ("--log.level", "error", "--config.file", str(file))
        flags += ("--web.listen-address", "127.0.0.1:0")
        with child("benchmarks.subject", json.dumps(options), *flags) as process:
            yield Subject(process)


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process."""
    # The name of the process, in parentheses, may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ended(process: subprocess.Popen) -> None:
    """End a process, at last by force."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment() -> dict[str, str]:
    """Without proxies and without anything that instruments Python or keeps it from bytecode."""
    names = (name for name in os.environ if not name.lower().endswith("_proxy"))
    unwanted = ("COV_", "PYTHONDONTWRITEBYTECODE")
    return {name: os.environ[name] for name in names if not name.startswith(unwanted)}
