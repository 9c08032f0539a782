"""What robots, relays and the API of WeCom would get, kept on loopback."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One POST."""

    path: str
    body: dict[str, Any]

    @property
    def alerts(self) -> set[str]:
        """Names of the alerts, in what Alertmanager sends of itself."""
        return {alert["labels"]["alertname"] for alert in self.body.get("alerts", ())}


class Receivers:
    """Keeps every call; a test waits for those it means."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._more = threading.Condition()
        self.url = ""

    @property
    def calls(self) -> Sequence[Call]:
        with self._more:
            return tuple(self._calls)

    def wait(self, wanted: Callable[[Call], bool], *, within: float = 10) -> Call:
        """The first call that fits; fails the test when none comes."""
        with self._more:
            found = self._more.wait_for(
                lambda: next((call for call in self._calls if wanted(call)), None), timeout=within
            )
        assert found is not None, self.calls
        return found

    def take(self, call: Call) -> None:
        with self._more:
            self._calls.append(call)
            self._more.notify_all()


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Receive for as long as the block lasts."""
    kept = Receivers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The token of WeCom."""
            self._answer({"errcode": 0, "access_token": "token", "expires_in": 7200})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.take(Call(self.path.partition("?")[0], json.loads(body)))
            self._answer({"errcode": 0})

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
