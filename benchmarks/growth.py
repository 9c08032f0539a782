"""How time and memory of a first sweep grow with the number of tasks."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.processes import canned, exporter
from benchmarks.resident import Memory
from benchmarks.scraper import Scraper

_NAME: Final = "growth"
_MOST_EXPONENT: Final = 1.05
_SIZES: Final = (1_000, 10_000, 100_000)
_REPEATS: Final = {0: 5, 1_000: 5, 10_000: 3, 100_000: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A first sweep: CPU seconds from opening to published, and bytes held at the most."""

    seconds: float
    held_bytes: float
    exposed_bytes: float
    series: float


def run(*, quick: bool) -> Iterator[Figure]:
    """Sweep none, a thousand, ten thousand and a hundred thousand tasks."""
    sizes = [size // 10 for size in _SIZES] if quick else list(_SIZES)
    repeats = dict(zip((0, *sizes), _REPEATS.values(), strict=True))
    sweeps = {size: _middle(size, count) for size, count in repeats.items()}
    empty = sweeps.pop(0)
    yield _figure("no task, CPU from opening to published", empty.seconds * 1000, "ms")
    yield _figure("no task, resident at the most", empty.held_bytes / 1e6, "MB")
    for size, sweep in sweeps.items():
        held = sweep.held_bytes - empty.held_bytes
        yield _figure(f"{size:,} tasks, CPU of the first sweep", sweep.seconds * 1000, "ms")
        yield _figure(f"{size:,} tasks, memory above that of no task", held / 1e6, "MB")
        yield _figure(f"{size:,} tasks, memory a series", held / sweep.series, "bytes")
        exposed = sweep.exposed_bytes / sweep.series
        yield _figure(f"{size:,} tasks, exposition a series", exposed, "bytes")
    yield from _exponents(
        "time", {size: each.seconds for size, each in sweeps.items()}, empty.seconds
    )
    yield from _exponents(
        "memory", {size: each.held_bytes for size, each in sweeps.items()}, empty.held_bytes
    )


def _exponents(what: str, values: Mapping[int, float], constant: float) -> Iterator[Figure]:
    """Limits are for what the tasks add; with the constant in it the exponent looks better."""
    sizes = list(values)
    net = [value - constant for value in values.values()]
    for name, of_sizes, of_values, limit in (
        ("all three sizes", sizes, net, _MOST_EXPONENT),
        ("the larger two", sizes[1:], net[1:], None),
        ("all three, constant included", sizes, list(values.values()), None),
    ):
        value = exponent(of_sizes, of_values)
        yield _figure(f"exponent of {what}, {name}", value, "", at_most=limit)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of the logarithms, by least squares: 1 where twice the size costs twice as much."""
    across = [math.log(size) for size in sizes]
    up = [math.log(value) for value in values]
    middle, height = sum(across) / len(across), sum(up) / len(up)
    spread = sum((x - middle) ** 2 for x in across)
    return sum((x - middle) * (y - height) for x, y in zip(across, up, strict=True)) / spread


def _middle(tasks: int, count: int) -> Sweep:
    print(f"  {tasks:,} tasks ...", file=sys.stderr, flush=True)
    with canned(tasks=tasks) as config:
        sweeps = [_swept(config) for _ in range(count)]
    return Sweep(
        seconds=median(sweep.seconds for sweep in sweeps),
        held_bytes=median(sweep.held_bytes for sweep in sweeps),
        exposed_bytes=sweeps[0].exposed_bytes,
        series=sweeps[0].series,
    )


def _swept(config: str) -> Sweep:
    with exporter(config) as subject:
        memory = Memory(subject.pid)
        with memory.sampled():
            row = subject.swept(120)
        held = memory.most()
        with Scraper(f"{subject.url}/metrics") as scraper:
            exposed = scraper.get().size_bytes
    seconds = row["cpu"] - subject.opening["cpu"]
    return Sweep(seconds=seconds, held_bytes=held, exposed_bytes=exposed, series=row["samples"])


def _figure(name: str, value: float, unit: str, **more: Any) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=value, unit=unit, **more)
