"""Memory of 100,000 tasks: at the most while it is read, read again and scraped; and at rest."""

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.lag import scraping
from benchmarks.processes import canned, exporter
from benchmarks.resident import Memory, at_rest
from benchmarks.scraper import Scraper

_NAME: Final = "memory"
_MEGABYTE: Final = 1e6
_CONSTANT: Final = 80 * _MEGABYTE
_MOST_TIMES, _REST_TIMES = 4.0, 2.5
_LATER_SWEEPS: Final = 2
_REST_SECONDS: Final = 8.0


def run(*, quick: bool) -> Iterator[Figure]:
    """Sweep, sweep again when rows have changed, scrape both forms all the while; then rest."""
    # The last sweep ends well before the next: only a new minute may come while it rests.
    tasks, seconds = (10_000, 20) if quick else (100_000, 20)
    refresh = dict.fromkeys(("active", "idle", "finished"), f"{seconds}s")
    vendor = canned(tasks=tasks, refresh=refresh, running_changed_share=1.0)
    with vendor as config, exporter(config, tick_after=30.0) as subject:
        memory = Memory(subject.pid)
        with memory.sampled(), scraping(f"{subject.url}/metrics", every=1.0):
            row = subject.swept(120)
            for _ in range(_LATER_SWEEPS):
                row = subject.swept(120, after=max(row["ended"].values()))
        rest = at_rest(memory, _REST_SECONDS)
        with Scraper(f"{subject.url}/metrics") as scraper:
            exposed = scraper.get().size_bytes
        most = memory.most()
    yield _figure("exposition", exposed)
    yield _figure("at the most", most, at_most=_CONSTANT + _MOST_TIMES * exposed)
    yield _figure("at rest", rest, at_most=_CONSTANT + _REST_TIMES * exposed)
    for name, value, times in (("at the most", most, _MOST_TIMES), ("at rest", rest, _REST_TIMES)):
        yield Figure(
            benchmark=_NAME,
            name=f"{name}, less 80 MB, times the exposition",
            value=(value - _CONSTANT) / exposed,
            unit="",
            at_most=times,
        )


def _figure(name: str, value: float, *, at_most: float | None = None) -> Figure:
    limit: dict[str, Any] = {"at_most": at_most and round(at_most / _MEGABYTE)}
    return Figure(benchmark=_NAME, name=name, value=value / _MEGABYTE, unit="MB", **limit)
