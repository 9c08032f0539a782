"""A Prometheus with all rules, its Alertmanager and a webhook, for one version."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.periods import SCRAPE_INTERVAL, THRESHOLDS
from tests.servers.alertmanager import Alertmanager, Webhook, alertmanager, webhook
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.versions import Version
from tools.rules import rule_files

SHIPPED = Path(__file__).parents[2] / "prometheus" / "alertmanager.yml"


@dataclass(frozen=True)
class Stack:
    """The servers of one version."""

    version: Version
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


@contextmanager
def stack(version: Version, targets: Mapping[str, str], folder: Path) -> Iterator[Stack]:
    """Start the servers of a version, which scrape the exporters each "minute".

    Args:
        version: Of the programs.
        targets: Addresses of the exporters by the name that they get as a label.
        folder: For their files.
    """
    with webhook() as hook:
        routes = notifying(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")), hook.url)
        with alertmanager(version.alertmanager, yaml.safe_dump(routes), folder=folder) as notifier:
            config = yaml.safe_dump(_scraping(targets, notifier.url.removeprefix("http://")))
            rules = rule_files(THRESHOLDS)
            with prometheus(version.prometheus, config, folder=folder, rules=rules) as running:
                running.until_scraped()
                yield Stack(version, running, notifier, hook)


def notifying(shipped: Mapping[str, Any], url: str) -> dict[str, Any]:
    """The configuration that we ship, at the test's speed and with all receivers at one webhook.

    Routes, grouping and inhibition stay as they are. Holidays and working hours go: the proof holds
    on any day.
    """
    changed = {key: value for key, value in shipped.items() if key != "templates"}
    changed["route"] = _hastened(shipped["route"])
    changed["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": url, "send_resolved": True}]}
        for receiver in shipped["receivers"]
    ]
    return changed


def _hastened(route: Mapping[str, Any]) -> dict[str, Any]:
    timed = {"active_time_intervals", "mute_time_intervals"}
    changed = {key: value for key, value in route.items() if key not in timed}
    changed |= {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
    if "routes" in route:
        changed["routes"] = [_hastened(below) for below in route["routes"]]
    return changed


def _scraping(targets: Mapping[str, str], notifier: str) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": SCRAPE_INTERVAL},
        "rule_files": list(rule_files(THRESHOLDS)),
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [notifier]}]}]},
        "scrape_configs": [
            {
                "job_name": THRESHOLDS.job,
                "static_configs": [
                    {"targets": [address], "labels": {"exporter": name}}
                    for name, address in targets.items()
                ],
            }
        ],
    }
