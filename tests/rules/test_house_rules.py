"""What each rule must keep to, beyond being valid: names, labels, texts, windows."""

import re

import promql_parser as promql
import pytest

from exporter.families import FAMILIES, Labels
from tests.rules.labels import labels_of, parts, recorded
from tests.rules.promtool import (
    ALERT_FILES,
    RECORDING_FILE,
    RULES,
    alerts,
    both_generations,
    records,
    rules,
    run,
)

ALERTS = [pytest.param(rule, id=rule["alert"]) for rule in alerts()]
RECORDS = [pytest.param(rule, id=rule["record"]) for rule in records()]
ALL = [*ALERTS, *RECORDS]
WITH_STATUS = {family.name for family in FAMILIES if family.labels is Labels.TASK_STATUS}
COMPARISONS = {">", "<", ">=", "<=", "==", "!="}
SCRAPE_SECONDS = 30
TEMPLATE = re.compile(r"\$labels\.(\w+)|\$value")

# Dashboards, and rules of users, are built on these names: a change here is a change for users.
NAMES = {
    *(f"task:outbound_task_{name}:max" for name in ("customers", "completed_customers", "calls")),
    "task:outbound_task_connected_customers:max",
    "task:outbound_task_ended_customers:max",
    "task:outbound_task_failed_jobs:max",
    "task:outbound_task_jobs:max",
    "task:outbound_task_reported_progress_ratio:max",
    "task:outbound_task_reported_connected_ratio:max",
    "task_status:outbound_task_info:max",
    "task:outbound_task_calling_window_open:paused",
    "task:outbound_task_remaining_customers:sum",
    "task:outbound_task_progress:ratio",
    "task:outbound_task_connected_customers:ratio",
    "task:outbound_task_failed_jobs:ratio",
    "task:outbound_task_completed_customers:delta1h",
    "task:outbound_task_connected_customers:delta1h",
    "task:outbound_task_failed_jobs:delta1h",
    "task:outbound_task_calls:delta1h",
    "task:outbound_task_failed_jobs:ratio1h",
    "task:outbound_task_connected_customers:ratio1h",
    "task:outbound_task_completed_customers:rate30m",
    "task:outbound_task_connected_customers:rate30m",
    "task:outbound_task_calls:rate30m",
    "task:outbound_task_ended_customers:last_rate30m",
    "task:outbound_task_expected_seconds:ratio",
    "task:outbound_task_expected_per_remaining_seconds:ratio",
    "account:outbound_task_customers:sum",
    "account:outbound_task_completed_customers:sum",
    "account:outbound_task_connected_customers:sum",
    "account:outbound_task_remaining_customers:sum",
    "account:outbound_task_calls:sum",
    "account:outbound_task_jobs:sum",
    "account:outbound_task_completed_customers:delta1h",
    "account:outbound_task_connected_customers:delta1h",
    "account:outbound_task_failed_jobs:delta1h",
    "platform_status:outbound_account_tasks:sum",
}


def seconds(text: str) -> float:
    return float(promql.parse_duration(text).total_seconds())


@both_generations
def test_promtool_finds_nothing_to_say(promtool: str) -> None:
    files = [str(RULES / name) for name in (RECORDING_FILE, *ALERT_FILES)]

    output = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *files)

    assert output.count("SUCCESS") == len(files)


def test_the_names_that_others_build_on_are_there() -> None:
    assert {rule["record"] for rule in records()} == NAMES


@pytest.mark.parametrize("rule", ALL)
def test_every_metric_and_label_exists_and_both_sides_can_match(rule: dict[str, str]) -> None:
    labels = labels_of(rule["expr"])

    assert {"job", "instance"} <= labels.sometimes


def test_a_label_that_does_not_exist_is_found() -> None:
    with pytest.raises(AssertionError, match="has no label"):
        labels_of('outbound_account_up{task_id="7"}')
    with pytest.raises(AssertionError, match="never matches"):
        labels_of("outbound_task_customers and outbound_account_up")


@pytest.mark.parametrize("rule", ALL)
def test_gauges_of_a_vendor_are_never_taken_for_counters(rule: dict[str, str]) -> None:
    for call in (part for part in parts(rule["expr"]) if isinstance(part, promql.Call)):
        for selector in (arg for arg in call.args if isinstance(arg, promql.MatrixSelector)):
            counter = selector.vector_selector.name.endswith("_total")
            assert (call.func.name in {"rate", "increase", "irate", "resets"}) == counter


@pytest.mark.parametrize("rule", ALL)
def test_windows_hold_at_least_two_scrapes(rule: dict[str, str]) -> None:
    for part in parts(rule["expr"]):
        if isinstance(part, promql.MatrixSelector | promql.SubqueryExpr):
            assert part.range.total_seconds() >= 2 * SCRAPE_SECONDS


@pytest.mark.parametrize("rule", RECORDS)
def test_a_recorded_name_is_level_metric_operation(rule: dict[str, str]) -> None:
    level, metric, operation = rule["record"].split(":")
    labels = recorded()[rule["record"]]

    assert level in {"task", "task_status", "account", "platform_status"}
    assert ("status" in labels) == level.endswith("status")
    assert ("task_id" in labels) == level.startswith("task")
    assert ("account" in labels) == (not level.startswith("platform"))
    assert re.fullmatch(r"outbound_(task|account)_[a-z_]+", metric)
    assert re.fullmatch(r"max|sum|ratio|paused|(delta|ratio)1h|(last_)?rate30m", operation)


@pytest.mark.parametrize("rule", ALL)
def test_no_alert_and_no_window_is_put_on_a_series_that_ends_with_its_status(
    rule: dict[str, str],
) -> None:
    raw = {part.name for part in parts(rule["expr"]) if isinstance(part, promql.VectorSelector)}
    if raw & WITH_STATUS:
        whole = promql.parse(rule["expr"])
        assert isinstance(whole, promql.AggregateExpr)
        assert "status" in whole.modifier.labels or "status:" in rule["record"]


def test_no_two_rules_are_the_same() -> None:
    keys = [rule["alert"] for rule in alerts()]
    keys += [f"{rule['record']} {rule.get('labels')}" for rule in records()]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", [RECORDING_FILE, *ALERT_FILES])
def test_groups_are_evaluated_at_least_every_five_minutes(name: str) -> None:
    for group in rules(name)["groups"]:
        assert seconds(group.get("interval", "1m")) <= 300


@pytest.mark.parametrize("rule", ALERTS)
def test_an_alert_compares_something(rule: dict[str, str]) -> None:
    found = parts(rule["expr"])

    assert any(isinstance(p, promql.BinaryExpr) and str(p.op) in COMPARISONS for p in found)


@pytest.mark.parametrize("rule", ALERTS)
def test_only_the_exporter_itself_alerts_on_what_is_absent(rule: dict[str, str]) -> None:
    assert ("absent" in rule["expr"]) == (rule["alert"] == "OutboundExporterDown")


@pytest.mark.parametrize("rule", ALERTS)
def test_an_alert_waits_for_two_scrapes(rule: dict[str, str]) -> None:
    assert seconds(rule["for"]) >= 2 * SCRAPE_SECONDS


@pytest.mark.parametrize("rule", ALERTS)
def test_a_gap_in_the_data_resolves_nothing(rule: dict[str, str]) -> None:
    # A gap in its data is what this one tells of.
    is_the_gap = rule["alert"] == "OutboundExporterDown"

    assert rule.get("keep_firing_for") == (None if is_the_gap else "15m")


@pytest.mark.parametrize("rule", ALERTS)
def test_an_alert_says_how_bad_it_is_and_for_whom(rule: dict[str, dict[str, str]]) -> None:
    labels = rule["labels"]

    assert labels.keys() == {"severity", "area"}
    assert labels["severity"] in {"critical", "warning", "info"}
    assert not any("{{" in value for value in labels.values())


def test_the_area_of_an_alert_is_that_of_its_file() -> None:
    for name, area in zip(ALERT_FILES, ("jobs", "trust"), strict=True):
        for group in rules(name)["groups"]:
            assert {rule["labels"]["area"] for rule in group["rules"]} == {area}


@pytest.mark.parametrize("rule", ALERTS)
def test_an_alert_is_explained_in_both_languages(rule: dict[str, dict[str, str]]) -> None:
    texts = rule["annotations"]

    assert texts.keys() == {
        *("summary", "description", "summary_zh", "description_zh", "runbook_url")
    }
    assert re.fullmatch(r"[A-Z][^{}]+\.", texts["summary"])
    assert re.fullmatch(r"[^{}]+。", texts["summary_zh"])
    assert re.search(r"[\u4e00-\u9fff]", texts["summary_zh"])
    assert texts["description"].endswith(".")
    assert texts["description_zh"].endswith("。")
    for text in (texts["description"], texts["description_zh"]):
        assert "{{ $labels." in text
    assert set(TEMPLATE.findall(texts["description"])) == set(
        TEMPLATE.findall(texts["description_zh"])
    )


@pytest.mark.parametrize("rule", ALERTS)
def test_a_text_names_only_labels_that_the_query_keeps(rule: dict[str, dict[str, str]]) -> None:
    labels = labels_of(str(rule["expr"]))
    for text in rule["annotations"].values():
        perhaps = set(re.findall(r"with \$labels\.(\w+)", text))
        assert perhaps <= labels.sometimes
        assert set(re.findall(r"\$labels\.(\w+)", text)) - perhaps <= labels.always


@pytest.mark.parametrize("rule", ALERTS)
def test_the_status_is_a_label_only_where_it_is_the_condition(rule: dict[str, str]) -> None:
    is_condition = rule["alert"] in {"OutboundTaskFailed", "OutboundTaskStuckInitializing"}

    assert ("status" in labels_of(rule["expr"]).sometimes) == is_condition
