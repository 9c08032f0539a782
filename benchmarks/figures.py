"""What a benchmark finds, as a Markdown table and as JSON."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from typing import Any, Final

from benchmarks import programs

_LIBRARIES: Final = ("outbound-exporter", "aiohttp", "cryptography", "msgspec", "prometheus-client")
_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; ``at_least`` or ``at_most`` is its limit, if it has one."""

    benchmark: str
    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the limit holds; None without one."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    @property
    def limit(self) -> str:
        """The limit in words; empty without one."""
        if self.at_least is not None:
            return f"at least {shown(self.at_least)}"
        return "" if self.at_most is None else f"at most {shown(self.at_most)}"


def table(figures: Sequence[Figure]) -> str:
    """The figures as Markdown."""
    lines = ["| benchmark | figure | measured | limit | holds |", "|---|---|---:|---:|---|"]
    for figure in figures:
        holds = {None: "", True: "yes", False: "**no**"}[figure.holds]
        note = f" ({figure.note})" if figure.note else ""
        lines.append(
            f"| {figure.benchmark} | {figure.name}{note} | {shown(figure.value)} {figure.unit}"
            f" | {figure.limit} | {holds} |"
        )
    return "\n".join(lines)


def shown(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value == int(value) or abs(value) >= 10**_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{_DIGITS}g}"


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cores": cpu_count(),
        "cpu": _cpu(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES} | programs.versions(),
    }


def document(figures: Sequence[Figure], **more: Any) -> dict[str, Any]:
    """The figures as JSON values."""
    rows = [asdict(figure) | {"holds": figure.holds} for figure in figures]
    return {"machine": machine(), **more, "figures": rows}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
