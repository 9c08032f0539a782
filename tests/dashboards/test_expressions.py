"""Every query of every dashboard: it parses, and what it asks for exists."""

import re
from pathlib import Path

import prometheus_client
import pytest
import yaml

from exporter.families import FAMILIES
from exporter.telemetry import Telemetry
from tests.dashboards.boards import FILES, board
from tools.dashboards.expressions import expressions, panels
from tools.dashboards.promql import filled, problem, selectors

ROOT = Path(__file__).parents[2]
TARGET = {"job", "instance"}
TASK = {"platform", "account", "task_id", "task_name"}
# What Prometheus and the client library make themselves, with the labels that they have.
MADE_BY_OTHERS = {
    "up": set(),
    "scrape_samples_scraped": set(),
    "scrape_duration_seconds": set(),
    # With the labels of what they are about: a task, an account, or neither.
    "ALERTS": {"alertname", "alertstate", "severity", "area", "platform", "account"}
    | {"task_id", "task_name"},
    "ALERTS_FOR_STATE": {"alertname", "severity", "area", "platform", "account"}
    | {"task_id", "task_name"},
    "process_start_time_seconds": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_max_fds": set(),
}
LEVELS = {
    "task": TASK,
    "task_status": TASK | {"status"},
    "account": {"platform", "account"},
    "platform_status": {"platform", "status"},
}


def _recorded() -> dict[str, set[str]]:
    """Recorded series with the labels that their level promises."""
    found = {}
    for file in (ROOT / "prometheus" / "rules").glob("*.yml"):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                if name := rule.get("record"):
                    extra = {"job_status"} if "_task_jobs:" in name else set()
                    found[name] = LEVELS[name.partition(":")[0]] | extra
    return found


def _own() -> dict[str, set[str]]:
    """Self-metrics, as an account's first meter makes them."""
    found = {}
    for metric in Telemetry().registry.collect():
        counters = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        for suffix in counters.get(metric.type, ("",)):
            found[metric.name + suffix] = _labels(metric)
    return found


def _labels(metric: prometheus_client.Metric) -> set[str]:
    account = {"platform", "account"}
    extra = {
        "outbound_exporter_build_info": {"version", "pythonversion"},
        "outbound_exporter_api_requests": account | {"operation"},
        "outbound_exporter_api_failures": account | {"operation", "reason", "code"},
        "outbound_exporter_api_retries": account | {"operation"},
        "outbound_exporter_api_throttled": account | {"operation"},
        "outbound_exporter_api_request_duration_seconds": account | {"operation", "le"},
        "outbound_exporter_api_budget_requests_per_second": account,
        "outbound_exporter_api_budget_remaining": account | {"window"},
        "outbound_exporter_polls_skipped": account | {"tier"},
        "outbound_exporter_unknown_values": account | {"field"},
    }
    return extra.get(metric.name, set())


KNOWN = {
    **MADE_BY_OTHERS,
    **{family.name: set(family.label_names) for family in FAMILIES},
    **_own(),
    **_recorded(),
}


@pytest.mark.parametrize("file", FILES)
def test_every_expression_parses(file):
    found = list(expressions(board(file)))

    assert len(found) > 40
    assert [wrong for one in found if (wrong := problem(filled(one.text)))] == []


@pytest.mark.parametrize("file", FILES)
def test_every_metric_and_label_exists(file):
    for expression in expressions(board(file)):
        for selector in selectors(expression.text):
            assert selector.metric in KNOWN, expression.where
            labels = KNOWN[selector.metric] | TARGET
            assert set(selector.matchers) <= labels, expression.where


@pytest.mark.parametrize("file", FILES)
def test_an_aggregation_keeps_only_labels_that_are_there(file):
    for expression in expressions(board(file)):
        inside = selectors(expression.text)
        for kept in {kept for selector in inside for kept in selector.kept}:
            there = [KNOWN[one.metric] | TARGET for one in inside if kept in one.kept]
            assert set(kept) <= {"title"}.union(*there), expression.where


@pytest.mark.parametrize("file", FILES)
def test_rates_and_increases_are_taken_of_counters_alone(file):
    rated = [
        selector.metric
        for expression in expressions(board(file))
        for selector in selectors(expression.text)
        if selector.function in {"rate", "irate", "increase", "delta", "deriv"}
    ]

    assert all(re.search(r"_(total|bucket|sum|count)$", metric) for metric in rated)
    assert bool(rated) == file.endswith("exporter.json")


@pytest.mark.parametrize("file", FILES)
def test_every_variable_that_is_used_is_there_and_every_one_that_is_there_is_used(file):
    document = board(file)
    there = {one["name"] for one in document["templating"]["list"]}
    texts = [one.text for one in expressions(document)]

    used = {name for text in texts for name in re.findall(r"\$([a-z_]\w*)", text)}

    assert used - {"__rate_interval"} == there - {"datasource"}


@pytest.mark.parametrize("file", FILES)
def test_lists_of_tasks_are_limited(file):
    for one in panels(board(file)):
        if one["type"] == "bargauge":
            assert all("topk(" in target["expr"] for target in one["targets"])
        if one["type"] == "table":
            assert any(step["id"] == "limit" for step in one["transformations"])
