"""Paced clients, apart from everything else: ``python -m benchmarks.clients OPTIONS``.

They scrape until the input ends, and then tell when each scrape began and how long it took.
"""

import json
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.scraper import Scraper


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``clients`` scrape ``url`` once in ``every_seconds`` each, one after the other."""

    url: str
    gzip: bool
    clients: int
    every_seconds: float


class Client(threading.Thread):
    """One of them: a thread, which waits for bytes nearly all of its time."""

    def __init__(self, pace: Pace, *, first: float, stop: threading.Event) -> None:
        """``first`` on the monotonic clock is when it scrapes first."""
        super().__init__()
        self.scrapes: list[tuple[float, float, int]] = []
        self.failure = ""
        self._pace = pace
        self._due = first
        self._ended = stop

    def run(self) -> None:
        """Scrape at due times; one that is still busy then scrapes as soon as it is done."""
        try:
            with Scraper(self._pace.url, gzip=self._pace.gzip) as scraper:
                while not self._ended.wait(max(0.0, self._due - time.monotonic())):
                    began = time.monotonic()
                    answer = scraper.get()
                    self.scrapes.append((began, answer.seconds, answer.size_bytes))
                    self._due += self._pace.every_seconds
        except OSError as error:
            self.failure = repr(error)


def main() -> None:
    """Scrape until the input ends."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    pace, stop = Pace(**options), threading.Event()
    start, apart = time.monotonic(), pace.every_seconds / pace.clients
    clients = [Client(pace, first=start + apart * n, stop=stop) for n in range(pace.clients)]
    for client in clients:
        client.start()
    sys.stdin.read()
    stop.set()
    for client in clients:
        client.join()
    failures = [client.failure for client in clients if client.failure]
    scrapes = sorted(scrape for client in clients for scrape in client.scrapes)
    print(json.dumps({"scrapes": scrapes, "failures": failures}), flush=True)


if __name__ == "__main__":
    main()
