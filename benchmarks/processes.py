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

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def close(self) -> None:
        """End it, at last by force."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

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
        self.url = process.row(30)["url"]

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

    def end(self) -> dict[str, Any]:
        """End it; what it told at its end."""
        self._process.terminate()
        while True:
            row = self._process.row(30)
            if row["event"] == "end":
                return row


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


def environment() -> dict[str, str]:
    """Without proxies and without anything that instruments Python or keeps it from bytecode."""
    names = (name for name in os.environ if not name.lower().endswith("_proxy"))
    unwanted = ("COV_", "PYTHONDONTWRITEBYTECODE")
    return {name: os.environ[name] for name in names if not name.startswith(unwanted)}
