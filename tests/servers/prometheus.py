"""A real Prometheus for tests."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.servers.process import START_SECONDS, Process, fetch, server


class QueryError(Exception):
    """Prometheus refused a request; the message holds its error."""


@dataclass(frozen=True)
class Answer:
    """What a query gave: its series, and what Prometheus remarks about the query."""

    result: list[dict[str, Any]]
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)

    def values(self) -> list[float]:
        """The value of each series of an instant query."""
        return [float(series["value"][1]) for series in self.result]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    process: Process

    def query(self, expression: str, *, time: float | None = None) -> Answer:
        """Evaluate now, or at an epoch second."""
        asked = {"query": expression} | ({} if time is None else {"time": f"{time:.3f}"})
        return self._answer("query", asked)

    def query_range(self, expression: str, *, start: float, end: float, step: float) -> Answer:
        """Evaluate over a range of epoch seconds."""
        return self._answer(
            "query_range",
            {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)},
        )

    def rules(self) -> list[dict[str, Any]]:
        """Every rule of every group: its health, last error, and its alerts now."""
        groups = self._data("rules")["groups"]
        return [rule | {"group": group["name"]} for group in groups for rule in group["rules"]]

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that are pending or firing."""
        return self._data("alerts")["alerts"]

    def targets(self) -> list[dict[str, Any]]:
        """Scrape targets with their health and last error."""
        return self._data("targets")["activeTargets"]

    def reload(self) -> None:
        """Read the configuration and the rules again.

        Raises:
            QueryError: They are not well.
        """
        status, body = fetch(f"{self.url}/-/reload", method="POST")
        if status != 200:
            raise QueryError(f"reload: {status} {body.decode()}")

    def until(self, expression: str, *, within: float = START_SECONDS) -> Answer:
        """Wait until a query has a result, and return it.

        Raises:
            ServerError: It takes longer than so many seconds, or Prometheus has ended.
        """
        found: list[Answer] = []

        def there() -> bool:
            answer = self.query(expression)
            found.append(answer)
            return bool(answer.result)

        self.process.until(there, within=within)
        return found[-1]

    def until_scraped(self, *, within: float = START_SECONDS) -> None:
        """Wait for the first scrape of every target, which comes 5 to 6 seconds after a start.

        Raises:
            ServerError: It takes longer, or Prometheus has ended.
        """

        def scraped() -> bool:
            targets = self.targets()
            return bool(targets) and all(one["health"] != "unknown" for one in targets)

        self.process.until(scraped, within=within)

    def _answer(self, path: str, asked: Mapping[str, str]) -> Answer:
        document = self._document(path, asked)
        return Answer(
            result=document["data"]["result"],
            warnings=document.get("warnings", []),
            infos=document.get("infos", []),
        )

    def _data(self, path: str) -> Any:
        return self._document(path, {})["data"]

    def _document(self, path: str, asked: Mapping[str, str]) -> Any:
        query = f"?{urlencode(asked)}" if asked else ""
        status, body = fetch(f"{self.url}/api/v1/{path}{query}")
        document = json.loads(body)
        if status != 200:
            raise QueryError(f"{path} {dict(asked)}: {document.get('error')}")
        return document


@contextmanager
def prometheus(
    binary: str,
    config: str,
    *,
    folder: Path,
    rules: Mapping[str, str] | None = None,
    data: Path | None = None,
    flags: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """Run a Prometheus for as long as the block lasts.

    Args:
        binary: Program.
        config: Text of `prometheus.yml`; `rule_files` are found relative to it.
        folder: For its files; made if it is not there.
        rules: Texts of rule files by the name under which the configuration asks for them.
        data: Its data directory, for one that is filled already; one below `folder` if left out.
        flags: More of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (rules or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    written = folder / "prometheus.yml"
    written.write_text(config, encoding="utf-8")

    def command(port: int) -> Sequence[str]:
        return (
            binary,
            f"--config.file={written}",
            f"--storage.tsdb.path={data or folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            # An alert that fires before Prometheus knows its Alertmanager, which takes 5 seconds,
            # is lost, and sent again only after this, a minute by default. Four times as long
            # Alertmanager believes in an alert that it hears no more of, on a busy machine too.
            "--rules.alert.resend-delay=10s",
            *flags,
        )

    with server("prometheus", command, ready="/-/ready", folder=folder) as (process, url):
        yield Prometheus(url, process)
