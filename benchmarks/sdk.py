"""The same calls over HTTPS by the vendor's own SDK and by the exporter's own parts."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import yaml

from benchmarks.figures import Figure
from benchmarks.processes import child
from benchmarks.sweep import replay

_NAME: Final = "sdk"
_ROUNDS: Final = 3
_WAIT_SECONDS: Final = 120.0
_TASKS: Final = 1_200
_LEAST_TIMES: Final = 50
_PAGE_SIZES: Final = (100, 1)
_CALLS: Final = {"sdk": 300, "sdk async": 40, "ours": 1_500}
_SHOWN: Final = {"sdk": "SDK", "sdk async": "SDK, async", "ours": "ours"}

Rounds = dict[str, list[dict[str, float]]]
"""What was told round by round, by who called."""


def run(*, quick: bool) -> list[Figure]:
    """All three in turn, a few times, with pages of a hundred rows and of one."""
    options: dict[str, Any] = {"tasks": _TASKS, "dezhu_accounts": 0, "aliyun_instances": 1}
    with replay(refresh={}, https=True, **options) as simulated:
        config = simulated.row(_WAIT_SECONDS)["configs"]["aliyun"]
        return [
            figure
            for size in _PAGE_SIZES
            for figure in _figures(size, _rounds(config, size, simulated.pid, quick=quick))
        ]


def _rounds(config: str, page_size: int, vendor: int, *, quick: bool) -> Rounds:
    told: Rounds = {who: [] for who in _CALLS}
    with _configured(config, page_size) as file:
        for _ in range(1 if quick else _ROUNDS):
            for who, calls in _CALLS.items():
                told[who].append(_called(who, file, calls // 4 if quick else calls, vendor))
    return told


@contextmanager
def _configured(config: str, page_size: int) -> Iterator[Path]:
    document = yaml.safe_load(config)
    document["accounts"][0]["page_size"] = page_size
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "config.yaml")
        file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        yield file


def _called(who: str, file: Path, calls: int, vendor: int) -> dict[str, float]:
    before = _cpu_seconds(vendor)
    with child("benchmarks.sdk_client", who, str(file), str(calls)) as process:
        row = process.row(_WAIT_SECONDS)
    return row | {"vendor": _cpu_seconds(vendor) - before}


def _cpu_seconds(pid: int) -> float:
    """CPU time of another process so far, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _figures(page_size: int, rounds: Rounds) -> Iterator[Figure]:
    pages = f"pages of {page_size}" if page_size > 1 else "pages of one row"
    for who, told in rounds.items():
        for clock, unit in (("wall", "calls/s"), ("cpu", "calls/s of CPU")):
            yield _figure(f"{pages}: {_SHOWN[who]} ({clock})", median(_rates(told, clock)), unit)
    for who in ("sdk", "sdk async"):
        for clock, limit in (("wall", _LEAST_TIMES), ("cpu", None)):
            pairs = zip(_rates(rounds["ours"], clock), _rates(rounds[who], clock), strict=True)
            ratios = [mine / theirs for mine, theirs in pairs]
            yield _figure(
                f"{pages}: ours against {_SHOWN[who]}, by {clock} time, median",
                median(ratios),
                "times the calls",
                at_least=limit,
                note=", ".join(f"{ratio:.3g}" for ratio in ratios),
            )
    # What is near 100 % of the wall time is what bounds ours.
    for name, key in (("our process", "cpu"), ("the server", "vendor")):
        share = median(each[key] / each["wall"] for each in rounds["ours"])
        yield _figure(f"{pages}: {name} on a CPU while ours calls", share * 100, "%")


def _rates(told: list[dict[str, float]], clock: str) -> list[float]:
    """Calls a second of wall or CPU time, round by round."""
    return [each["calls"] / each[clock] for each in told]


def _figure(name: str, value: float, unit: str, **more: Any) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=value, unit=unit, **more)
