"""Alerts on the state of a task: failed, not started, paused, initializing, past its end."""

from __future__ import annotations

from tools.rules.model import Alert, Text, duration, number, together
from tools.rules.words import (
    COUNT,
    SECONDS,
    SECONDS_ZH,
    TASK,
    TASK_ZH,
    in_status,
    lately,
    not_in_status,
    spoken,
    spoken_zh,
)
from tools.thresholds import Thresholds


def state_alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """All of them, in the order of a task's life."""
    return (
        _stuck_initializing(thresholds),
        _not_started(thresholds),
        _paused_long(thresholds),
        _failed(thresholds),
        _expired_unfinished(thresholds),
    )


def _stuck_initializing(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    return Alert(
        alert="OutboundTaskStuckInitializing",
        severity="warning",
        hold=periods.long,
        keep_firing=periods.keep_firing,
        expr=f"{in_status('initializing')} == 1",
        text=Text(
            summary="A task does not get beyond its initialization.",
            description=f"{TASK} has been initializing for more than {spoken(periods.long)}.",
            summary_zh="任务一直停留在初始化状态。",
            description_zh=f"{TASK_ZH}处于初始化状态已超过 {spoken_zh(periods.long)}。",
        ),
    )


def _not_started(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    return Alert(
        alert="OutboundTaskNotStarted",
        severity="warning",
        hold=periods.short,
        keep_firing=periods.keep_firing,
        comment="At Alibaba no status says that a group has not begun: one that is scheduling and"
        " has not made a call counts. The status of an idle task may be old: it must have been"
        " read well after the window opened.",
        expr=together(
            _should_have_begun(duration(periods.medium)), ("and", _has_not_begun(thresholds))
        ),
        text=Text(
            summary="A task has not started although it may call.",
            description=f"{TASK} was to start {SECONDS} ago and its calling window has been open"
            f" for at least {spoken(periods.medium)}, but no call was made.",
            summary_zh="任务到了可呼叫时段仍未启动。",
            description_zh=f"{TASK_ZH}的开始时间已过去 {SECONDS_ZH}，"
            f"可呼叫时段也已开放至少 {spoken_zh(periods.medium)}，但一个电话都没有打。",
        ),
    )


def _should_have_begun(lookback: str) -> str:
    return f"""
        time() - outbound_task_start_timestamp_seconds > 0
          and
        min_over_time(outbound_task_calling_window_open[{lookback}]) == 1
          and
        outbound_task_calling_window_open offset {lookback} == 1
          and
        task:outbound_task_customers:max > 0
    """


def _has_not_begun(thresholds: Thresholds) -> str:
    periods = thresholds.periods
    # Idle tasks are read seldom: what is known of one must be from after its window opened.
    age = number(max(1, round(periods.medium - periods.short)))
    read_lately = f'time() - outbound_account_last_success_timestamp_seconds{{tier="idle"}} < {age}'
    return f"""
        (
          (
            max without (status) ({in_status("not_started")})
              and ignoring (task_id, task_name, tier)
            {read_lately}
          )
            or
          (
            max without (status) ({in_status("scheduling")})
              and
            task:outbound_task_calls:max == 0
          )
        )
    """


def _paused_long(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    paused, step = duration(periods.paused), duration(periods.short)
    seconds = number(max(1, round(periods.short)))
    status = in_status("paused")
    return Alert(
        alert="OutboundTaskPausedLong",
        severity="info",
        hold=periods.at_once,
        keep_firing=periods.keep_firing,
        comment="Counts the time in which it could have called, so that a pause over night is none,"
        " and a lunch break does not end the alert. Short pauses do not add up: it must have been"
        " paused all the time lately.",
        expr=f"""
            {seconds} * count_over_time(
              task:outbound_task_calling_window_open:paused[{duration(periods.forgotten)}:{step}]
            ) >= {number(max(1, round(periods.paused)))}
              and ignoring (status)
            {status}
              unless ignoring (status)
            max_over_time({not_in_status("paused")}[{paused}])
        """,
        text=Text(
            summary="A task has been paused for long while it may call.",
            description=f"{TASK} has been paused for {SECONDS} of its calling hours in the last"
            f" {lately(periods.forgotten)}.",
            summary_zh="任务在可呼叫时段内长时间处于暂停状态。",
            description_zh=f"{TASK_ZH}在最近 {spoken_zh(periods.forgotten)}的可呼叫时段内已暂停"
            f" {SECONDS_ZH}。",
        ),
    )


def _failed(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    back = f"[{duration(periods.forgotten)}:{duration(periods.at_once)}]"
    status = in_status("failed")
    seen = 'outbound_account_last_success_timestamp_seconds{tier="idle"}'
    return Alert(
        alert="OutboundTaskFailed",
        severity="critical",
        hold=periods.at_once,
        keep_firing=periods.keep_firing,
        comment="Ends a day after the failure. Tasks that had failed before the exporter first read"
        " the account are not news: without the second half a new exporter, or one with a new"
        " address, would report the failures of a whole week. Known since when: the first whole"
        " reading of the idle tier, or, where an instance fails and there is none, the account.",
        expr=f"""
            {status} == 1
              and
            (
              min_over_time((time() * {status}){back})
                - ignoring (status, task_id, task_name) group_left ()
              (
                min without (tier) (min_over_time((time() + 0 * {seen}){back}))
                  or
                min_over_time((time() + 0 * outbound_account_up){back})
              )
            ) > {number(max(2, round(2 * periods.at_once)))}
        """,
        text=Text(
            summary="A task has failed.",
            description=f"{TASK} is in status {{{{ $labels.status }}}}: the vendor has stopped it.",
            summary_zh="任务执行失败。",
            description_zh=f"{TASK_ZH}的状态为 {{{{ $labels.status }}}}：平台已停止执行该任务。",
        ),
    )


def _expired_unfinished(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    forgotten = number(max(1, round(periods.forgotten)))
    return Alert(
        alert="OutboundTaskExpiredUnfinished",
        severity="warning",
        hold=periods.medium,
        keep_firing=periods.keep_firing,
        comment="The status does not matter, only Dezhu has one for it; but who cancels a task or"
        " never submits it wants no more of it.",
        expr=f"""
            task:outbound_task_remaining_customers:sum > 0
              and
            time() - outbound_task_end_timestamp_seconds > 0 < {forgotten}
              unless ignoring (status)
            {in_status("cancelled", "draft")}
        """,
        text=Text(
            summary="A task is past its end and has customers left.",
            description=f"{TASK} has ended with {COUNT} customers remaining.",
            summary_zh="任务已过截止时间，仍有客户未完成。",
            description_zh=f"{TASK_ZH}已过截止时间，还剩 {COUNT} 个客户未完成。",
        ),
    )
