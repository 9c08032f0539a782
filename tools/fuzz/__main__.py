"""`python -m tools.fuzz`: every target for its share of the time, or one input once more."""

import argparse
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tools.fuzz.plan import Job, Plan
from tools.fuzz.seeds import MET, ROOT, seeds, words
from tools.fuzz.targets import TARGETS

_AREA: Final = ROOT / ".fuzz"
_LONGEST_INPUT_BYTES: Final = 8192
_SLOWEST_SECONDS: Final = 10
_MOST_MEMORY_MB: Final = 1024
_NEVER_RUN: Final = 1
_RUNS: Final = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_FINDING: Final = re.compile(r"Test unit written to (\S+)")
_TRACEBACK: Final = re.compile(r"=== Uncaught Python exception: ===\n(.*?)\n==\d+==", re.DOTALL)
CHILD: Final = (sys.executable, "-m", "tools.fuzz.child")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How the run of a target ended; ``runs`` None: it never came to count them."""

    target: str
    status: int
    runs: int | None
    log: Path
    finding: Path | None = None
    why: str = ""

    @property
    def well(self) -> bool:
        """Whether it read something and found nothing."""
        return not self.status and bool(self.runs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, or repeat; the exit code is 1 if anything was found."""
    flags = _flags().parse_args(arguments)
    if flags.repeat is not None:
        return repeat(flags.repeat)
    results = fuzz(flags.target or list(TARGETS), seconds=flags.seconds)
    for result in results:
        sys.stdout.write(told(result))
    return int(not all(result.well for result in results))


def repeat(file: Path) -> int:
    """Read one input once, by the target that its folder is named after; 1 if it is a finding."""
    name = file.resolve().parent.name
    if name not in TARGETS:
        known = ", ".join(TARGETS)
        sys.stderr.write(f"{file}: expected in a folder named after its target: {known}\n")
        return 2
    try:
        TARGETS[name](file.read_bytes())
    except Exception:  # noqa: BLE001  # a finding is whatever is raised
        sys.stdout.write(f"{traceback.format_exc()}\n{file}: a finding of {name}\n")
        return 1
    sys.stdout.write(f"{file}: {name} reads it as it should\n")
    return 0


def fuzz(
    targets: Sequence[str],
    *,
    seconds: float,
    area: Path = _AREA,
    child: Sequence[str] = CHILD,
) -> list[Result]:
    """Run targets side by side, one a core.

    Args:
        targets: Their names.
        seconds: For all of them together, the start included; each has a second at least.
        area: Where each has a folder for what it found, for its log, and for the inputs that it
            goes on with at the next run.
        child: The command that runs them, but for the plan.
    """
    end = time.monotonic() + seconds
    jobs = tuple(_prepared(name, area / name) for name in targets)
    cores = max(1, min(len(targets), os.cpu_count() or 1))
    plan = area / "plan.json"
    plan.write_bytes(msgspec.json.encode(Plan(jobs, cores, end)))
    with (area / "log").open("wb") as output:
        status = subprocess.run(  # noqa: S603  # our own command
            [*child, str(plan)], cwd=ROOT, stdout=output, stderr=output, check=False
        ).returncode
    return [_result(name, area, status) for name in targets]


def told(result: Result) -> str:
    """What a person reads of a result."""
    if result.well:
        return f"{result.target}: {result.runs:,} inputs, no finding\n"
    if result.finding is None:
        ended = f"ended with {result.status}" if result.status else "read nothing"
        return f"{result.target}: {ended}, see {_shown(result.log)}\n"
    name, why = _shown(result.finding), f"{result.why}\n" if result.why else ""
    return (
        f"{why}{result.target}: a finding, its input is in {name}\n"
        f'  once more: make fuzz ARGS="--repeat {name}"\n'
        f"  when it is mended: move it to {_shown(MET)}/{result.target}/\n"
    )


def _result(name: str, area: Path, status: int) -> Result:
    own, log = area / name / "status", area / name / "log"
    if not own.exists():
        return Result(target=name, status=status or _NEVER_RUN, runs=None, log=area / "log")
    text = log.read_text(encoding="utf-8", errors="replace")
    runs, finding, why = (pattern.search(text) for pattern in (_RUNS, _FINDING, _TRACEBACK))
    return Result(
        target=name,
        status=int(own.read_text(encoding="ascii")),
        runs=int(runs[1]) if runs else None,
        log=log,
        finding=Path(finding[1]) if finding else None,
        why=why[1].strip() if why else "",
    )


def _prepared(name: str, folder: Path) -> Job:
    """Write seeds and words, and give libFuzzer's arguments."""
    known, began = folder / "inputs", folder / "seeds"
    for directory in (known, began):
        directory.mkdir(parents=True, exist_ok=True)
    for before in ("log", "status"):
        (folder / before).unlink(missing_ok=True)
    inputs = seeds(name)
    for number, data in enumerate(inputs):
        (began / f"{number:04}").write_bytes(data)
    dictionary = folder / "words"
    dictionary.write_bytes(b"".join(b'"%b"\n' % word for word in words(inputs)))
    arguments = (
        str(known),
        str(began),
        f"-dict={dictionary}",
        f"-artifact_prefix={folder}/",
        f"-max_len={_LONGEST_INPUT_BYTES}",
        f"-timeout={_SLOWEST_SECONDS}",
        f"-rss_limit_mb={_MOST_MEMORY_MB}",
        "-print_final_stats=1",
    )
    return Job(name, str(folder), arguments)


def _shown(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=300, help="of all targets together (default: 300)"
    )
    parser.add_argument(
        "--target", action="append", choices=list(TARGETS), help="only this one; repeatable"
    )
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="read one input once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
