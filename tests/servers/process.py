"""A program of its own for a test: up when it answers, ended whatever happens to the test."""

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

START_SECONDS = 20.0
END_SECONDS = 5.0
LOOK_SECONDS = 0.02
"""Between two looks at something that tells nobody when it changes."""
SHOWN_LINES = 40
TRIES = 3
"""A port that was free a moment ago may be taken by another program."""
TAKEN = ("address already in use", "the port is in use")
"""What is said then: by programs in Go, and by the exporter."""

_PLAIN = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerError(Exception):
    """A program did not come up, or ended early; the message holds what it last said."""


class Process:
    """A running program and everything it says.

    Args:
        name: For messages.
        command: Program and arguments.
        output: File that gets both of its streams.
    """

    def __init__(self, name: str, command: Sequence[str], output: Path) -> None:
        self._name = name
        self._output = output
        with output.open("wb") as sink:
            self._popen = subprocess.Popen(
                [*_guard(), *command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def said(self) -> str:
        """Everything up to now."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def ended(self, within: float = LOOK_SECONDS) -> bool:
        """Wait so many seconds at most for its end."""
        try:
            self._popen.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def until(self, there: Callable[[], bool], *, within: float = START_SECONDS) -> None:
        """Wait until something holds.

        Raises:
            ServerError: The program ended, or it took too long.
        """
        deadline = monotonic() + within
        while not there():
            if self.ended():
                raise self.failed(f"ended with code {self._popen.returncode}")
            if monotonic() > deadline:
                raise self.failed(f"not there after {within:g} s")

    def failed(self, what: str) -> ServerError:
        last = "\n".join(self.said.splitlines()[-SHOWN_LINES:])
        return ServerError(f"{self._name}: {what}; it said:\n{last}")

    def send(self, number: int) -> None:
        self._popen.send_signal(number)

    def end(self) -> None:
        """Ask it to end, and make it after a while."""
        if self._popen.poll() is None:
            self._popen.terminate()
            if not self.ended(END_SECONDS):
                self._popen.kill()
        self._popen.wait()


@contextmanager
def process(name: str, command: Sequence[str], *, folder: Path) -> Iterator[Process]:
    """Run a program for as long as the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    running = Process(name, command, folder / f"{name}.log")
    try:
        yield running
    finally:
        running.end()


@contextmanager
def server(
    name: str, command: Callable[[int], Sequence[str]], *, ready: str, folder: Path
) -> Iterator[tuple[Process, str]]:
    """Run a program on a free port of loopback, and give it and its URL once it answers.

    Args:
        name: For messages and the file with its output.
        command: Program and arguments for a port.
        ready: Path that answers 200 once it is ready.
        folder: Where its output goes.

    Raises:
        ServerError: It does not come up.
    """
    for tries_left in reversed(range(TRIES)):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with process(name, command(port), folder=folder) as running:
            try:
                running.until(lambda: answers(f"{url}{ready}"))  # noqa: B023 - called at once
            except ServerError as error:
                if tries_left and any(words in str(error) for words in TAKEN):
                    continue
                raise
            yield running, url
            return


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url: str) -> bool:
    """Tell whether a GET is answered 200."""
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def fetch(url: str, *, body: bytes | None = None, method: str | None = None) -> tuple[int, bytes]:
    """Ask a server on loopback, past any proxy; an error answer is an answer too."""
    request = urllib.request.Request(url, data=body, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _PLAIN.open(request, timeout=START_SECONDS) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _guard() -> tuple[str, ...]:
    """What ends the program also when this process is killed and can end nothing any more.

    The kernel looks at the thread that started the program, so start it from the main thread.
    """
    return ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
