"""``python -m benchmarks``: measures, prints a Markdown table, and writes JSON where asked to."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import lag, scrape, start, sweep
from benchmarks.figures import Figure, document, machine, table

_ALL: dict[str, Callable[..., list[Figure]]] = {
    "start": start.run,
    "scrape": scrape.run,
    "loop": lag.run,
    "sweep": sweep.run,
}


def main() -> int:
    """Run what was asked for; 1 if a limit does not hold."""
    flags = _parser().parse_args()
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    for name in flags.benchmarks or _ALL:
        started = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures += _ALL[name](quick=flags.quick)
        seconds[name] = round(time.monotonic() - started, 1)
    here = machine()
    libraries = ", ".join(f"{name} {number}" for name, number in here["libraries"].items())
    print(table(figures))
    print(f"\n{here['cores']} cores, {here['cpu']}; Python {here['python']}; {libraries}.")
    flags.json.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(figures, seconds=seconds, quick=flags.quick), indent=2)
    flags.json.write_text(f"{text}\n", encoding="utf-8")
    return 1 if any(figure.holds is False for figure in figures) else 0


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
    sys.exit(main())
