"""The files that are brought along for Prometheus, Alertmanager, Grafana and Compose."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "prometheus"
SAMPLE = PROMETHEUS / "alertmanager.yml"
ROBOTS = PROMETHEUS / "alertmanager-robots.yml"
DEMO = PROMETHEUS / "alertmanager-demo.yml"
TEMPLATES = PROMETHEUS / "templates"
RULES = PROMETHEUS / "rules"
PROVISIONING = ROOT / "grafana" / "provisioning"
DASHBOARDS = ROOT / "grafana" / "dashboards"
COMPOSE = ROOT / "compose.yaml"
REAL = ROOT / "compose.real.yaml"

Service = dict[str, Any]


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def alerts() -> dict[str, dict[str, str]]:
    """The labels that each alert of the rules sets, by its name."""
    groups = [group for file in sorted(RULES.glob("*.yml")) for group in loaded(file)["groups"]]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["alert"]: rule["labels"] for rule in rules}


def services(*files: Path, environ: Mapping[str, str] | None = None) -> dict[str, Service]:
    """The services as Compose puts them together: later files over earlier ones."""
    merged: dict[str, Service] = {}
    for file in files:
        text = _interpolated(file.read_text(encoding="utf-8"), environ or {})
        for name, service in yaml.safe_load(text)["services"].items():
            merged[name] = _over(merged.get(name, {}), service)
    return merged


def mounts(service: Service) -> dict[str, tuple[str, str]]:
    """Source and mode by the path in the container."""
    found = {}
    for row in service.get("volumes", []):
        source, target, mode = [*row.split(":"), "rw"][:3]
        found[target] = (source, mode)
    return found


def on_host(service: Service, path: str) -> Path:
    """The file of the repository that a container sees at a path."""
    for target, (source, _) in mounts(service).items():
        if source.startswith("./") and PurePosixPath(path).is_relative_to(target):
            return ROOT / source / PurePosixPath(path).relative_to(target)
    raise LookupError(path)


def _interpolated(text: str, environ: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda one: environ.get(one[1]) or one[2], text)


def _over(base: Service, more: Service) -> Service:
    """Mappings key by key, volumes by their place in the container, anything else replaced."""
    merged = base | more
    merged["environment"] = base.get("environment", {}) | more.get("environment", {})
    by_target = {
        row.split(":")[1]: row for row in [*base.get("volumes", ()), *more.get("volumes", ())]
    }
    merged["volumes"] = list(by_target.values())
    return merged
