"""A scrape of 10,000 tasks by a client in another process, beside the least it could cost."""

import gzip
import json
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks.figures import Figure
from benchmarks.processes import child, exporter, vendor
from benchmarks.scraper import Scraper
from benchmarks.steps import percentile

_NAME = "scrape"
_LIMITS_MILLISECONDS = {"plain": 20.0, "gzip": 5.0}
_LEAST_SERIES = 150_000


def run(*, quick: bool) -> list[Figure]:
    """Scrape plain and gzip and their floors in turn."""
    tasks, count = (1_000, 40) if quick else (10_000, 200)
    with ExitStack() as stack:
        simulated = vendor(tasks=tasks, finished_share=0.98, automatic=False)
        subject = stack.enter_context(exporter(stack.enter_context(simulated)))
        swept = subject.swept(60)
        clients = {
            coding: stack.enter_context(Scraper(f"{subject.url}/metrics", gzip=coding == "gzip"))
            for coding in _LIMITS_MILLISECONDS
        }
        sizes = {coding: client.get().size_bytes for coding, client in clients.items()}
        _verify(clients["gzip"], swept["samples"])
        floor = stack.enter_context(child("benchmarks.floor", json.dumps(list(sizes.values()))))
        url = floor.row(30)["url"]
        for place, coding in enumerate(sizes):
            clients[f"{coding} floor"] = stack.enter_context(Scraper(f"{url}/{place}"))
        times = _alternating(clients, count)
    series = Figure(
        benchmark=_NAME,
        name=f"vendor series of {tasks:,} tasks",
        value=swept["samples"],
        unit="",
        at_least=None if quick else _LEAST_SERIES,
    )
    return [series, *(figure for coding in sizes for figure in _figures(coding, sizes, times))]


def _alternating(clients: dict[str, Scraper], count: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(count):
        for name, client in clients.items():
            times[name].append(client.get().seconds * 1000)
    return times


def _verify(scraper: Scraper, samples: int) -> None:
    """What is measured is whole: every sample arrives."""
    text = gzip.decompress(scraper.get(keep=True).body)
    lines = sum(line.startswith(b"outbound_") for line in text.splitlines())
    if lines < samples:
        raise RuntimeError(f"expected {samples} samples or more, got {lines}")


def _figures(coding: str, sizes: dict[str, int], times: dict[str, Sequence[float]]) -> list[Figure]:
    mine, floor = median(times[coding]), median(times[f"{coding} floor"])
    rows = [
        ("median", mine, "ms", _LIMITS_MILLISECONDS[coding]),
        ("p99", percentile(times[coding], 0.99), "ms", None),
        ("floor median", floor, "ms", None),
        ("ratio to the floor", mine / floor, "", None),
        ("body", sizes[coding] / 2**20, "MiB", None),
    ]
    return [
        Figure(benchmark=_NAME, name=f"{coding}, {name}", value=value, unit=unit, at_most=limit)
        for name, value, unit, limit in rows
    ]
