"""Every query of every dashboard, asked of real servers that scrape the real exporter.

The demo runs with every collector on and dials fast. The rules have periods of seconds; what
stands for half an hour is over before a person notices.
"""

import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.dashboards.boards import FILES, board
from tests.servers.process import server
from tests.servers.prometheus import Answer, Prometheus, prometheus
from tests.servers.versions import NEXT, STABLE, VERSIONS, Version
from tools.dashboards.expressions import Expression, expressions, panels
from tools.dashboards.promql import filled
from tools.rules import rule_files
from tools.thresholds import Periods, Thresholds

pytestmark = pytest.mark.timeout(120)

PERIODS = Periods().scaled(1 / 450)  # half an hour is 4 seconds
RATE_INTERVAL = "8s"
WITHIN = 45.0
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["*.yml.rules"]
scrape_configs:
  - {{job_name: outbound-exporter, static_configs: [{{targets: ["{target}"]}}]}}
"""
# So that there is something to annotate: an alert on an account, and one on a task.
ALWAYS = """
groups:
  - name: always
    rules:
      - alert: OutboundAlways
        expr: vector(1)
        labels: {job: outbound-exporter, severity: info, area: trust}
      - alert: OutboundAlwaysOfATask
        expr: vector(1)
        labels:
          {job: outbound-exporter, severity: critical, area: jobs, platform: dezhu, account: a,
           task_id: "1", task_name: t}
"""
# Panels of one campaign that say in words why they are empty.
NOT_OF = {
    "dezhu": {"Customers by agent (manual campaigns)", "Calls at once"},
    "aliyun": {"Customers by agent (manual campaigns)"},
}


@dataclass(frozen=True)
class Asked:
    expression: Expression
    answer: Answer


def ask(server: Prometheus, expression: Expression, **values: str) -> Asked:
    """Ask as Grafana does: now, or over a range of time."""
    text = filled(expression.text, {"__rate_interval": RATE_INTERVAL, **values})
    if expression.instant:
        return Asked(expression, server.query(text))
    now = time.time()  # noqa: TID251  # the servers have no other clock
    return Asked(expression, server.query_range(text, start=now - 300, end=now, step=2))


def _is_there(version: Version) -> bool:
    return shutil.which(version.prometheus) is not None


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[dict[str, Prometheus]]:
    """Each version that is there, all on one exporter, as they need the same time to begin."""
    folder = tmp_path_factory.mktemp("dashboards")
    rules = {**rule_files(Thresholds(periods=PERIODS)), "always.yml": ALWAYS}

    def demo(port: int) -> tuple[str, ...]:
        run = (sys.executable, "-m", "exporter", "demo", "--speed", "40")
        return (*run, "--web.listen-address", f"127.0.0.1:{port}")

    with ExitStack() as stack:
        _, url = stack.enter_context(server("exporter", demo, ready="/-/ready", folder=folder))
        started = {
            version.name: stack.enter_context(
                prometheus(
                    version.prometheus,
                    CONFIG.format(target=url.removeprefix("http://")),
                    folder=folder / version.name,
                    rules={f"{name}.rules": text for name, text in rules.items()},
                )
            )
            for version in (STABLE, NEXT)
            if _is_there(version)
        }
        for one in started.values():
            one.until("count(task:outbound_task_expected_per_remaining_seconds:ratio)")
        yield started


@pytest.fixture(scope="module", params=VERSIONS, ids=str)
def running(request, servers) -> Prometheus:
    return servers[request.param.name]


@pytest.mark.parametrize("file", FILES)
def test_every_query_answers_and_prometheus_remarks_nothing(running, file):
    missing = {one.where: one for one in expressions(board(file))}

    def all_answered() -> bool:
        for where, expression in list(missing.items()):
            answer = ask(running, expression).answer
            assert answer.warnings == [], where
            assert answer.infos == [], where
            if answer.result:
                del missing[where]
        return not missing

    # Some figures need a moment longer than others to be there for the first time.
    try:
        running.process.until(all_answered, within=WITHIN)
    finally:
        assert list(missing) == []


@pytest.mark.parametrize("file", FILES)
def test_names_of_series_and_columns_are_made_of_labels_that_the_answers_have(running, file):
    for expression in expressions(board(file)):
        wanted = set(re.findall(r"\{\{(\w+)\}\}", expression.legend))
        for series in ask(running, expression).answer.result if wanted else ():
            assert wanted <= set(series["metric"]), expression.where


@pytest.mark.parametrize("file", ["en/overview.json", "en/task.json", "en/exporter.json"])
def test_columns_of_tables_are_labels_or_values_of_their_queries(running, file):
    document = board(file)
    asked = {one.where: one for one in expressions(document)}
    for panel in panels(document):
        if panel["type"] != "table":
            continue
        there = {"Value"}
        for target in panel["targets"]:
            there.add(f"Value #{target['refId']}")
            where = f"panel {panel['title']!r}, query {target['refId']}"
            for series in ask(running, asked[where]).answer.result:
                there |= set(series["metric"])
        assert set(panel["transformations"][1]["options"]["include"]["names"]) <= there


@pytest.mark.parametrize("platform", ["dezhu", "aliyun"])
def test_a_running_campaign_of_either_vendor_fills_its_dashboard(running, platform):
    named = f'{{platform="{platform}",task_name="steady-campaign"}}'
    (series, *_) = running.query(f"outbound_task_info{named}").result
    chosen = {"task_id": series["metric"]["task_id"], "platform": platform}
    document = board("en/task.json")
    filled_panels = set()
    for expression in expressions(document):
        if expression.target and ask(running, expression, **chosen).answer.result:
            filled_panels.add(re.search(r"panel '(.+)', query", expression.where)[1])

    empty = {panel["title"] for panel in panels(document)} - filled_panels

    assert empty <= NOT_OF[platform]


def test_no_recording_rule_fails(running):
    assert [rule for rule in running.rules() if rule["health"] == "err"] == []


def test_a_status_that_is_not_chosen_leaves_no_row_in_the_table(running):
    for expression in expressions(board("en/overview.json")):
        if "panel 'Campaigns', query B" in expression.where and "ratio" in expression.text:
            every = ask(running, expression).answer.result
            paused = ask(running, expression, status="paused").answer.result

            assert 0 < len(paused) < len(every)
            break
    else:
        pytest.fail("the table has no query B")
