"""What the pictures show: simulated vendors, an exporter that polls them, and a Prometheus."""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exporter.simulator import Simulator, SimulatorOptions
from tools.screenshots.servers import free_port, program, server
from tools.thresholds import Periods, Thresholds

SCRAPE_SECONDS: Final = 5
JOB: Final = "outbound-exporter"

# As in the demo: charts move within minutes.
_REFRESH: Final = {"active": "5s", "idle": "10s", "finished": "30s", "detail": "5m"}
_BUDGET: Final = {"requests_per_second": 50, "burst": 50, "requests_per_hour": 100000}


# A history so long shows what the rules look back for: half of it is their longest usual lookback.
_WHOLE_MINUTES: Final = 120


def thresholds_for(minutes: float) -> Thresholds:
    """Those of the rules, their periods shortened as the history is shorter than two hours."""
    return Thresholds(periods=Periods().scaled(min(1.0, minutes / _WHOLE_MINUTES)))


@dataclass(frozen=True, kw_only=True)
class Plot:
    """What happens on the stage.

    Attributes:
        tasks: Of each vendor.
        seed: The same gives the same campaigns.
        speed: Of dialling.
        scenario: What happens besides; see `exporter.simulator.scenario`.
        rules: Text of each rule file of Prometheus, by name.
    """

    tasks: int
    seed: int
    speed: float
    scenario: list[dict[str, Any]]
    rules: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where its servers listen."""

    exporter_url: str
    prometheus_url: str


def simulated(plot: Plot) -> SimulatorOptions:
    """The vendors; with one instance, so that no campaign of the cast is there twice."""
    return SimulatorOptions(
        tasks=plot.tasks,
        seed=plot.seed,
        speed=plot.speed,
        aliyun_instances=1,
        control_listen=None,
    )


@contextlib.asynccontextmanager
async def stage(plot: Plot, directory: Path) -> AsyncIterator[Stage]:
    """Everything runs while this is open; its files and logs are in `directory`.

    Raises:
        StageError: Something did not start.
        OSError: A file cannot be written.
    """
    ports = free_port(), free_port()
    exporter_url, prometheus_url = (f"http://127.0.0.1:{port}" for port in ports)
    async with Simulator(simulated(plot)) as simulator, contextlib.AsyncExitStack() as stack:
        config = directory / "config.yaml"
        config.write_text(simulator.config_text(refresh=_REFRESH, budget=_BUDGET), encoding="utf-8")
        # First what is so from the beginning: details of campaigns are read seldom.
        await simulator.apply(plot.scenario)
        await stack.enter_async_context(_exporter(config, ports[0]))
        rules = _written(plot.rules, directory)
        target = f"127.0.0.1:{ports[0]}"
        await stack.enter_async_context(_prometheus(target, ports[1], rules, directory))
        yield Stage(exporter_url=exporter_url, prometheus_url=prometheus_url)


def _exporter(config: Path, port: int) -> contextlib.AbstractAsyncContextManager[None]:
    command = [sys.executable, "-m", "exporter", "--config.file", str(config)]
    return server(
        [*command, "--web.listen-address", f"127.0.0.1:{port}"],
        ready_url=f"http://127.0.0.1:{port}/-/ready",
        log=config.with_name("exporter.log"),
    )


def _written(files: Mapping[str, str], directory: Path) -> list[Path]:
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in files]


def _prometheus(
    target: str, port: int, rules: list[Path], directory: Path
) -> contextlib.AbstractAsyncContextManager[None]:
    binary = program("prometheus", cure="apt-get install --no-install-recommends prometheus")
    config = directory / "prometheus.yml"
    config.write_text(json.dumps(prometheus_config(target, rules)), encoding="utf-8")
    return server(
        [
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        ready_url=f"http://127.0.0.1:{port}/-/ready",
        log=directory / "prometheus.log",
    )


def prometheus_config(target: str, rules: list[Path]) -> Mapping[str, Any]:
    """The configuration, which is YAML when written as JSON too."""
    interval = f"{SCRAPE_SECONDS}s"
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}],
    }
