"""How soon the exporter is there: its import, and the first complete scrape of the demo."""

import re
import time
from statistics import median
from urllib.parse import urljoin

from benchmarks.figures import Figure
from benchmarks.processes import Child, running
from benchmarks.scraper import Scraper

_NAME = "start"
_IMPORT = (
    "import time; t = time.perf_counter(); import exporter.cli; print(time.perf_counter() - t)"
)
_LOG = ("--log.level", "error")
_DEMO = ("-m", "exporter", *_LOG, "demo", "--web.listen-address", "127.0.0.1:0")
_URL = re.compile(r"http://127\.0\.0\.1:\d+/metrics")
_TIERS = re.compile(r"^outbound_account_last_success_timestamp_seconds\{", re.MULTILINE)
_ACCOUNTS, _ALL_TIERS = 2, 3
_WAIT_SECONDS = 60.0


def run(*, quick: bool) -> list[Figure]:
    """Start it in a fresh process each time; files are in the page cache."""
    repeats = 3 if quick else 7
    imports = [_import_seconds() for _ in range(repeats)]
    demos = [_demo_seconds() for _ in range(1 if quick else 3)]
    return [
        Figure(
            benchmark=_NAME,
            name="import of exporter.cli, median",
            value=median(imports) * 1000,
            unit="ms",
        ),
        Figure(
            benchmark=_NAME,
            name="demo: from start to the first complete scrape, median",
            value=median(demos),
            unit="s",
            note="every tier of both accounts read once",
        ),
    ]


def _import_seconds() -> float:
    with running(Child("-c", _IMPORT)) as process:
        return float(process.line(30))


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
