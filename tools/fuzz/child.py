"""`python -m tools.fuzz.child PLAN`: targets under atheris, each in a fork that it takes over.

To instrument the code takes seconds, so that is done once. Started by `tools.fuzz`.
"""

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

import atheris
import msgspec

from tools.fuzz.plan import Job, Plan, share

with atheris.instrument_imports(include=["exporter", "yaml", "email"]):
    from tools.fuzz.targets import TARGETS


def main() -> None:
    """Run every target of the plan, and leave its exit status in its folder."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    waiting, running = list(plan.jobs), dict[int, Job]()
    while waiting or running:
        while waiting and len(running) < plan.cores:
            left = plan.end - time.monotonic()
            seconds = share(left, waiting=len(waiting), cores=plan.cores)
            job = waiting.pop(0)
            running[_forked(job, seconds)] = job
        pid, status = os.wait()
        folder = Path(running.pop(pid).folder)
        (folder / "status").write_text(str(os.waitstatus_to_exitcode(status)), encoding="ascii")


def _forked(job: Job, seconds: int) -> int:
    return os.fork() or _fuzz(job, seconds)


def _fuzz(job: Job, seconds: int) -> NoReturn:
    with (Path(job.folder) / "log").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    atheris.Setup(
        [*sys.argv[:1], *job.arguments, f"-max_total_time={seconds}"], TARGETS[job.target]
    )
    atheris.Fuzz()
    os._exit(0)


if __name__ == "__main__":
    main()
