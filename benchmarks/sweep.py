"""A whole reading of 100,000 Dezhu tasks: CPU time of the exporter, all its threads included."""

import gzip
import math
import re

from benchmarks.figures import Figure
from benchmarks.processes import Subject, exporter, vendor
from benchmarks.scraper import Scraper

_NAME = "sweep"
_CALLS = re.compile(
    r'^outbound_exporter_api_requests_total\{.*operation="list_tasks".*\} (\S+)$', re.MULTILINE
)
_PAGE_SIZE = 100


def run(*, quick: bool) -> list[Figure]:
    """Read, render and publish everything, then read it again when nothing has changed."""
    tasks, seconds = (10_000, 10) if quick else (100_000, 40)
    refresh = dict.fromkeys(("active", "idle", "finished"), f"{seconds}s")
    simulated = vendor(tasks=tasks, finished_share=0.98, automatic=False, refresh=refresh)
    with simulated as config, exporter(config) as subject:
        first = subject.swept(90)
        second = subject.swept(90, after=max(first["ended"].values()))
        calls = _calls(subject)
    spent, again = first["cpu"] - subject.opening["cpu"], second["cpu"] - first["cpu"]
    return [
        Figure(
            benchmark=_NAME,
            name=f"first sweep of {tasks:,} tasks, per second of CPU",
            value=tasks / spent,
            unit="tasks/s",
            at_least=15_000,
        ),
        _figure("first sweep, wall", first["wall"] - subject.opening["wall"], "s"),
        _figure("first sweep, CPU", spent, "s"),
        _figure("second sweep, nothing changed, per second of CPU", tasks / again, "tasks/s"),
        _figure("second sweep, CPU", again, "s"),
        _figure("series exposed", first["samples"], ""),
        _figure("resident memory after the first sweep", first["rss"] / 2**20, "MiB"),
        _figure("resident memory at the start", subject.opening["rss"] / 2**20, "MiB"),
        _figure("memory a task", (first["rss"] - subject.opening["rss"]) / tasks / 1024, "KiB"),
        _figure("calls, both sweeps", calls, ""),
        _figure("pages of 100, both sweeps", 2 * math.ceil(tasks / _PAGE_SIZE), "at least"),
    ]


def _figure(name: str, value: float, unit: str) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=value, unit=unit)


def _calls(subject: Subject) -> float:
    with Scraper(f"{subject.url}/metrics", gzip=True) as scraper:
        text = gzip.decompress(scraper.get(keep=True).body).decode()
    return sum(float(value) for value in _CALLS.findall(text))
