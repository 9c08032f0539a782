"""The alerts on jobs: what goes wrong with the campaigns."""

from __future__ import annotations

from tools.rules.hours import hours_alerts
from tools.rules.model import Group
from tools.rules.pace import pace_alerts
from tools.rules.shares import share_alerts
from tools.rules.states import state_alerts
from tools.thresholds import Thresholds


def job_groups(thresholds: Thresholds) -> tuple[Group, ...]:
    """All groups of alerts on jobs."""
    return (
        Group(name="outbound-job-hours", rules=hours_alerts(thresholds)),
        Group(name="outbound-job-shares", rules=share_alerts(thresholds)),
        Group(name="outbound-job-states", rules=state_alerts(thresholds)),
        Group(name="outbound-job-pace", rules=pace_alerts(thresholds)),
    )
