"""The alert on calls outside the calling hours."""

from __future__ import annotations

from tools.rules.model import Alert, Text, duration, number, together
from tools.rules.words import COUNT, TASK, TASK_ZH, lately, not_in_status, spoken, spoken_zh
from tools.thresholds import Thresholds

# Statuses that are polled often, and the one in which nothing can have been done yet.
_WATCHED = ("running", "scheduling", "initializing", "not_started")


def hours_alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """Activity outside the calling window."""
    return (_activity_outside_window(thresholds),)


def _activity_outside_window(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    closed_seconds = periods.activity + periods.closing_grace
    return Alert(
        alert="OutboundActivityOutsideWindow",
        severity="critical",
        hold=periods.short,
        keep_firing=periods.keep_firing,
        comment="Calling hours are law, so this must be right. What rose within the lookback is"
        " held against the highest value before it, a lookback in which the window was closed"
        " already: late readings and calls that end late are in there. Not where the account could"
        " not be read all the time or is read too seldom, for an outage that ends at night brings"
        " the figures of the day; and not in statuses that are polled seldom.",
        expr=together(
            _activity(duration(periods.activity)),
            ("and", _closed_throughout(duration(closed_seconds))),
            (
                "and ignoring (task_id, task_name)",
                _read_often(duration(closed_seconds), number(periods.closing_grace / 2)),
            ),
        ),
        text=Text(
            summary="A task calls customers outside its calling hours.",
            description=f"{TASK} is outside its calling window, which has been closed for at least"
            f" {spoken(closed_seconds)}, and yet {COUNT} customers were completed, calls made or"
            f" jobs under way in the last {lately(periods.activity)}.",
            summary_zh="任务在可呼叫时段之外仍在呼叫客户。",
            description_zh=f"{TASK_ZH}的可呼叫时段已关闭至少 {spoken_zh(closed_seconds)}，"
            f"但最近 {spoken_zh(periods.activity)}内仍有"
            f" {COUNT} 个客户完成、呼叫发出或作业在执行。",
        ),
    )


def _activity(lookback: str) -> str:
    return f"""
        (
          {_risen("completed_customers", lookback)}
            or
          {_risen("calls", lookback)}
            or
          max without (job_status) (
            min_over_time(task:outbound_task_jobs:max{{job_status="executing"}}[{lookback}]) > 0
              and
            task:outbound_task_jobs:max{{job_status="executing"}} offset {lookback} > 0
          )
        )
    """


def _risen(name: str, lookback: str) -> str:
    series = f"task:outbound_task_{name}:max"
    return f"{series} - max_over_time({series}[{lookback}] offset {lookback}) > 0"


def _closed_throughout(closed: str) -> str:
    return f"""
        max_over_time(outbound_task_calling_window_open[{closed}]) == 0
          and
        outbound_task_calling_window_open offset {closed} == 0
    """


def _read_often(closed: str, seconds: str) -> str:
    return f"""
        min_over_time(outbound_account_up[{closed}]) == 1
          and ignoring (task_id, task_name, tier)
        max_over_time(
          outbound_account_refresh_interval_seconds{{tier="active"}}[{closed}]
        ) <= {seconds}
          unless ignoring (status)
        max_over_time({not_in_status(*_WATCHED)}[{closed}])
    """
