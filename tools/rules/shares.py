"""Alerts on the share of customers that was reached or not."""

from __future__ import annotations

from typing import Final

from tools.rules.model import Alert, Text, duration, number
from tools.rules.words import SHARE, TASK, TASK_ZH, lately, spoken_zh
from tools.thresholds import Thresholds

_REACHED_PER_CALL: Final = (
    "task:outbound_task_completed_customers:delta1h / (task:outbound_task_calls:delta1h > 0)"
)


def share_alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """Failed share high, far above the task's own past, and connected ratio collapsed."""
    return (
        _failed_share(thresholds, "High", "warning", thresholds.limits.failed_share),
        _failed_share(thresholds, "Critical", "critical", thresholds.limits.failed_share_critical),
        _failed_share_above_past(thresholds),
        _connected_ratio_collapsed(thresholds),
    )


def _failed_share(thresholds: Thresholds, name: str, severity: str, limit: float) -> Alert:
    last, last_zh = lately(thresholds.periods.share), spoken_zh(thresholds.periods.share)
    how, how_zh = ("Most", "大部分") if name == "High" else ("Nearly all", "几乎所有")
    comment = (
        "At Alibaba a failed job was only not reached, so neither their number nor its rise is"
        " alarming: their share of what ended lately is. The recording rule holds the least number."
        " Once everybody was called, those remain who did not answer, and each of the last attempts"
        " ends a job: then what counts is whether calls reach anybody."
    )
    # A share above the critical limit leaves no room for such a tail.
    least = number(thresholds.limits.reached_per_call_redialling)
    tail = (
        "\n  unless\n(\n  task:outbound_task_calls:max > task:outbound_task_customers:max"
        f"\n    and\n  {_REACHED_PER_CALL} >= {least}\n)"
    )
    critical = name == "Critical"
    return Alert(
        alert=f"OutboundFailedShare{name}",
        severity=severity,
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        comment=comment if name == "High" else "",
        expr=f"task:outbound_task_failed_jobs:ratio1h > {number(limit)}{'' if critical else tail}",
        text=Text(
            summary=f"{how} jobs of a task end without reaching the customer.",
            description=f"{TASK}: {SHARE} of the jobs that ended in the last {last} failed"
            f" (limit {limit:.0%}).",
            summary_zh=f"任务的{how_zh}作业都未能触达客户。",
            description_zh=f"{TASK_ZH}：最近 {last_zh}内结束的作业有 {SHARE} 失败"
            f"（阈值 {limit:.0%}）。",
        ),
    )


def _failed_share_above_past(thresholds: Thresholds) -> Alert:
    limits = thresholds.limits
    share = duration(thresholds.periods.share)
    last, last_zh = lately(thresholds.periods.share), spoken_zh(thresholds.periods.share)
    now = "task:outbound_task_failed_jobs:ratio1h"
    past = f"task:outbound_task_failed_jobs:ratio offset {share}"
    return Alert(
        alert="OutboundFailedShareAbovePast",
        severity="warning",
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        comment="The past is everything up to one lookback ago. A factor alone would be nothing for"
        " a task that hardly ever fails, a difference alone nothing for one that often does. The"
        " last attempts of every campaign fail more often than the first, so calls themselves must"
        " reach far fewer as well.",
        expr=f"""
            {now} > {number(limits.failed_share_times_past)} * {past}
              and
            {now} > {number(limits.failed_share_above_past)} + {past}
              and
            task:outbound_task_completed_customers:max offset {share}
              + task:outbound_task_failed_jobs:max offset {share}
              >= {number(limits.finished_for_past)}
              unless
            {_REACHED_PER_CALL} >= {number(limits.reached_per_call_of_past)} * (
              task:outbound_task_completed_customers:max offset {share}
                / (task:outbound_task_calls:max offset {share} > 0)
            )
        """,
        text=Text(
            summary="Far more jobs of a task fail than did before.",
            description=f"{TASK}: {SHARE} of the jobs that ended in the last {last} failed, more"
            f" than {number(limits.failed_share_times_past)} times the share of all before.",
            summary_zh="任务的作业失败占比远高于该任务以往的水平。",
            description_zh=f"{TASK_ZH}：最近 {last_zh}内结束的作业有 {SHARE} 失败，"
            f"超过此前累计占比的 {number(limits.failed_share_times_past)} 倍。",
        ),
    )


def _connected_ratio_collapsed(thresholds: Thresholds) -> Alert:
    limits = thresholds.limits
    share = duration(thresholds.periods.share)
    last, last_zh = lately(thresholds.periods.share), spoken_zh(thresholds.periods.share)
    now = "task:outbound_task_connected_customers:ratio1h"
    past = f"task:outbound_task_connected_customers:ratio offset {share}"
    return Alert(
        alert="OutboundConnectedRatioCollapsed",
        severity="warning",
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        comment="Of Dezhu alone: Alibaba does not tell how many were connected.",
        expr=f"""
            {now} < {number(limits.connected_share_of_past)} * {past}
              and
            {now} < {past} - {number(limits.connected_below_past)}
              and
            task:outbound_task_completed_customers:max offset {share}
              >= {number(limits.finished_for_past)}
        """,
        text=Text(
            summary="Far fewer customers of a task are connected than were before.",
            description=f"{TASK}: {SHARE} of the customers completed in the last {last} were"
            f" connected, less than {limits.connected_share_of_past:.0%} of the ratio of all"
            " before.",
            summary_zh="任务的接通率远低于该任务以往的水平。",
            description_zh=f"{TASK_ZH}：最近 {last_zh}内完成的客户有 {SHARE} 接通，"
            f"不到此前累计接通率的 {limits.connected_share_of_past:.0%}。",
        ),
    )
