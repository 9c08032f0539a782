"""Colours and counts change where the alerts fire."""

import json
from dataclasses import fields, replace

import pytest

from tests.dashboards.boards import board, panel
from tools.dashboards.expressions import panels
from tools.dashboards.files import dashboard_files
from tools.thresholds import Limits, Thresholds

LIMITS = Limits()
# Panel, the query or field whose colours change (empty: all), and the limits where they do.
THRESHOLDS = [
    ("overview", "Failed jobs (Alibaba)", "B", ["failed_share", "failed_share_critical"]),
    ("overview", "Connected ratio (Dezhu)", "C", ["connected_share_of_past"]),
    (
        "overview",
        "Calling time needed ÷ left, highest",
        "",
        ["expected_per_remaining"],
    ),
    ("overview", "Campaigns", "Value #G", ["failed_share", "failed_share_critical"]),
    ("overview", "Campaigns", "Value #J", ["expected_per_remaining"]),
    ("task", "Expected finish", "C", ["expected_per_remaining"]),
    ("task", "Calling time needed ÷ left", "", ["expected_per_remaining"]),
    ("exporter", "Clock offset", "", ["clock_offset_seconds"]),
    ("exporter", "Temporary credentials expire in", "", ["credential_seconds"]),
    ("exporter", "Throttled and retried calls", "", ["throttled_share"]),
    ("exporter", "Age in intervals", "", ["refresh_intervals"]),
    ("exporter", "Interval in force ÷ configured", "", ["interval_stretched"]),
    ("exporter", "Polls skipped in 30m", "", ["polls_skipped"]),
]


def _steps(document: dict, title: str, field: str) -> list[float]:
    (found,) = (
        one
        for one in panels(document)
        if one["title"] == title and (one["type"] == "table") == field.startswith("Value")
    )
    config = found["fieldConfig"]
    thresholds = config["defaults"]["thresholds"]
    if field:
        thresholds = next(
            prop["value"]
            for one in config["overrides"]
            if one["matcher"]["options"] == field
            for prop in one["properties"]
            if prop["id"] == "thresholds"
        )
    return [step["value"] for step in thresholds["steps"]]


@pytest.mark.parametrize(("name", "title", "field", "limits"), THRESHOLDS)
def test_colours_change_where_the_alerts_fire(name, title, field, limits):
    steps = _steps(board(f"en/{name}.json"), title, field)

    assert {getattr(LIMITS, limit) for limit in limits} <= set(steps)


@pytest.mark.parametrize(("name", "title", "field", "limits"), THRESHOLDS)
def test_colours_follow_the_limits(name, title, field, limits):
    doubled = replace(LIMITS, **{limit: getattr(LIMITS, limit) * 2 for limit in limits})
    files = dashboard_files(Thresholds(limits=doubled))

    steps = _steps(json.loads(files[f"en/{name}.json"]), title, field)

    assert {getattr(doubled, limit) for limit in limits} <= set(steps)


def test_counts_follow_the_limits_that_they_are_compared_with():
    doubled = Limits(**{f.name: getattr(LIMITS, f.name) * 2 for f in fields(Limits)})
    document = json.loads(dashboard_files(Thresholds(limits=doubled))["en/overview.json"])

    behind = panel(document, "Behind schedule")["targets"][0]["expr"]
    stale = panel(document, "Monitoring")["targets"][1]["expr"]

    assert f"> {doubled.expected_per_remaining:g}" in behind
    assert f"> {doubled.refresh_intervals:g} * " in stale
    assert stale.endswith(f"+ {doubled.refresh_slack_seconds:g}) or vector(0)")
