"""A real Alertmanager for tests, and the webhook that it notifies."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

from tests.servers.process import Process, fetch, server


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager."""

    url: str
    process: Process

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert it knows, with `status.state` and `status.inhibitedBy`."""
        status, body = fetch(f"{self.url}/api/v2/alerts")
        if status != 200:
            raise self.process.failed(f"alerts: {status} {body.decode()}")
        return json.loads(body)


@contextmanager
def alertmanager(binary: str, config: str, *, folder: Path) -> Iterator[Alertmanager]:
    """Run an Alertmanager of its own, without a cluster, for as long as the block lasts.

    Args:
        binary: Program.
        config: Text of `alertmanager.yml`.
        folder: For its files; made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "alertmanager.yml"
    written.write_text(config, encoding="utf-8")

    def command(port: int) -> Sequence[str]:
        return (
            binary,
            f"--config.file={written}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        )

    with server("alertmanager", command, ready="/-/ready", folder=folder) as (process, url):
        yield Alertmanager(url, process)


@dataclass(frozen=True)
class Notice:
    """One alert in one notification."""

    at: float
    """Seconds of the monotonic clock at which it arrived."""
    receiver: str
    status: str
    """``firing`` or ``resolved``."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def alert(self) -> str:
        return self.labels["alertname"]


class Webhook:
    """Keeps every notice; a test waits for the one it means.

    Attributes:
        url: What Alertmanager's `webhook_configs` are given.
    """

    def __init__(self) -> None:
        self._notices: list[Notice] = []
        self._more = threading.Condition()
        self.url = ""

    @property
    def notices(self) -> list[Notice]:
        """Those that came up to now, the oldest first."""
        with self._more:
            return list(self._notices)

    def wait(
        self, wanted: Callable[[Notice], bool], *, within: float, after: float = 0.0
    ) -> Notice | None:
        """Wait so many seconds for a notice that arrives, or has arrived, after a moment.

        Returns:
            The first of them; None if none came.
        """

        def found() -> Notice | None:
            fits = (one for one in self._notices if one.at > after and wanted(one))
            return next(fits, None)

        with self._more:
            return self._more.wait_for(found, timeout=within)

    def take(self, body: bytes) -> None:
        """Keep what one request told."""
        document = json.loads(body)
        came = [
            Notice(
                at=monotonic(),
                receiver=document["receiver"],
                status=alert["status"],
                labels=alert["labels"],
                annotations=alert["annotations"],
            )
            for alert in document["alerts"]
        ]
        with self._more:
            self._notices += came
            self._more.notify_all()


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Receive notices on loopback for as long as the block lasts."""
    kept = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        kept.url = f"http://127.0.0.1:{receiver.server_port}/"
        thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield kept
        finally:
            receiver.shutdown()
            thread.join()
