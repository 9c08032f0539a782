"""Families of one campaign: progress, schedule and agents; settings have a module of their own."""

from operator import attrgetter
from typing import Final

from exporter.families.model import Collector, Family, InfoView, Labels, Samples, Subject
from exporter.families.settings import SETTINGS_FAMILIES

_JOB_STATUSES: Final = ("executing", "failed", "scheduling", "paused", "cancelled")


def _info(view: InfoView) -> Samples:
    info, scope = view.info, view.scope
    values = (
        *(info.task_type, info.skill_group_id, info.skill_group_name, info.number_group_id),
        *(info.dialing_strategy, scope.id, scope.name),
        *(info.script_id, info.script_name, info.script_version, info.priority),
    )
    yield values, 1


def _agents(agents: tuple[tuple[str, int], ...]) -> Samples:
    for agent_id, customers in agents:
        yield (agent_id,), customers


def _progress(name: str, read: str, help_text: str, **fields: str) -> Family:
    return Family(
        f"outbound_task_{name}",
        Collector.PROGRESS,
        Labels.TASK_STATUS,
        Subject.PROGRESS,
        help_text,
        attrgetter(read),
        **fields,  # type: ignore[arg-type]
    )


def _schedule(name: str, subject: Subject, read: str, help_text: str, **fields: str) -> Family:
    return Family(
        f"outbound_task_{name}",
        Collector.SCHEDULE,
        Labels.TASK,
        subject,
        help_text,
        attrgetter(read),
        **fields,  # type: ignore[arg-type]
    )


TASK_FAMILIES: Final = (
    Family(
        "outbound_task_info",
        Collector.PROGRESS,
        Labels.TASK_STATUS,
        Subject.INFO,
        "Always 1; what a campaign is, as labels. Polled from Dezhu taskType, skillSetId and"
        " others, Alibaba ScriptId, Priority and others.",
        _info,
        extra=(
            *("task_type", "skill_group_id", "skill_group_name", "number_group_id"),
            *("dialing_strategy", "instance_id", "instance_name"),
            *("script_id", "script_name", "script_version", "priority"),
        ),
        dezhu="taskType, skillSetId, skillSetName, outboundNumberGroupId, sendNumberStrategy",
        aliyun="InstanceId, InstanceName, ScriptId, ScriptName, ScriptVersion, Priority",
    ),
    _progress(
        "customers",
        "customers",
        "Customers on the list; it grows when customers are appended. Polled from Dezhu"
        " customerAmount, Alibaba Progress.TotalJobs.",
        dezhu="customerAmount",
        aliyun="Progress.TotalJobs",
    ),
    _progress(
        "completed_customers",
        "completed",
        "Customers completed. Polled from Dezhu completedCount, Alibaba Progress.TotalCompleted;"
        " whether the latter includes failed and cancelled jobs is not documented.",
        dezhu="completedCount",
        aliyun="Progress.TotalCompleted",
    ),
    _progress(
        "connected_customers",
        "connected",
        "Customers connected; redial rounds raise it later. Polled from Dezhu connectedCount.",
        dezhu="connectedCount",
    ),
    Family(
        "outbound_task_jobs",
        Collector.PROGRESS,
        Labels.TASK_STATUS,
        Subject.PROGRESS,
        "Jobs by their own state. A failed job ended without reaching the customer, so this rises"
        " in every healthy campaign. Polled from Alibaba Progress.Executing, Failed, Scheduling,"
        " Paused and Cancelled.",
        tuple(((job_status,), attrgetter(job_status)) for job_status in _JOB_STATUSES),
        extra=("job_status",),
        aliyun="Progress.Executing, Failed, Scheduling, Paused, Cancelled",
    ),
    _progress(
        "calls",
        "calls",
        "Calls made so far. Polled from Alibaba TotalCallNum.",
        aliyun="TotalCallNum",
    ),
    _progress(
        "reported_progress_ratio",
        "reported_progress",
        "Progress as the vendor computes it, 0 to 1. Polled from Dezhu taskProgress.",
        dezhu="taskProgress / 100",
    ),
    _progress(
        "reported_connected_ratio",
        "reported_connected",
        "Connected share as the vendor computes it, 0 to 1; its denominator is not documented."
        " Polled from Dezhu connectPercentage.",
        dezhu="connectPercentage / 100",
    ),
    _schedule(
        "start_timestamp_seconds",
        Subject.SCHEDULE,
        "start",
        "When the campaign may begin, epoch seconds. Polled from Dezhu taskExecStartDate (midnight"
        " in the zone of the account), Alibaba Strategy.StartTime.",
        dezhu="taskExecStartDate",
        aliyun="Strategy.StartTime",
    ),
    _schedule(
        "end_timestamp_seconds",
        Subject.SCHEDULE,
        "end",
        "When the campaign must have ended, epoch seconds. Polled from Dezhu taskExecEndDate"
        " (midnight after that day), Alibaba Strategy.EndTime.",
        dezhu="taskExecEndDate, the day included",
        aliyun="Strategy.EndTime",
    ),
    _schedule(
        "created_timestamp_seconds",
        Subject.TASK,
        "created",
        "When the campaign was created, epoch seconds. Polled from Alibaba CreationTime.",
        aliyun="CreationTime",
    ),
    _schedule(
        "modified_timestamp_seconds",
        Subject.TASK,
        "modified",
        "When the campaign was last changed, epoch seconds. Polled from Alibaba ModifyTime.",
        aliyun="ModifyTime",
    ),
    _schedule(
        "calling_window_open",
        Subject.CLOCK,
        "window_open",
        "1 while the calling hours allow calls, whatever the status; follows the clock. Hours"
        " polled from Dezhu taskExecTimes and dates, Alibaba Strategy.WorkingTime, RepeatBy and"
        " RepeatDays.",
        dezhu="taskExecTimes, taskExecStartDate, taskExecEndDate",
        aliyun="Strategy.WorkingTime, RepeatBy, RepeatDays, StartTime, EndTime",
    ),
    _schedule(
        "calling_remaining_seconds",
        Subject.CLOCK,
        "remaining",
        "Calling time left until the end, over all windows, whatever the status; public holidays"
        " are not known. Follows the clock; hours polled as for outbound_task_calling_window_open.",
        dezhu="as outbound_task_calling_window_open",
        aliyun="as outbound_task_calling_window_open",
    ),
    *SETTINGS_FAMILIES,
    Family(
        "outbound_task_agent_assigned_customers",
        Collector.AGENTS,
        Labels.TASK,
        Subject.TASK_AGENTS,
        "Customers assigned to an agent. Polled from Dezhu taskAgents.",
        _agents,
        extra=("agent_id",),
        dezhu="taskAgents[].assignNum",
    ),
)
