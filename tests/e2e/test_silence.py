"""Nobody hears of healthy campaigns, nor of what only follows from a cause that was told."""

import pytest

from tests.e2e.accounts import HEALTHY
from tests.e2e.conftest import SCENARIOS
from tests.servers.versions import VERSIONS

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.parametrize("version", VERSIONS, ids=str),
]

RUN = "[15m]"
"""Longer than a run."""
NAMES = "|".join(account.name for account in HEALTHY.accounts)


LATENESS = {"OutboundExporterDown", "OutboundDataStale", "OutboundPollsSkipped"}
IDLE = 'exporter="renewed"'
"""An exporter with one account and no campaigns, whose scrape costs next to nothing."""

BUSY_SECONDS = 0.3


@pytest.fixture
def seen(proof, version):
    """What a version has seen once every scenario is over."""
    proof.director.finish()
    return proof.stacks[version]


@pytest.fixture
def excused(seen, version, told):
    """Alerts that say no more than that this machine had no time for anybody.

    A scrape of an idle exporter takes some hundredths of a second. On a machine so busy that it
    takes many times as long, polls and scrapes come late, and those alerts are right.
    """
    longest = f"max_over_time(scrape_duration_seconds{{{IDLE}}}{RUN})"
    (seconds,) = seen.prometheus.query(longest).values()
    if seconds < BUSY_SECONDS:
        return set()
    line = f"{version}: the machine was too busy to judge {', '.join(sorted(LATENESS))}"
    if line not in told:
        told.append(line)
    return LATENESS


def test_nothing_fires_for_healthy_campaigns_through_the_whole_run(seen, excused):
    ours = {account.name for account in HEALTHY.accounts}
    notices = [one for one in seen.webhook.notices if one.labels.get("account") in ours]
    fired = f'max_over_time(ALERTS{{account=~"{NAMES}", alertstate="firing"}}{RUN})'
    alerts = {series["metric"]["alertname"] for series in seen.prometheus.query(fired).result}

    assert [one.labels for one in notices if one.alert not in excused] == []
    assert alerts - excused == set()


def test_nothing_fires_for_the_exporter_that_polls_them(seen, excused):
    notices = [one for one in seen.webhook.notices if "account" not in one.labels]
    ours = [one for one in notices if one.labels.get("exporter") in {"main", None}]

    assert [one.labels for one in ours if one.alert not in excused] == []


def test_the_healthy_campaigns_did_what_campaigns_do(seen):
    def count(expression: str) -> float:
        return sum(seen.prometheus.query(f"count({expression})").values())

    accounts = f'account=~"{NAMES}"'

    def was(status: str) -> str:
        seen_as = f'task_status:outbound_task_info:max{{{accounts}, status="{status}"}}{RUN}'
        return f"max without (status) (max_over_time({seen_as}))"

    assert count(f"min_over_time(outbound_account_up{{{accounts}}}{RUN}) == 1") == 2
    # Calls were made, some campaigns came to their end, some were paused for a while.
    moved = f"max_over_time(task:outbound_task_completed_customers:delta1h{{{accounts}}}{RUN})"
    assert count(f"{moved} > 50") > 10
    assert count(f"{was('running')} and {was('completed')}") > 5
    assert count(f"{was('running')} and {was('paused')}") >= 1


@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if one.follows], ids=lambda one: one.name
)
def test_what_follows_from_an_account_that_is_down_is_held_back(proof, version, scenario):
    stack = proof.stacks[version]
    outcome = proof.director.outcome(scenario, stack)

    assert outcome.resolved is not None
    # Alertmanager has it, and says nothing as long as the cause lasts.
    assert outcome.held_back.items() >= scenario.follows.items()
    early = [
        notice.labels
        for notice in stack.webhook.notices
        if notice.at <= outcome.mended_at and scenario.follows.items() <= notice.labels.items()
    ]
    assert early == []
