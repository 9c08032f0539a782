"""A scrape of 100,000 tasks by a client in another process, beside what else could serve them."""

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import programs
from benchmarks.figures import Figure, shown
from benchmarks.processes import ChildError, Subject, canned, child, exporter
from benchmarks.scraper import Scraper
from benchmarks.steps import percentile

_NAME: Final = "scrape"
_CODINGS: Final = ("plain", "gzip")
_LEAST_SERIES: Final = 1_500_000
_MOST_OF_FLOOR: Final = 1.25
_PATIENCE_SECONDS: Final = 600.0
_SLOW_SECONDS: Final = 15.0

Serving = Callable[[Path], AbstractContextManager[str]]
Times = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Rival:
    """What a user would have instead, and how many times slower it is at least."""

    name: str
    serving: Serving
    plain: float
    gzip: float
    program: str = ""


@contextmanager
def _client_library(file: Path) -> Iterator[str]:
    with child("benchmarks.client_library", str(file)) as process:
        yield process.row(_PATIENCE_SECONDS)["url"]


_RIVALS: Final = (
    Rival("prometheus-client", _client_library, 150, 1_000),
    Rival("pushgateway", programs.pushgateway, 40, 400, programs.PUSHGATEWAY),
    Rival(
        "node exporter, textfile",
        lambda file: programs.node_exporter(file.parent),
        *(100, 1_000, programs.NODE_EXPORTER),
    ),
)


def run(*, quick: bool) -> Iterator[Figure]:
    """Scrape ours, and in turn with it the floor and each rival, one rival after the other."""
    tasks, count = (10_000, 30) if quick else (100_000, 30)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subject = stack.enter_context(exporter(stack.enter_context(canned(tasks=tasks))))
        subject.swept(120)
        file = directory / "outbound.prom"
        file.write_bytes(_scraped(f"{subject.url}/metrics?account=dezhu-demo", "plain"))
        samples = samples_of(file.read_bytes())
        ours = {coding: stack.enter_context(_scraper(subject, coding)) for coding in _CODINGS}
        yield Figure(
            benchmark=_NAME,
            name=f"vendor series of {tasks:,} tasks",
            value=samples,
            unit="",
            at_least=None if quick else _LEAST_SERIES,
        )
        yield from _beside_floor(ours, directory, count)
        yield from _beside_rivals(ours, file, samples)


def _beside_rivals(ours: dict[str, Scraper], file: Path, samples: int) -> Iterator[Figure]:
    failures: list[Exception] = []
    for rival in _RIVALS:
        if rival.program and not programs.installed(rival.program):
            print(f"  {rival.program} is not installed: left out", file=sys.stderr)
            continue
        try:
            yield from _beside(rival, ours, file, samples)
        except (OSError, RuntimeError, ChildError) as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup("rivals of a scrape", failures)


def _beside_floor(ours: dict[str, Scraper], directory: Path, count: int) -> list[Figure]:
    bodies = {coding: client.get(keep=True).body for coding, client in ours.items()}
    files = [directory / f"{coding}.body" for coding in bodies]
    for file, body in zip(files, bodies.values(), strict=True):
        file.write_bytes(body)
    figures: list[Figure] = []
    with child("benchmarks.floor", json.dumps([str(file) for file in files])) as floor:
        url = floor.row(60)["url"]
        for place, (coding, client) in enumerate(ours.items()):
            with Scraper(f"{url}/{place}") as bare:
                times = alternating(
                    {"ours": client, "floor": bare}, dict.fromkeys(("ours", "floor"), count)
                )
                figures += _floor_figures(coding, len(bodies[coding]), times)
    return figures


def _floor_figures(coding: str, size: int, times: Times) -> list[Figure]:
    mine, floor = median(times["ours"]), median(times["floor"])
    return [
        _figure(f"{coding}, body", size / 2**20, "MiB"),
        _figure(f"{coding}, p50", mine, "ms"),
        _figure(f"{coding}, p99", percentile(times["ours"], 0.99), "ms"),
        _figure(f"{coding}, floor p50", floor, "ms"),
        Figure(
            benchmark=_NAME,
            name=f"{coding}, times the floor",
            value=mine / floor,
            unit="",
            at_most=_MOST_OF_FLOOR,
        ),
    ]


def _beside(rival: Rival, ours: dict[str, Scraper], file: Path, samples: int) -> Iterator[Figure]:
    print(f"  {rival.name} ...", file=sys.stderr, flush=True)
    started = time.monotonic()
    with rival.serving(file) as url:
        yield _figure(f"{rival.name}, until it serves", time.monotonic() - started, "s")
        for coding in _CODINGS:
            with Scraper(url, gzip=coding == "gzip", timeout=_PATIENCE_SECONDS) as theirs:
                # The first one counts as well: some of them take half a minute each.
                first = theirs.get(keep=True)
                body = first.body
                _verify(gzip.decompress(body) if coding == "gzip" else body, samples)
                rounds = 2 if first.seconds < _SLOW_SECONDS else 1
                times = alternating(
                    {"ours": ours[coding], "theirs": theirs},
                    {"ours": 4 * rounds, "theirs": rounds},
                )
            slow = median([first.seconds * 1000, *times["theirs"]])
            yield from _rival_figures(rival, coding, len(body), slow, median(times["ours"]))


def _rival_figures(
    rival: Rival, coding: str, size: int, slow: float, mine: float
) -> Iterator[Figure]:
    yield _figure(f"{coding}, {rival.name}, body", size / 2**20, "MiB")
    yield _figure(f"{coding}, {rival.name}, p50", slow, "ms")
    yield Figure(
        benchmark=_NAME,
        name=f"{coding}, {rival.name}, times ours",
        value=slow / mine,
        unit="",
        at_least=rival.gzip if coding == "gzip" else rival.plain,
        note=f"ours then {shown(mine)} ms",
    )


def alternating(clients: dict[str, Scraper], counts: dict[str, int]) -> Times:
    """Milliseconds of each scrape, in rounds in which each client has its share of its count."""
    times: Times = {name: [] for name in clients}
    rounds = min(counts.values())
    for _ in range(rounds):
        for name, client in clients.items():
            times[name] += [client.get().seconds * 1000 for _ in range(counts[name] // rounds)]
    return times


def _scraper(subject: Subject, coding: str) -> Scraper:
    return Scraper(f"{subject.url}/metrics", gzip=coding == "gzip")


def _scraped(url: str, coding: str) -> bytes:
    with Scraper(url, gzip=coding == "gzip") as scraper:
        return scraper.get(keep=True).body


def _verify(text: bytes, samples: int) -> None:
    """What is measured is whole: every sample of the vendor arrives."""
    found = samples_of(text)
    if found != samples:
        raise RuntimeError(f"expected {samples} samples, got {found}")


def samples_of(text: bytes) -> int:
    """How many samples of vendor families an exposition has."""
    return text.count(b"\noutbound_") - text.count(b"\noutbound_exporter_")


def _figure(name: str, value: float, unit: str) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=value, unit=unit)
