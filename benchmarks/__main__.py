"""``python -m benchmarks``: measures, prints a Markdown table, and writes JSON where asked to."""

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import (
    budget,
    calls,
    growth,
    lag,
    latency,
    memory,
    scrape,
    sdk,
    start,
    sweep,
)
from benchmarks.figures import Figure, document, machine, shown, table

_ALL: dict[str, Callable[..., Iterable[Figure]]] = {
    "start": start.run,
    "budget": budget.run,
    "calls": calls.run,
    "scrape": scrape.run,
    "latency": latency.run,
    "stalls": lag.run,
    "memory": memory.run,
    "growth": growth.run,
    "sweep": sweep.run,
    "sdk": sdk.run,
}


def main() -> int:
    """Run what was asked for; 1 if a limit does not hold or a benchmark failed."""
    flags = _parser().parse_args()
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name in flags.benchmarks or _ALL:
        started = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            # One by one: what was measured before a failure is kept.
            for figure in _ALL[name](quick=flags.quick):
                figures.append(figure)
                value = f"{shown(figure.value)} {figure.unit}".strip()
                print(f"  {figure.name}: {value}", file=sys.stderr, flush=True)
        except Exception as error:  # noqa: BLE001 - one that fails does not stop the others
            traceback.print_exc()
            failed[name] = repr(error)
        seconds[name] = round(time.monotonic() - started, 1)
    here = machine()
    versions = ", ".join(f"{name} {number}" for name, number in here["versions"].items())
    print(table(figures))
    print(f"\n{here['cores']} cores, {here['cpu']}; Python {here['python']}; {versions}.")
    for name, error in failed.items():
        print(f"\n**{name} failed**: {error}")
    flags.json.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        document(figures, seconds=seconds, quick=flags.quick, failed=failed), indent=2
    )
    flags.json.write_text(f"{text}\n", encoding="utf-8")
    return 1 if failed or any(figure.holds is False for figure in figures) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "benchmarks", nargs="*", metavar="NAME", help=f"some of {', '.join(_ALL)}; all if none"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the size; limits say less")
    parser.add_argument(
        "--json", type=Path, default=Path("build/benchmarks.json"), help="where JSON is written"
    )
    return parser


if __name__ == "__main__":
    # Whoever ends this ends its children with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
