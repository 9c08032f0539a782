"""Write the dashboards, or tell whether the written ones are current (``--check``)."""

import argparse
import sys
from pathlib import Path

from tools.dashboards.files import FOLDER, dashboard_files
from tools.thresholds import Thresholds


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Return 0; with ``--check`` 1 if a file is not what would be written."""
    parser = argparse.ArgumentParser(prog="python -m tools.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    files = {folder / name: text for name, text in dashboard_files(Thresholds()).items()}
    stale = [file for file, text in files.items() if _read(file) != text]
    stale += [file for file in sorted(folder.glob("*/*.json")) if file not in files]
    if check:
        for file in stale:
            sys.stderr.write(f"{file} is not what tools/dashboards makes: run make dashboards\n")
        return 1 if stale else 0
    for file in stale:
        if file not in files:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(files[file], encoding="utf-8")
    return 0


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
