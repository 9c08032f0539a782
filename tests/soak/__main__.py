"""``python -m tests.soak``: soaks an exporter and ends with 1 if anything was not as it must be."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak.soaking import DAY, Soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--days", type=float, default=7.0, help="of simulated time; 7 by default")
    parser.add_argument("--seed", type=int, help="of a run that is to be repeated")
    parser.add_argument("--keep", type=Path, help="a folder for the log and the files of the run")
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    print(f"soak of {given.days:g} days, --seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as made:
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        soak = Soak(seed=seed, folder=folder, tell=lambda line: print(line, flush=True))
        result = asyncio.run(soak.run(seconds=given.days * DAY))
    for violation in result.at_the_end:
        print(f"VIOLATION {violation}")
    print(f"{len(result.violations)} violations; {result.counts}")
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
