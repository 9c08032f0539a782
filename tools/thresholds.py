"""Every number that an alert or a dashboard compares with, in one place.

The rules in `prometheus/rules` and the dashboards in `grafana` are made from these values (`make
rules`, `make dashboards`): change one here and make both anew. Durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, kw_only=True)
class Periods:
    """How far back rules look and how long a condition must hold, in seconds."""

    # Lookbacks.
    activity: float = 600  # what counts as "something moves now"
    rate: float = 1800  # completion rate; the calling window must be open throughout
    share: float = 3600  # windowed shares: failed, connected
    throttled: float = 900
    skipped: float = 1800
    # What is over for longer than this no longer alerts.
    forgotten: float = 86400
    # What happened before the calling window closed may be seen late: half of this is for calls
    # that were under way, half for the poll that sees their end.
    closing_grace: float = 600

    # `for` of the alerts.
    at_once: float = 60  # two scrapes at least
    short: float = 300
    medium: float = 900
    long: float = 1800
    paused: float = 3600
    unclassified: float = 7200  # counted once an hour, so the next count has said so too
    # So that a gap in the data sends no false "resolved".
    keep_firing: float = 900

    def scaled(self, factor: float) -> Periods:
        """All of them times `factor`, for tests that cannot wait."""
        return replace(self, **{f.name: getattr(self, f.name) * factor for f in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the values are compared with. Ratios are 0 to 1."""

    # Jobs.
    # On a good day many of those who are called are not reached.
    failed_share: float = 0.8
    failed_share_critical: float = 0.95
    # Of its own past. Twice would be out of reach for a task of which half is not reached anyway.
    failed_share_times_past: float = 1.5
    failed_share_above_past: float = 0.15
    # What a call reaches: of the past of the task, and when everybody was called once already.
    reached_per_call_of_past: float = 0.33
    reached_per_call_redialling: float = 0.1
    connected_share_of_past: float = 0.5
    connected_below_past: float = 0.1
    finished_for_share: float = 50  # customers in the lookback below which a share says nothing
    finished_for_past: float = 200  # the same for a task's own past
    expected_per_remaining: float = 1.1  # calling time needed / calling time left
    # From here on those who remain may all be waiting for their next attempt.
    progress_of_tail: float = 0.95
    concurrency_used: float = 0.95

    # Trust.
    refresh_intervals: float = 3  # data older than so many intervals of its tier ...
    refresh_slack_seconds: float = 120  # ... and this
    interval_stretched: float = 1.5  # interval in force / interval configured
    throttled_share: float = 0.05
    requests_for_share: float = 10  # calls in the lookback below which a share says nothing
    polls_skipped: float = 3
    # Renewed when 5 minutes are left of a quarter of an hour, earlier if they last longer.
    credential_seconds: float = 240
    clock_offset_seconds: float = 60


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What the rules and the dashboards are made with."""

    job: str = "outbound-exporter"  # the name of the scrape job, for the alert on `up`
    # Where the documents are that alerts (`runbook_url`) and dashboards name: a copy within a
    # company for those who cannot reach this one.
    home: str = "https://github.com/outbound-exporter/outbound-exporter"
    periods: Periods = Periods()
    limits: Limits = Limits()
