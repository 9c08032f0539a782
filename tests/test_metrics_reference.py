"""The table of families against the contract, and docs/metrics.md against the table."""

import re
from pathlib import Path

import pytest

from exporter.domain import (
    Info,
    Progress,
    Redial,
    Schedule,
    Scope,
    Settings,
    Status,
    Task,
    Tier,
    Window,
)
from exporter.errors import Reason
from exporter.families import FAMILIES, ClockView
from exporter.metrics_reference import main, reference
from exporter.rendering import Renderer, task_labels
from exporter.sources.aliyun.job_group import STATUSES as ALIYUN_STATUSES
from exporter.sources.dezhu.parse import STATUSES as DEZHU_STATUSES
from exporter.telemetry import Telemetry
from tests.fakes import finished

DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"

A = ("platform", "account")
T = (*A, "task_id", "task_name")
S = (*T, "status")
INFO = (
    *("task_type", "skill_group_id", "skill_group_name", "number_group_id", "dialing_strategy"),
    *("instance_id", "instance_name", "script_id", "script_name", "script_version", "priority"),
)

# Written by hand from the contract of metrics; a change here is a change for users.
CONTRACT = {
    "progress": {
        "outbound_task_info": (*S, *INFO),
        "outbound_task_customers": S,
        "outbound_task_completed_customers": S,
        "outbound_task_connected_customers": S,
        "outbound_task_jobs": (*S, "job_status"),
        "outbound_task_calls": S,
        "outbound_task_reported_progress_ratio": S,
        "outbound_task_reported_connected_ratio": S,
    },
    "schedule": {
        "outbound_task_start_timestamp_seconds": T,
        "outbound_task_end_timestamp_seconds": T,
        "outbound_task_created_timestamp_seconds": T,
        "outbound_task_modified_timestamp_seconds": T,
        "outbound_task_calling_window_open": T,
        "outbound_task_calling_remaining_seconds": T,
    },
    "settings": {
        "outbound_task_max_ringing_seconds": T,
        "outbound_task_after_call_work_seconds": T,
        "outbound_task_dialing_multiplier": T,
        "outbound_task_target_abandonment_ratio": T,
        "outbound_task_caller_display_strategy_enabled": T,
        "outbound_task_redial_enabled": (*T, "batch"),
        "outbound_task_redial_interval_seconds": (*T, "batch"),
        "outbound_task_redial_max_attempts": (*T, "batch"),
        "outbound_task_max_attempts_per_day": T,
        "outbound_task_min_attempt_interval_seconds": T,
        "outbound_task_recall_ignored": (*T, "reason"),
        "outbound_task_repeatable": T,
        "outbound_task_calling_numbers": T,
        "outbound_task_recall_calling_numbers": T,
        "outbound_task_min_concurrency": T,
    },
    "agents": {"outbound_task_agent_assigned_customers": (*T, "agent_id")},
    "concurrency": {
        "outbound_task_concurrency": T,
        "outbound_task_concurrency_limit": T,
        "outbound_instance_concurrency": (*A, "instance_id", "instance_name"),
        "outbound_instance_concurrency_limit": (*A, "instance_id", "instance_name"),
        "outbound_account_concurrency_limit": A,
        "outbound_account_concurrency_remaining": A,
    },
    "account": {
        "outbound_account_up": A,
        "outbound_instance_up": (*A, "instance_id", "instance_name"),
        "outbound_account_collector_up": (*A, "collector"),
        "outbound_account_failure": (*A, "reason"),
        "outbound_account_credential_expiry_timestamp_seconds": A,
        "outbound_account_clock_offset_seconds": A,
        "outbound_account_refresh_interval_seconds": (*A, "tier"),
        "outbound_account_configured_refresh_interval_seconds": (*A, "tier"),
        "outbound_account_details_outstanding": A,
        "outbound_account_unclassified_tasks": A,
        "outbound_account_last_success_timestamp_seconds": (*A, "tier"),
        "outbound_account_poll_duration_seconds": (*A, "tier"),
        "outbound_account_tasks": (*A, "status"),
        "outbound_account_dropped_tasks": (*A, "reason"),
    },
}

OPERATION = (*A, "operation")
SELF_CONTRACT = {
    "outbound_exporter_build_info": ("version", "pythonversion"),
    "outbound_exporter_config_last_reload_successful": (),
    "outbound_exporter_config_last_reload_success_timestamp_seconds": (),
    "outbound_exporter_exposition_bytes": (),
    "outbound_exporter_exposition_series": (),
    "outbound_exporter_api_requests_total": OPERATION,
    "outbound_exporter_api_failures_total": (*OPERATION, "reason", "code"),
    "outbound_exporter_api_retries_total": OPERATION,
    "outbound_exporter_api_throttled_total": OPERATION,
    "outbound_exporter_api_request_duration_seconds": OPERATION,
    "outbound_exporter_api_budget_requests_per_second": A,
    "outbound_exporter_api_budget_remaining": (*A, "window"),
    "outbound_exporter_polls_skipped_total": (*A, "tier"),
    "outbound_exporter_unknown_values_total": (*A, "field"),
}

NOT_BASE_UNITS = {
    *("milliseconds", "ms", "minutes", "hours", "days", "date", "time"),
    *("percent", "percentage", "kilobytes", "kb", "megabytes", "mb"),
}


def test_the_table_holds_the_families_of_the_contract_with_exactly_their_labels():
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for family in FAMILIES:
        table.setdefault(family.collector.value, {})[family.name] = family.label_names

    assert table == CONTRACT


def test_names_are_unique():
    names = [family.name for family in FAMILIES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_follows_the_conventions(family):
    assert re.fullmatch(r"outbound_(task|account|instance)_[a-z_]+[a-z]", family.name)
    assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_created"))
    assert not set(family.name.split("_")) & NOT_BASE_UNITS
    assert not ("timestamp" in family.name and not family.name.endswith("_timestamp_seconds"))
    assert len(set(family.label_names)) == len(family.label_names)
    assert all(re.fullmatch("[a-z_]+", label) for label in family.label_names)
    assert not set(family.label_names) & {"job", "instance", "le", "quantile"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_help_is_a_sentence_that_needs_no_escaping(family):
    assert family.help[0].isupper() or family.help[0].isdigit()
    assert family.help.endswith(".")
    assert not set(family.help) & set("\"'\\\n|")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_help_of_a_campaign_names_the_fields_of_the_vendors_and_says_that_they_are_polled(family):
    if family.collector == "account":
        return
    assert "poll" in family.help.lower()
    if family.name == "outbound_task_info":
        return
    for vendor, fields in (("Dezhu", family.dezhu), ("Alibaba", family.aliyun)):
        if fields and not fields.startswith("as "):
            assert vendor in family.help


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_stands_for_something_at_a_vendor(family):
    assert family.dezhu or family.aliyun
    assert "|" not in family.dezhu + family.aliyun


def test_the_self_metrics_are_those_of_the_contract():
    telemetry = Telemetry()
    meter = telemetry.account(platform="p", name="a", operations=("o",), codes={"c": Reason.AUTH})
    meter.show()
    meter.unknown("f")
    meter.budget(rate=1, remaining={"second": 1})
    found = {}
    for metric in telemetry.registry.collect():
        if metric.name.startswith("outbound_"):
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            found[name] = tuple(label for label in metric.samples[0].labels if label != "le")
            assert metric.documentation.endswith(".")
            assert not set(metric.documentation) & set("\"'\\\n|")

    assert found == SELF_CONTRACT


def test_the_document_is_current():
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), "run make docs"


def test_the_document_names_every_metric_once_in_a_table():
    rows = re.findall(r"^\| `(outbound_\w+)` \|", reference(), flags=re.MULTILINE)

    expected = [name for families in CONTRACT.values() for name in families] + list(SELF_CONTRACT)
    assert sorted(rows) == sorted(expected)


def test_every_table_row_has_as_many_cells_as_its_head():
    cells = 0
    for line in reference().splitlines():
        if line.startswith("|"):
            cells = cells or line.count(" | ")
            assert line.count(" | ") == cells, line
        else:
            cells = 0


def test_the_status_table_tells_what_the_sources_do():
    dezhu = {status: str(number) for number, status in DEZHU_STATUSES.items()}
    aliyun = {status: name for name, status in ALIYUN_STATUSES.items()}
    for status in Status:
        other = "any other" if status is Status.UNKNOWN else "-"
        cells = f"{dezhu.get(status, other)} | {aliyun.get(status, other)} |"
        assert re.search(
            rf"^\| `{status.value}` \| \w+ \| {re.escape(cells)}$", reference(), re.MULTILINE
        )


def test_the_label_values_are_named():
    text = reference()

    assert all(f"`{tier.value}`" in text for tier in Tier)
    assert all(f"`{reason.value}`" in text for reason in Reason)


def _series(task: Task, *, platform: str) -> int:
    renderer = Renderer(
        platform=platform, account="a", collect=("progress", "schedule", "settings")
    )
    view = ClockView(window_open=True, remaining=1.0)
    labels = [task_labels(task.id, task.name)]
    scope = Scope(id="i", name="n")
    lines = (finished(renderer.tasks(scope, [task], labels)), renderer.clock([view], labels))
    return sum(text.samples for part in lines for text in part.values())


def test_the_document_counts_the_series_of_a_dezhu_task():
    task = Task(
        id="1",
        name="n",
        status=Status.RUNNING,
        progress=Progress(
            customers=3, completed=2, connected=1, reported_progress=0.5, reported_connected=0.5
        ),
        schedule=Schedule(zone="UTC", start=1.0, end=2.0, windows=(Window(0, 10),)),
        settings=Settings(
            max_ringing=30.0,
            after_call_work=5.0,
            dialing_multiplier=2.0,
            caller_display_strategy=True,
            redial=(Redial("a", True, 300.0, 2), Redial("b", True, 300.0, 2)),
        ),
    )

    series = _series(task, platform="dezhu") - 2 * 3

    sentence = f"a Dezhu task has at most {series} series and 3 for each batch"
    assert sentence in " ".join(reference().split())


def test_the_document_counts_the_series_of_a_job_group():
    task = Task(
        id="1",
        name="n",
        status=Status.RUNNING,
        info=Info(script_id="s"),
        progress=Progress(
            customers=9,
            completed=8,
            calls=7,
            executing=5,
            failed=4,
            scheduling=3,
            paused=2,
            cancelled=1,
        ),
        schedule=Schedule(zone="UTC", start=1.0, end=2.0, windows=(Window(0, 10),)),
        settings=Settings(
            max_ringing=30.0,
            max_attempts_per_day=3,
            min_attempt_interval=60.0,
            recall_ignored=(
                ("empty_number", True),
                ("in_arrears", True),
                ("out_of_service", False),
            ),
            repeatable=False,
            calling_numbers=2,
            recall_calling_numbers=1,
            min_concurrency=5,
        ),
        created=1.0,
        modified=1.0,
    )

    series = _series(task, platform="aliyun")

    assert f"an Alibaba job group {series}." in " ".join(reference().split())


def test_check_accepts_what_was_written(tmp_path, capsys):
    file = tmp_path / "metrics.md"

    assert main([str(file)]) == 0
    assert main(["--check", str(file)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [None, "", "# Metrics\n"])
def test_check_refuses_another_text_with_one_line_that_says_what_to_do(tmp_path, capsys, content):
    file = tmp_path / "metrics.md"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    assert main(["--check", str(file)]) == 1
    assert capsys.readouterr().err == f"{file} is not current: run make docs\n"
    assert file.exists() == (content is not None)


def test_the_exporter_counts_the_samples_of_an_operation_as_the_document_says():
    telemetry = Telemetry()
    meter = telemetry.account(platform="p", name="a", operations=("o",), codes={"c": Reason.AUTH})
    meter.show()
    samples = [
        sample.name
        for metric in telemetry.registry.collect()
        for sample in metric.samples
        if sample.labels.get("operation") == "o" and "code" not in sample.labels
    ]

    assert f"for each account and operation {len(samples)} series" in " ".join(reference().split())
