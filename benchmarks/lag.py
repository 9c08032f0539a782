"""How long the event loop is kept busy while it polls, renders, publishes and is scraped."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.processes import exporter, vendor
from benchmarks.scraper import Scraper

_NAME: Final = "loop"
_SHOWN_STEPS: Final = 5
_WAIT_SECONDS: Final = 60.0


def run(*, quick: bool) -> list[Figure]:
    """The longest waits and the longest steps."""
    end = observed(1_000 if quick else 10_000, scrape_seconds=1.0, lag=True)
    steps, lag = end["steps"], end["lag"]
    longest = steps["longest"][0]
    rows = [
        ("longest wall-clock lag", lag["longest"]),
        ("p99 of the wall-clock lag", lag["p99"]),
        ("longest CPU time of a step", longest["seconds"]),
        ("garbage collection within it", longest["collector_seconds"]),
        ("p99 of the CPU time of a step", steps["p99"]),
    ]
    print(told(steps["longest"][:_SHOWN_STEPS]), file=sys.stderr)
    return [
        Figure(benchmark=_NAME, name=name, value=value * 1000, unit="ms") for name, value in rows
    ]


def observed(tasks: int, *, scrape_seconds: float, **options: Any) -> dict[str, Any]:
    """Poll simulated tasks twice, with a new minute in between, and scrape all the while.

    Args:
        tasks: How many.
        scrape_seconds: Between two scrapes, each plain and with gzip.
        options: Of ``benchmarks.subject``.

    Returns:
        What the exporter told at its end: ``steps``, ``lag`` and memory.
    """
    refresh = dict.fromkeys(("active", "idle", "finished"), "6s")
    simulated = vendor(tasks=tasks, finished_share=0.98, speed=50.0, refresh=refresh)
    with simulated as config, exporter(config, steps=True, tick_after=5.0, **options) as subject:
        with scraping(f"{subject.url}/metrics", every=scrape_seconds):
            first = subject.swept(_WAIT_SECONDS)
            subject.swept(_WAIT_SECONDS, after=max(first["ended"].values()))
        return {"samples": first["samples"], **subject.end()}


def told(steps: list[dict]) -> str:
    """The longest steps in words, one a line."""
    return "\n".join(
        f"{step['seconds'] * 1000:6.1f} ms, of it {step['collector_seconds'] * 1000:.1f} ms"
        f" collector (generation {step['generation']}): {step['what']}"
        f" from {step['from'] or '-'} to {step['to'] or '-'}"
        for step in steps
    )


@contextmanager
def scraping(url: str, *, every: float) -> Iterator[None]:
    """Scrape plain and gzip in turn, ``every`` so many seconds, as long as it lasts.

    Raises:
        OSError: A scrape failed.
    """
    stop = threading.Event()
    failures: list[OSError] = []

    def scrape() -> None:
        try:
            with Scraper(url) as plain, Scraper(url, gzip=True) as compressed:
                while not stop.wait(every):
                    plain.get()
                    compressed.get()
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
