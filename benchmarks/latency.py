"""Scrapes of paced clients while polls run and publish, beside the idle moments of the same run."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.moments import Span, busy_spans, parted
from benchmarks.processes import Subject, child, cpu_seconds, exporter, paced
from benchmarks.steps import percentile

_NAME: Final = "latency"
_CLIENTS: Final = 8
_MOST_OF_IDLE: Final = 3.0
_LEAST_SERIES: Final = 1_500_000
_MINUTE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Clients of one coding: each scrapes every so many seconds, for so many seconds."""

    coding: str
    every_seconds: float
    seconds: float


_ROUNDS: Final = (
    Round(coding="gzip", every_seconds=1.0, seconds=60.0),
    Round(coding="plain", every_seconds=4.0, seconds=90.0),
)


def run(*, quick: bool) -> Iterator[Figure]:
    """Read everything four times a minute, with the clients there all the while."""
    tasks, seconds = (10_000, 10) if quick else (100_000, 15)
    options = {
        "tasks": tasks,
        "refresh": dict.fromkeys(("active", "idle", "finished"), f"{seconds}s"),
        "running_changed_share": 1.0,
        "changed_share": 0.01,
    }
    with child("benchmarks.canned", json.dumps(options)) as vendor:
        with exporter(vendor.row(120)["config"], publications=True) as subject:
            samples = subject.swept(120)["samples"]
            before = [cpu_seconds(process.pid) for process in (vendor, subject)]
            found = {each: _scraped(subject, each, quick=quick) for each in _ROUNDS}
            after = [cpu_seconds(process.pid) for process in (vendor, subject)]
            published = [row["wall"] for row in subject.rows()]
            minute = subject.minute
            subject.end()
        requests = vendor.finish(30)["requests"]
    now = time.monotonic()
    minutes = [
        minute + n * _MINUTE_SECONDS for n in range(int((now - minute) / _MINUTE_SECONDS) + 1)
    ]
    busy = busy_spans(requests=requests, publications=published, minutes=minutes)
    yield _figure("vendor series", samples, "", at_least=None if quick else _LEAST_SERIES)
    share = (after[0] - before[0]) / (after[1] - before[1])
    yield _figure("CPU of the vendor, of that of the exporter", share * 100, "%")
    for each, scrapes in found.items():
        yield from _figures(each, scrapes, busy)


def _scraped(subject: Subject, each: Round, *, quick: bool) -> list[Span]:
    pace = {"clients": _CLIENTS, "every_seconds": each.every_seconds}
    with paced(f"{subject.url}/metrics", gzip=each.coding == "gzip", **pace) as clients:
        time.sleep(each.seconds / (3 if quick else 1))
        return clients.scrapes()


def _figures(each: Round, scrapes: list[Span], busy: list[Span]) -> Iterator[Figure]:
    met, idle = parted(scrapes, busy)
    if not met or not idle:
        raise RuntimeError(f"{each.coding}: {len(met)} scrapes met work, {len(idle)} did not")
    met_spans = [span for span in busy if span[1] >= scrapes[0][0] and span[0] <= scrapes[-1][1]]
    share = sum(end - begin for begin, end in met_spans) / (scrapes[-1][1] - scrapes[0][0])
    many = f"{len(met)} scrapes; work in {share * 100:.0f} % of the time"
    calm, late = percentile(idle, 0.5), percentile(met, 0.99)
    for name, value, note in (
        ("idle, p50", calm, f"{len(idle)} scrapes"),
        ("idle, p99", percentile(idle, 0.99), ""),
        ("while publishing, p50", percentile(met, 0.5), many),
        ("while publishing, p99", late, ""),
        ("while publishing, longest", max(met), ""),
    ):
        yield _figure(f"{each.coding}, {name}", value * 1000, "ms", note=note)
    yield _figure(
        f"{each.coding}, p99 while publishing of p50 idle", late / calm, "", at_most=_MOST_OF_IDLE
    )


def _figure(name: str, value: float, unit: str, **more: Any) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=value, unit=unit, **more)
