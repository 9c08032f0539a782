"""Whole sweeps of both vendors: CPU time of the exporter, all its threads, beside its floor's."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.processes import Child, Subject, child, exporter

_NAME: Final = "sweep"
_PAIRS: Final = 3
_WAIT_SECONDS: Final = 120.0
_MOST_RATIO: Final = 1.8
_LEAST_TASKS_A_SECOND: Final = 45_000
_MOST_OTHER_SERIES: Final = 200
_VENDORS: Final[dict[str, dict[str, Any]]] = {
    "dezhu": {"aliyun_accounts": 0},
    # Schedule and settings of a group take a call each, which is no part of a sweep.
    "aliyun": {
        "dezhu_accounts": 0,
        "aliyun_instances": 10,
        "common": {"collect": ["progress"]},
    },
}


def run(*, quick: bool) -> list[Figure]:
    """Floor and exporter in turn, a few times for each vendor."""
    tasks, seconds = (10_000, 6) if quick else (100_000, 20)
    return [
        figure
        for vendor, options in _VENDORS.items()
        for figure in _measured(vendor, tasks=tasks, interval=seconds, **options)
    ]


def _measured(vendor: str, *, tasks: int, interval: int, **options: Any) -> list[Figure]:
    refresh = dict.fromkeys(("active", "idle", "finished"), f"{interval}s")
    with replay(tasks=tasks, finished_share=0.98, refresh=refresh, **options) as simulated:
        config = simulated.row(_WAIT_SECONDS)["configs"][vendor]
        # Makes the answers, which from then on are sent from memory.
        _floor(config)
        floors, sweeps = [], []
        for pair in range(_PAIRS):
            floors.append(_floor(config))
            with exporter(config) as subject:
                sweeps.append(_first(subject, floors[-1]["series"]))
                if pair == _PAIRS - 1:
                    later = _later(subject, simulated, sweeps[-1], interval)
    return [
        *_first_figures(vendor, tasks, sweeps, floors),
        *_floor_figures(vendor, tasks, floors),
        *_later_figures(vendor, tasks, later),
    ]


@contextmanager
def replay(**options: Any) -> Iterator[Child]:
    """Simulated vendors with the options of ``benchmarks.replay``; it tells configurations."""
    with child("benchmarks.replay", json.dumps(options)) as process:
        yield process


def _floor(config: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "config.yaml")
        file.write_text(config, encoding="utf-8")
        with child("benchmarks.sweep_floor", str(file)) as process:
            return process.row(_WAIT_SECONDS)


def _first(subject: Subject, series: int) -> dict[str, Any]:
    """What was told once all series of the floor were published, the account's own beside them."""
    while (row := subject.swept(_WAIT_SECONDS))["samples"] < series:
        pass
    if row["samples"] > series + _MOST_OTHER_SERIES:
        raise RuntimeError(f"the floor has {series} series, the exporter {row['samples']}")
    return row | {name: row[name] - subject.opening[name] for name in ("cpu", "wall")} | {"at": row}


def _later(
    subject: Subject, simulated: Child, first: dict[str, Any], interval: int
) -> dict[str, float]:
    """CPU seconds of a sweep that finds nothing changed, and of one after one task in a hundred."""
    # Of several scopes the times told are those of the first one: the last may be a little later.
    second = subject.swept(_WAIT_SECONDS, after=_latest(first) + interval / 2)
    os.kill(simulated.pid, signal.SIGUSR1)
    changed = simulated.row(_WAIT_SECONDS)["changed"]
    third = subject.swept(_WAIT_SECONDS, after=_latest(second) + interval / 2)
    return {
        "nothing changed": second["cpu"] - first["at"]["cpu"],
        f"{changed:,} tasks changed": third["cpu"] - second["cpu"],
    }


def _latest(row: dict[str, Any]) -> float:
    return max(row["ended"].values())


def _first_figures(
    vendor: str, tasks: int, sweeps: list[dict[str, Any]], floors: list[dict[str, Any]]
) -> list[Figure]:
    spent = [sweep["cpu"] for sweep in sweeps]
    ratios = [mine / floor["cpu"] for mine, floor in zip(spent, floors, strict=True)]
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return [
        _figure(
            f"{vendor}: first sweep of {tasks:,} tasks, CPU against the floor, median",
            median(ratios),
            "times",
            at_most=_MOST_RATIO,
            note=shown,
        ),
        _figure(
            f"{vendor}: first sweep, tasks a second of CPU, median",
            tasks / median(spent),
            "tasks/s",
            at_least=_LEAST_TASKS_A_SECOND,
        ),
        _figure(f"{vendor}: first sweep, CPU a task", median(spent) / tasks * 1e6, "µs"),
        _figure(f"{vendor}: first sweep, wall", median(s["wall"] for s in sweeps), "s"),
        _figure(f"{vendor}: series exposed", sweeps[-1]["samples"], ""),
    ]


def _floor_figures(vendor: str, tasks: int, floors: list[dict[str, Any]]) -> list[Figure]:
    floor = median(each["cpu"] for each in floors)
    figures = [
        _figure(f"{vendor}: floor, CPU a task", floor / tasks * 1e6, "µs"),
        _figure(f"{vendor}: floor, series", floors[-1]["series"], ""),
    ]
    if "signature" in floors[0]:
        signing = median(each["signature"] * each["calls"] / each["cpu"] for each in floors)
        one = median(each["signature"] for each in floors)
        figures += [
            _figure(f"{vendor}: floor, share of the RSA signatures", signing * 100, "%"),
            _figure(f"{vendor}: one RSA signature, CPU", one * 1e6, "µs"),
        ]
    return figures


def _later_figures(vendor: str, tasks: int, later: dict[str, float]) -> list[Figure]:
    return [
        _figure(f"{vendor}: later sweep, {what}, CPU a task", spent / tasks * 1e6, "µs")
        for what, spent in later.items()
    ]


def _figure(name: str, value: float, unit: str, **more: Any) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=value, unit=unit, **more)
