"""What scenarios act on: simulated vendors and the exporters that poll them, as processes."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.accounts import ACCOUNTS, HEALTHY, Account, configured
from tests.e2e.periods import SPEED
from tests.servers.process import Process, answers, fetch, free_port, server


@dataclass(frozen=True)
class Simulated:
    """A simulator, controlled over its control port."""

    control_url: str

    def config(self) -> dict[str, Any]:
        """The exporter's configuration, keys included."""
        return yaml.safe_load(self._ask("config"))

    def apply(self, steps: list[dict[str, Any]]) -> None:
        """Apply a scenario; what it does not find is an error here."""
        self._ask("scenario", steps)
        missed = json.loads(self._ask(""))["missed"]
        if missed:
            raise LookupError(missed)

    def set_fault(self, fault: dict[str, Any]) -> str:
        """Put a fault in force and return its id."""
        return json.loads(self._ask("faults", fault))["id"]

    def clear_fault(self, identity: str) -> None:
        self._ask(f"faults/{identity}", method="DELETE")

    def credentials_url(self) -> str:
        """Of the services that hand out temporary credentials."""
        return json.loads(self._ask(""))["credentials_url"]

    def set_credentials(self, **change: Any) -> None:
        self._ask("credentials", change)

    def set_access(self, **change: Any) -> None:
        self._ask("access", change)

    def _ask(self, path: str, document: Any = None, *, method: str | None = None) -> bytes:
        body = None if document is None else json.dumps(document).encode()
        status, answer = fetch(f"{self.control_url}/{path}", body=body, method=method)
        if status != 200:
            raise LookupError(f"{path}: {answer.decode()}")
        return answer


class Exporter:
    """An exporter on a port of its own, which it keeps when it starts again."""

    def __init__(self, name: str, config: dict[str, Any], folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._starts = 0
        self._process: Process | None = None
        self.config = config
        self.address = f"127.0.0.1:{free_port()}"
        self.file = folder / f"{name}.yaml"

    def start(self) -> None:
        """Start with the configuration as it is now."""
        self._starts += 1
        self.write()
        command = [sys.executable, "-m", "exporter", "--config.file", str(self.file)]
        command += ["--web.listen-address", self.address]
        output = self._folder / f"{self._name}-{self._starts}.log"
        self._process = Process(f"exporter {self._name}", command, output)
        self._process.until(lambda: answers(f"http://{self.address}/-/healthy"))

    def write(self) -> None:
        # JSON is YAML, and never has the anchors that the exporter refuses.
        text = json.dumps(self.config, ensure_ascii=False, indent=1)
        self.file.write_text(text, encoding="utf-8")

    def send(self, number: int) -> None:
        """Send it a signal."""
        if self._process is not None:
            self._process.send(number)

    def end(self) -> None:
        if self._process is not None:
            self._process.end()


@dataclass(frozen=True)
class Field:
    """Everything that a scenario may touch."""

    simulated: Simulated
    exporters: Mapping[str, Exporter]
    folder: Path
    faults: dict[str, str] = field(default_factory=dict)
    """Ids of those in force, by account."""


@contextmanager
def open_field(folder: Path) -> Iterator[Field]:
    """Start simulators and exporters, and end them all."""
    with ExitStack() as stack:
        troubled = stack.enter_context(_simulator("troubled", _troubled(), folder))
        healthy = stack.enter_context(_simulator("healthy", HEALTHY.options, folder))
        healthy.apply(list(HEALTHY.steps))
        rows = _by_role(troubled.config(), ACCOUNTS) | _by_role(healthy.config(), HEALTHY.accounts)
        exporters = {
            name: Exporter(name, configured(name, rows), folder)
            for name in sorted({account.exporter for account, _ in rows.values()})
        }
        for exporter in exporters.values():
            stack.callback(exporter.end)
            exporter.start()
        yield Field(troubled, exporters, folder)


def _troubled() -> dict[str, Any]:
    vendors = [account.vendor for account in ACCOUNTS]
    return {
        # Every task is one of a scenario's.
        "tasks": 0,
        "lively": False,
        "dezhu_accounts": vendors.count("dezhu"),
        "aliyun_accounts": vendors.count("aliyun"),
        "aliyun_instances": 1,
    }


@contextmanager
def _simulator(name: str, options: Mapping[str, Any], folder: Path) -> Iterator[Simulated]:
    def command(port: int) -> tuple[str, ...]:
        told = {"speed": SPEED, "control_listen": f"127.0.0.1:{port}", **options}
        return (sys.executable, "-m", "tests.e2e.simulating", json.dumps(told))

    with server(f"simulator-{name}", command, ready="/", folder=folder) as (_, url):
        yield Simulated(url)


def _by_role(
    config: Mapping[str, Any], accounts: tuple[Account, ...]
) -> dict[str, tuple[Account, dict[str, Any]]]:
    """What the exporter is told of each account, by the name that it has there."""
    rows = {row["name"]: row for row in config["accounts"]}
    return {account.name: (account, rows[account.simulated]) for account in accounts}
