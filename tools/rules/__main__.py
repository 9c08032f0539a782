"""Writes `prometheus/rules`; `python -m tools.rules --check` only compares and exits 1."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.rules import rule_files
from tools.thresholds import Thresholds

_FOLDER: Final = Path(__file__).parent.parent.parent / "prometheus" / "rules"


def main(arguments: Sequence[str] | None = None, *, folder: Path = _FOLDER) -> int:
    """Write the rule files or check that they are current; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.rules")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if different")
    check = parser.parse_args(arguments).check
    files = rule_files(Thresholds())
    if not check:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yml")}
    if found == files:
        return 0
    different = sorted(
        name for name in found.keys() | files.keys() if found.get(name) != files.get(name)
    )
    sys.stderr.write(f"{folder}: not current: {', '.join(different)}; run make rules\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
