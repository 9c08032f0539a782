"""Programs of Debian that a user with a script would have instead; left out where not installed."""

import http.client
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks.processes import ended, environment

PUSHGATEWAY: Final = "prometheus-pushgateway"
NODE_EXPORTER: Final = "prometheus-node-exporter"
_START_SECONDS, _PUSH_SECONDS = 10.0, 600.0
_JOB: Final = "outbound"


def installed(program: str) -> bool:
    """Whether it is on the path."""
    return shutil.which(program) is not None


def versions() -> dict[str, str]:
    """Those of the programs that are installed."""
    return {
        program: _version(program) for program in (PUSHGATEWAY, NODE_EXPORTER) if installed(program)
    }


@contextmanager
def pushgateway(exposition: Path) -> Iterator[str]:
    """A pushgateway that holds an exposition, pushed as one group; gives its metrics' address.

    It adds the labels ``job`` and ``instance`` to each series.
    """
    with _listening(PUSHGATEWAY, "--persistence.file=", "--log.level=error") as (host, port):
        connection = http.client.HTTPConnection(host, port, timeout=_PUSH_SECONDS)
        with exposition.open("rb") as body:
            size = {"Content-Length": str(exposition.stat().st_size)}
            connection.request("PUT", f"/metrics/job/{_JOB}", body, size)
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise OSError(f"the pushgateway says {answer.status}: {answer.read(500)!r}")
        connection.close()
        yield f"http://{host}:{port}/metrics"


@contextmanager
def node_exporter(directory: Path) -> Iterator[str]:
    """A node exporter with nothing but the ``*.prom`` files of a directory."""
    flags = (
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={directory}",
        "--web.disable-exporter-metrics",
        "--log.level=error",
    )
    with _listening(NODE_EXPORTER, *flags) as (host, port):
        yield f"http://{host}:{port}/metrics"


@contextmanager
def _listening(program: str, *flags: str) -> Iterator[tuple[str, int]]:
    host, port = "127.0.0.1", _free_port()
    process = subprocess.Popen(
        [program, f"--web.listen-address={host}:{port}", *flags],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(process, host, port)
        yield host, port
    finally:
        ended(process)


def _await_port(process: subprocess.Popen, host: str, port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection((host, port), 1.0):
            return
        time.sleep(0.05)
    raise OSError(f"{process.args[0]} does not listen")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\S+).*?(?:revision: (\S+)\)|$)", said.stdout + said.stderr)
    return (found.group(2) or found.group(1)).rstrip(",") if found else "unknown"
