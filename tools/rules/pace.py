"""Alerts on how fast a task gets on: stalled, will miss its end, no free lines."""

from __future__ import annotations

from tools.rules.model import Alert, Text, duration, number, together
from tools.rules.words import (
    ACCOUNT,
    ACCOUNT_ZH,
    COUNT,
    SHARE,
    TASK,
    TASK_ZH,
    in_status,
    lately,
    not_in_status,
    spoken,
    spoken_zh,
)
from tools.thresholds import Thresholds


def pace_alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """All of them."""
    return (
        _stalled(thresholds),
        _will_miss_end(thresholds),
        _concurrency_exhausted(thresholds),
    )


def _stalled(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    rate = duration(periods.rate)
    return Alert(
        alert="OutboundTaskStalled",
        severity="warning",
        hold=periods.medium,
        keep_firing=periods.keep_firing,
        comment="Running, allowed to call and readable through the whole lookback, which must be"
        " known from end to end. At the tail of a task all who remain may be waiting for their next"
        " attempt: with a wait as long as the lookback that is no stall.",
        expr=together(
            _no_progress(rate),
            ("and ignoring (status)", _free_to_call(rate)),
            ("unless", _all_may_wait(thresholds)),
        ),
        text=Text(
            summary="A running task does not get on although it may call.",
            description=f"{TASK} has completed no customer and made no call for at least"
            f" {spoken(periods.rate)}; {COUNT} remain.",
            summary_zh="任务正在执行且处于可呼叫时段，却没有任何进展。",
            description_zh=f"{TASK_ZH}至少 {spoken_zh(periods.rate)}没有完成任何客户，也没有呼叫；"
            f"还剩 {COUNT} 个客户。",
        ),
    )


def _no_progress(rate: str) -> str:
    return f"""
        task:outbound_task_remaining_customers:sum > 0
          and
        changes(task:outbound_task_completed_customers:max[{rate}]) == 0
          and
        task:outbound_task_completed_customers:max offset {rate} >= 0
          unless
        changes(task:outbound_task_calls:max[{rate}]) > 0
          unless
        changes(task:outbound_task_failed_jobs:max[{rate}]) > 0
    """


def _free_to_call(rate: str) -> str:
    return f"""
        {in_status("running")}
          unless ignoring (status)
        max_over_time({not_in_status("running")}[{rate}])
          and
        min_over_time(outbound_task_calling_window_open[{rate}]) == 1
          and
        outbound_task_calling_window_open offset {rate} == 1
          and ignoring (task_id, task_name)
        min_over_time(outbound_account_up[{rate}]) == 1
    """


def _all_may_wait(thresholds: Thresholds) -> str:
    tail = number(thresholds.limits.progress_of_tail)
    seconds = number(max(1, round(thresholds.periods.rate)))
    return f"""
        (
          task:outbound_task_progress:ratio >= {tail}
            and
          (
            max without (batch) (
              outbound_task_redial_interval_seconds and outbound_task_redial_enabled == 1
            ) >= {seconds}
              or
            outbound_task_min_attempt_interval_seconds >= {seconds}
          )
        )
    """


def _will_miss_end(thresholds: Thresholds) -> Alert:
    periods, limits = thresholds.periods, thresholds.limits
    return Alert(
        alert="OutboundTaskWillMissEnd",
        severity="warning",
        hold=periods.long,
        keep_firing=periods.keep_firing,
        comment="Both sides are calling time and stand still through breaks and nights, so that no"
        " break ends the alert. The pace is known only after a whole lookback in calling hours.",
        expr=f"""
            task:outbound_task_expected_per_remaining_seconds:ratio
              > {number(limits.expected_per_remaining)}
              and
            task:outbound_task_progress:ratio < {number(limits.progress_of_tail)}
              and ignoring (status)
            {in_status("running", "scheduling")}
        """,
        text=Text(
            summary="A task will not be finished at its end at the present pace.",
            description=f"{TASK} needs {SHARE} of the calling time that is left until its end.",
            summary_zh="按目前的速度，任务无法在截止时间前完成。",
            description_zh=f"{TASK_ZH}按目前的速度需要截止前剩余可呼叫时间的 {SHARE}。",
        ),
    )


def _concurrency_exhausted(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    activity = duration(periods.activity)
    used = number(thresholds.limits.concurrency_used)
    return Alert(
        alert="OutboundConcurrencyExhausted",
        severity="info",
        hold=periods.short,
        keep_firing=periods.keep_firing,
        comment="Needs `concurrency` in `collect` (Alibaba only); without it there are no such"
        " series. Of instances and accounts: a campaign at its own limit runs as it was set up.",
        expr=f"""
            avg_over_time(outbound_instance_concurrency[{activity}])
              / (outbound_instance_concurrency_limit > 0) >= {used}
              or
            1 - avg_over_time(outbound_account_concurrency_remaining[{activity}])
              / (outbound_account_concurrency_limit > 0) >= {used}
        """,
        text=Text(
            summary="Hardly any concurrent call is left.",
            description=f"{ACCOUNT}{{{{ with $labels.instance_name }}}}, instance {{{{ . }}}}"
            f"{{{{ end }}}}: {SHARE} of the concurrent calls were in use over the last"
            f" {lately(periods.activity)}. Told by the optional collector concurrency.",
            summary_zh="并发通话数即将用尽。",
            description_zh=f"{ACCOUNT_ZH}{{{{ with $labels.instance_name }}}}的实例 {{{{ . }}}}"
            f"{{{{ end }}}}：最近 {spoken_zh(periods.activity)}平均占用了 {SHARE} 的并发通话数。"
            "数据来自可选的采集项 concurrency。",
        ),
    )
