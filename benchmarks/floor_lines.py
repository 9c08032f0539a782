"""Rows of both vendors as typed structs, and one f-string for each series that they are shown as.

It believes everything it is told: no value is checked, no label escaped, masked or cut, and what
follows the clock is a constant. That is less than an exporter may do, which makes it a floor.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

_ZONE: Final = ZoneInfo("Asia/Shanghai")
_DEZHU_STATUSES: Final = ("", "not_started", "paused", "running", "completed", "expired", "failed")
_ALIYUN_STATUSES: Final = {"Executing": "running"}
_TYPES: Final = ("", "automatic", "manual")
_STRATEGIES: Final = {0: "ratio", 1: "predictive", None: ""}


class Batch(msgspec.Struct, rename="camel"):
    """A batch of numbers and how it is redialled."""

    identify: str
    auto_outbound_switch: int
    auto_outbound_interval: int
    auto_outbound_times: int


class Agent(msgspec.Struct, rename="camel"):
    """An agent's share of a manual task."""

    agent_id: str
    assign_num: int


class DezhuTask(msgspec.Struct, rename="camel"):
    """A row of the Dezhu task list."""

    task_id: int
    task_name: str
    task_type: int
    task_status: int
    task_exec_start_date: str
    task_exec_end_date: str
    task_exec_times: list[dict[str, str]] | None
    skill_set_id: str
    skill_set_name: str
    outbound_number_group_id: str | None
    strategy_display_switch: bool | None
    send_number_strategy: int | None
    multiply_power: int | None
    abandonment_rate: int | None
    max_ringing_duration: int | None
    acw: int
    outbound_phone_groups: list[Batch]
    task_agents: list[Agent] | None
    customer_amount: int
    completed_count: int
    connected_count: int
    connect_percentage: str
    task_progress: str


class _DezhuData(msgspec.Struct):
    total: int
    list: list[DezhuTask]


class _DezhuAnswer(msgspec.Struct):
    code: str
    data: _DezhuData


class Counts(msgspec.Struct, rename="pascal"):
    """Jobs of a group by their state."""

    total_jobs: int
    total_completed: int
    scheduling: int
    executing_num: int
    failed_num: int
    paused_num: int
    cancelled_num: int


class JobGroup(msgspec.Struct, rename="pascal"):
    """A row of ``ListJobGroups``."""

    job_group_id: str
    job_group_name: str
    status: str
    script_id: str
    script_name: str
    script_version: str
    total_call_num: int
    progress: Counts


class _JobGroups(msgspec.Struct, rename="pascal"):
    total_count: int
    list: list[JobGroup]


class _ListJobGroups(msgspec.Struct, rename="pascal"):
    code: str
    job_groups: _JobGroups


class Instance(msgspec.Struct, rename="pascal"):
    """An instance of ``ListInstances``."""

    instance_id: str
    instance_name: str


class _Instances(msgspec.Struct, rename="pascal"):
    instances: list[Instance]


Page = tuple[int, int, bytes]
"""The vendor's total, how many series the page holds, and their lines."""

_DEZHU: Final = msgspec.json.Decoder(_DezhuAnswer)
_ALIYUN: Final = msgspec.json.Decoder(_ListJobGroups)
_INSTANCES: Final = msgspec.json.Decoder(_Instances)


def instances(body: bytes) -> list[Instance]:
    """The instances of an answer to ``ListInstances``."""
    return _INSTANCES.decode(body).instances


def dezhu_page(body: bytes, account: str) -> Page:
    """A page of the Dezhu list, as all that progress, schedule, settings and agents show of it."""
    data = _DEZHU.decode(body).data
    lines: list[str] = []
    for task in data.list:
        _dezhu_lines(task, account, lines)
    return data.total, len(lines), "".join(lines).encode()


def aliyun_page(body: bytes, account: str, instance: Instance) -> Page:
    """A page of ``ListJobGroups``, as all that progress shows of it."""
    groups = _ALIYUN.decode(body).job_groups
    lines: list[str] = []
    for group in groups.list:
        _aliyun_lines(group, account, instance, lines)
    return groups.total_count, len(lines), "".join(lines).encode()


def _dezhu_lines(task: DezhuTask, account: str, lines: list[str]) -> None:
    t = (
        f'platform="dezhu",account="{account}",task_id="{task.task_id}",'
        f'task_name="{task.task_name}"'
    )
    s = f'{t},status="{_DEZHU_STATUSES[task.task_status]}"'
    lines += (
        f'outbound_task_info{{{s},task_type="{_TYPES[task.task_type]}",'
        f'skill_group_id="{task.skill_set_id}",skill_group_name="{task.skill_set_name}",'
        f'number_group_id="{task.outbound_number_group_id or ""}",'
        f'dialing_strategy="{_STRATEGIES[task.send_number_strategy]}",instance_id="",'
        f'instance_name="",script_id="",script_name="",script_version="",priority=""}} 1\n',
        f"outbound_task_customers{{{s}}} {task.customer_amount}\n",
        f"outbound_task_completed_customers{{{s}}} {task.completed_count}\n",
        f"outbound_task_connected_customers{{{s}}} {task.connected_count}\n",
        f"outbound_task_reported_progress_ratio{{{s}}} {float(task.task_progress[:-1]) / 100}\n",
        f"outbound_task_reported_connected_ratio{{{s}}}"
        f" {float(task.connect_percentage[:-1]) / 100}\n",
        f"outbound_task_start_timestamp_seconds{{{t}}} {_midnight(task.task_exec_start_date, 0)}\n",
        f"outbound_task_end_timestamp_seconds{{{t}}} {_midnight(task.task_exec_end_date, 1)}\n",
        f"outbound_task_after_call_work_seconds{{{t}}} {task.acw}\n",
    )
    if task.task_exec_times:
        lines += (
            f"outbound_task_calling_window_open{{{t}}} 1\n",
            f"outbound_task_calling_remaining_seconds{{{t}}} 3600\n",
        )
    if task.send_number_strategy is not None:
        _automatic_lines(task, t, lines)
    _lists_lines(task, t, lines)


def _lists_lines(task: DezhuTask, t: str, lines: list[str]) -> None:
    for batch in task.outbound_phone_groups:
        lines += (
            f'outbound_task_redial_enabled{{{t},batch="{batch.identify}"}}'
            f" {batch.auto_outbound_switch}\n",
            f'outbound_task_redial_interval_seconds{{{t},batch="{batch.identify}"}}'
            f" {batch.auto_outbound_interval * 60}\n",
            f'outbound_task_redial_max_attempts{{{t},batch="{batch.identify}"}}'
            f" {batch.auto_outbound_times}\n",
        )
    for agent in task.task_agents or ():
        lines.append(
            f'outbound_task_agent_assigned_customers{{{t},agent_id="{agent.agent_id}"}}'
            f" {agent.assign_num}\n"
        )


def _automatic_lines(task: DezhuTask, t: str, lines: list[str]) -> None:
    if task.send_number_strategy == 0:
        lines.append(f"outbound_task_dialing_multiplier{{{t}}} {task.multiply_power}\n")
    else:
        lines.append(
            f"outbound_task_target_abandonment_ratio{{{t}}} {task.abandonment_rate / 100}\n"
        )
    lines += (
        f"outbound_task_max_ringing_seconds{{{t}}} {task.max_ringing_duration}\n",
        f"outbound_task_caller_display_strategy_enabled{{{t}}}"
        f" {1 if task.strategy_display_switch else 0}\n",
    )


def _aliyun_lines(group: JobGroup, account: str, instance: Instance, lines: list[str]) -> None:
    status = _ALIYUN_STATUSES.get(group.status) or group.status.lower()
    s = (
        f'platform="aliyun",account="{account}",task_id="{group.job_group_id}",'
        f'task_name="{group.job_group_name}",status="{status}"'
    )
    counts = group.progress
    lines += (
        f'outbound_task_info{{{s},task_type="",skill_group_id="",skill_group_name="",'
        f'number_group_id="",dialing_strategy="",instance_id="{instance.instance_id}",'
        f'instance_name="{instance.instance_name}",script_id="{group.script_id}",'
        f'script_name="{group.script_name}",script_version="{group.script_version}",'
        f'priority=""}} 1\n',
        f"outbound_task_customers{{{s}}} {counts.total_jobs}\n",
        f"outbound_task_completed_customers{{{s}}} {counts.total_completed}\n",
        f'outbound_task_jobs{{{s},job_status="executing"}} {counts.executing_num}\n',
        f'outbound_task_jobs{{{s},job_status="failed"}} {counts.failed_num}\n',
        f'outbound_task_jobs{{{s},job_status="scheduling"}} {counts.scheduling}\n',
        f'outbound_task_jobs{{{s},job_status="paused"}} {counts.paused_num}\n',
        f'outbound_task_jobs{{{s},job_status="cancelled"}} {counts.cancelled_num}\n',
        f"outbound_task_calls{{{s}}} {group.total_call_num}\n",
    )


@cache
def _midnight(day: str, days_later: int) -> int:
    moment = datetime.fromisoformat(day).replace(tzinfo=_ZONE) + timedelta(days=days_later)
    return int(moment.timestamp())
