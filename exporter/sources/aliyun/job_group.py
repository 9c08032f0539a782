"""One job group as a task of the domain: the only place that knows its keys."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from exporter.domain import Info, Progress, Settings, Status, Task
from exporter.sources.aliyun.schedule import flattened, read_schedule
from exporter.sources.lenient import Fields

STATUSES: Final[Mapping[str, Status]] = {
    "Draft": Status.DRAFT,
    "Initializing": Status.INITIALIZING,
    "Scheduling": Status.SCHEDULING,
    "Executing": Status.RUNNING,
    "Completed": Status.COMPLETED,
    "Paused": Status.PAUSED,
    "Failed": Status.FAILED,
    "Cancelled": Status.CANCELLED,
}
# Lists and details name the same counts differently.
_LIST_COUNTS: Final = ("ExecutingNum", "FailedNum", "PausedNum", "CancelledNum")
_DETAIL_COUNTS: Final = ("Executing", "Failed", "Paused", "Cancelled")
_RECALLS: Final = (
    ("empty_number", "EmptyNumberIgnore"),
    ("in_arrears", "InArrearsIgnore"),
    ("out_of_service", "OutOfServiceIgnore"),
)


class ListRow(msgspec.Struct, rename="pascal"):
    """One job group as it is sent, in a list or alone."""

    job_group_id: Any = None
    job_group_name: Any = None
    status: Any = None
    script_id: Any = None
    script_name: Any = None
    script_version: Any = None
    creation_time: Any = None
    modify_time: Any = None
    total_call_num: Any = None
    progress: Any = None
    strategy: Any = None


class DetailRow(ListRow, rename="pascal"):
    """What only the answer to DescribeJobGroup is asked for."""

    priority: Any = None
    ringing_duration: Any = None
    min_concurrency: Any = None
    calling_numbers: Any = None
    recall_calling_numbers: Any = None
    recall_strategy: Any = None


def listed_task(row: ListRow) -> Task | None:
    """A row of a list; None where it has no id."""
    fields = Fields()
    strategy = fields.mapping("Strategy", row.strategy) or {}
    task = _task(fields, row, strategy, _LIST_COUNTS)
    return task if task.id else None


def described_task(row: DetailRow, zone: str) -> Task:
    """The job group of a detail, with its schedule and settings; the id empty where it has none.

    Its working hours are local time in ``zone``, an IANA name.
    """
    fields = Fields()
    strategy = fields.mapping("Strategy", row.strategy) or {}
    task = _task(fields, row, strategy, _DETAIL_COUNTS)
    return msgspec.structs.replace(
        task,
        info=msgspec.structs.replace(task.info, priority=fields.text("Priority", row.priority)),
        schedule=read_schedule(fields, strategy, zone),
        settings=_settings(fields, row, strategy),
        unknown=fields.unknown,
    )


def _task(
    fields: Fields,
    row: ListRow,
    strategy: Mapping[str, Any],
    counts: tuple[str, str, str, str],
) -> Task:
    status = STATUSES.get(fields.text("Status", row.status))
    if status is None:
        fields.note("Status")
    created = fields.moment("CreationTime", row.creation_time)
    modified = fields.moment("ModifyTime", row.modify_time)
    end = fields.moment("Strategy.EndTime", strategy.get("EndTime"))
    return Task(
        id=fields.text("JobGroupId", row.job_group_id),
        name=fields.text("JobGroupName", row.job_group_name),
        status=status or Status.UNKNOWN,
        info=_info(fields, row),
        progress=_progress(fields, row, counts),
        created=created,
        modified=modified,
        aged_from=modified or end or created,
        rank=created or 0.0,
        unknown=fields.unknown,
    )


def _info(fields: Fields, row: ListRow) -> Info:
    return Info(
        script_id=fields.text("ScriptId", row.script_id),
        script_name=fields.text("ScriptName", row.script_name),
        script_version=fields.text("ScriptVersion", row.script_version),
    )


def _progress(fields: Fields, row: ListRow, names: tuple[str, str, str, str]) -> Progress:
    counts = fields.mapping("Progress", row.progress) or {}

    def count(name: str) -> int | None:
        return fields.count(f"Progress.{name}", counts.get(name))

    executing, failed, paused, cancelled = names
    return Progress(
        customers=count("TotalJobs"),
        completed=count("TotalCompleted"),
        scheduling=count("Scheduling"),
        executing=count(executing),
        failed=count(failed),
        paused=count(paused),
        cancelled=count(cancelled),
        calls=fields.count("TotalCallNum", row.total_call_num),
    )


def _settings(fields: Fields, row: DetailRow, strategy: Mapping[str, Any]) -> Settings:
    interval = "Strategy.MinAttemptInterval"
    minutes = fields.number(interval, strategy.get("MinAttemptInterval"))
    attempts = "Strategy.MaxAttemptsPerDay"
    return Settings(
        max_ringing=fields.number("RingingDuration", row.ringing_duration),
        max_attempts_per_day=fields.count(attempts, strategy.get("MaxAttemptsPerDay")),
        min_attempt_interval=None if minutes is None else minutes * 60,
        recall_ignored=_recall_ignored(fields, row),
        repeatable=fields.flag("Strategy.Repeatable", strategy.get("Repeatable")),
        calling_numbers=_how_many(fields, "CallingNumbers", row.calling_numbers),
        recall_calling_numbers=_how_many(
            fields, "RecallCallingNumbers", row.recall_calling_numbers
        ),
        min_concurrency=fields.count("MinConcurrency", row.min_concurrency),
    )


def _recall_ignored(fields: Fields, row: DetailRow) -> tuple[tuple[str, bool], ...]:
    recall = fields.mapping("RecallStrategy", row.recall_strategy) or {}
    flags = (
        (reason, fields.flag(f"RecallStrategy.{key}", recall.get(key))) for reason, key in _RECALLS
    )
    return tuple((reason, flag) for reason, flag in flags if flag is not None)


def _how_many(fields: Fields, name: str, value: Any) -> int | None:
    """How many numbers a list holds; the numbers themselves go no further."""
    if value is None or value == "":
        return None
    numbers = flattened(value)
    if numbers is None:
        fields.note(name)
        return None
    return len(numbers)
