"""How soon the exporter is there, and how small it is before it has polled anything.

Measured as it is once installed: with bytecode, and files in the page cache.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

from benchmarks.figures import Figure
from benchmarks.processes import Child, environment, exporter, running
from benchmarks.scraper import Scraper

_NAME = "start"
_IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
_ALL = "exporter.commands"
_LOG = ("--log.level", "error")
_DEMO = ("-m", "exporter", *_LOG, "demo", "--web.listen-address", "127.0.0.1:0")
_URL = re.compile(r"http://127\.0\.0\.1:\d+/metrics")
_TIERS = re.compile(r"^outbound_account_last_success_timestamp_seconds\{", re.MULTILINE)
_ACCOUNTS, _ALL_TIERS = 2, 3
_WAIT_SECONDS = 60.0
# Nobody listens there: nothing that a poll brings is in memory.
_NOWHERE = """\
accounts:
  - name: bots
    platform: aliyun
    endpoint: http://127.0.0.1:1
    credentials: {type: access_key, access_key_id: id, access_key_secret: secret}
"""


def run(*, quick: bool) -> list[Figure]:
    """Start it in a fresh process each time."""
    repeats = 3 if quick else 7
    _import_seconds(_ALL)  # writes the bytecode, if the installation did not
    command = [_import_seconds("exporter.cli") for _ in range(repeats)]
    everything = [_import_seconds(_ALL) for _ in range(repeats)]
    versions = [_version_seconds() for _ in range(repeats)]
    _demo_seconds()  # the same for the simulator
    demos = [_demo_seconds() for _ in range(1 if quick else 5)]
    return [
        _milliseconds("import of exporter.cli, median", median(command), at_most=400),
        _milliseconds("import of all that a start loads, median", median(everything), at_most=400),
        _milliseconds("the same without bytecode, once", _import_seconds(_ALL, fresh=True)),
        _milliseconds("--version, from start to end, median", median(versions)),
        Figure(
            benchmark=_NAME,
            name="demo: from start to the first complete scrape, median",
            value=median(demos),
            unit="s",
            at_most=1.5,
            note="every tier of both accounts read once",
        ),
        Figure(
            benchmark=_NAME,
            name="resident memory at rest, before the first poll",
            value=_resting_bytes() / 2**20,
            unit="MiB",
            note="listening, one account",
        ),
    ]


def _milliseconds(name: str, seconds: float, *, at_most: float | None = None) -> Figure:
    return Figure(benchmark=_NAME, name=name, value=seconds * 1000, unit="ms", at_most=at_most)


def _import_seconds(module: str, *, fresh: bool = False) -> float:
    """In a process that has imported nothing; with ``fresh`` everything is compiled as well."""
    with tempfile.TemporaryDirectory() as empty:
        flags = ("-B", "-X", f"pycache_prefix={empty}") if fresh else ()
        with running(Child(*flags, "-c", _IMPORT.format(module))) as process:
            return float(process.line(30))


def _version_seconds() -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", "exporter", "--version"]
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True, timeout=30)
    return time.monotonic() - started


def _demo_seconds() -> float:
    started = time.monotonic()
    with running(Child(*_DEMO)) as process:
        found = None
        while found is None:
            found = _URL.search(process.line(30))
        with Scraper(urljoin(found.group(), "metrics")) as scraper:
            while time.monotonic() - started < _WAIT_SECONDS:
                text = scraper.get(keep=True).body.decode()
                if len(_TIERS.findall(text)) == _ACCOUNTS * _ALL_TIERS:
                    return time.monotonic() - started
                time.sleep(0.02)
    raise TimeoutError(f"no complete scrape of the demo within {_WAIT_SECONDS} s")


def _resting_bytes() -> int:
    with exporter(_NOWHERE) as subject:
        status = Path(f"/proc/{subject.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024
