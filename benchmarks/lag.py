"""How long the event loop is kept busy while it polls, renders, publishes and is scraped."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.processes import canned, exporter, paced, vendor
from benchmarks.scraper import Scraper

_NAME: Final = "stalls"
_SHOWN_STEPS: Final = 5
_WAIT_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many tasks, read again after so many seconds; how long the loop may be kept at most."""

    tasks: int
    refresh_seconds: float
    most_milliseconds: float


_SIZES: Final = (
    Size(tasks=10_000, refresh_seconds=6.0, most_milliseconds=20.0),
    Size(tasks=100_000, refresh_seconds=20.0, most_milliseconds=50.0),
)


def run(*, quick: bool) -> Iterator[Figure]:
    """The longest waits and the longest steps, at two sizes."""
    for size in _SIZES[:1] if quick else _SIZES:
        refresh = dict.fromkeys(("active", "idle", "finished"), f"{size.refresh_seconds:g}s")
        with canned(tasks=size.tasks, refresh=refresh, running_changed_share=1.0) as config:
            end = _watched(
                config, after_seconds=size.refresh_seconds, scrape_seconds=1.0, clients=8, lag=True
            )
        yield from _figures(end, size)


def _figures(end: dict[str, Any], size: Size) -> Iterator[Figure]:
    steps, lag = end["steps"], end["lag"]
    longest = steps["longest"][0]
    print(told(steps["longest"][:_SHOWN_STEPS]), file=sys.stderr)
    rows = [
        ("longest wall-clock lag", lag["longest"], size.most_milliseconds),
        ("p99 of the wall-clock lag", lag["p99"], None),
        ("longest CPU time of a step", longest["seconds"], size.most_milliseconds),
        ("garbage collection within it", longest["collector_seconds"], None),
        ("p99 of the CPU time of a step", steps["p99"], None),
    ]
    for name, value, limit in rows:
        yield Figure(
            benchmark=_NAME,
            name=f"{end['samples']:,} series, {name}",
            value=value * 1000,
            unit="ms",
            at_most=limit,
        )


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
    with simulated as config:
        return _watched(config, after_seconds=6.0, scrape_seconds=scrape_seconds, **options)


def _watched(
    config: str, *, after_seconds: float, scrape_seconds: float, clients: int = 0, **options: Any
) -> dict[str, Any]:
    with exporter(config, steps=True, tick_after=after_seconds - 1, **options) as subject:
        url = f"{subject.url}/metrics"
        with scraping(url, every=scrape_seconds), _beside(url, clients):
            first = subject.swept(_WAIT_SECONDS)
            subject.swept(_WAIT_SECONDS, after=max(first["ended"].values()))
        return {"samples": first["samples"], **subject.end()}


@contextmanager
def _beside(url: str, clients: int) -> Iterator[None]:
    """So many more clients, with gzip once a second each."""
    if not clients:
        yield
        return
    with paced(url, gzip=True, clients=clients, every_seconds=1.0) as more:
        yield
        more.scrapes()


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
