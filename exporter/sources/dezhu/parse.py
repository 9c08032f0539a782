"""The outbound task list as tasks of the domain: the only place that knows its keys."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from exporter.domain import Info, Progress, Redial, Schedule, Settings, Status, Task, Window
from exporter.exposition import cut, masked
from exporter.reply import Reply, http_error
from exporter.source import Page
from exporter.sources.dezhu.answer import payload
from exporter.sources.framing import listed, total_of
from exporter.sources.lenient import (
    Fields,
    as_object,
    finite,
    is_success,
    tolerant,
)
from exporter.sources.templates import Noted, kept

STATUSES: Final[Mapping[int, Status]] = {
    1: Status.NOT_STARTED,
    2: Status.PAUSED,
    3: Status.RUNNING,
    4: Status.COMPLETED,
    5: Status.EXPIRED,
    6: Status.FAILED,
}
_TASK_TYPES: Final = {1: "automatic", 2: "manual"}
_RATIO, _PREDICTIVE = "ratio", "predictive"
_STRATEGIES: Final = {0: _RATIO, 1: _PREDICTIVE}
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BATCHES: Final = "outboundPhoneGroups"
_BATCH: Final = f"{_BATCHES}.identify"
_REDIAL_SWITCH: Final = f"{_BATCHES}.autoOutboundSwitch"
_REDIAL_INTERVAL: Final = f"{_BATCHES}.autoOutboundInterval"
_REDIAL_TIMES: Final = f"{_BATCHES}.autoOutboundTimes"


_ABSENT: Final = msgspec.Raw(b"null")
_TOTAL: Final = "data.total"


class _Row(msgspec.Struct, rename="camel", gc=False):
    """One task as it is sent; what each value is shows only when it is converted.

    Windows and batches stay as they came: an account has few different ones, and what repeats from
    task to task is read once and is then the same object.
    """

    task_id: Any = None
    task_name: Any = None
    task_type: Any = None
    task_status: Any = None
    task_exec_start_date: Any = None
    task_exec_end_date: Any = None
    task_exec_times: msgspec.Raw = _ABSENT
    skill_set_id: Any = None
    skill_set_name: Any = None
    outbound_number_group_id: Any = None
    strategy_display_switch: Any = None
    send_number_strategy: Any = None
    multiply_power: Any = None
    abandonment_rate: Any = None
    max_ringing_duration: Any = None
    acw: Any = None
    outbound_phone_groups: msgspec.Raw = _ABSENT
    task_agents: Any = None
    customer_amount: Any = None
    completed_count: Any = None
    connected_count: Any = None
    connect_percentage: Any = None
    task_progress: Any = None


class _Data(msgspec.Struct):
    total: msgspec.Raw = _ABSENT
    rows: list[msgspec.Raw] | None = msgspec.field(name="list", default=None)


class _WellFormedData(msgspec.Struct):
    rows: list[_Row] = msgspec.field(name="list")
    total: msgspec.Raw = _ABSENT


class _WellFormed(msgspec.Struct):
    """A page of which every part is of the kind that it should be."""

    code: Literal["10000"]
    data: _WellFormedData


_WELL_FORMED: Final = msgspec.json.Decoder(_WellFormed)
_DATA: Final = msgspec.json.Decoder(_Data)
_ROW: Final = msgspec.json.Decoder(_Row)
_ANY: Final = msgspec.json.Decoder()


def read_page(reply: Reply, zone: ZoneInfo) -> Page:
    """One page of tasks; ``zone`` is where the vendor's days begin and end.

    Raises:
        PollError: The answer is an error, or not of the agreed shape.
    """
    return tolerant(reply, partial(_page, zone=zone))


def _page(reply: Reply, zone: ZoneInfo) -> Page:
    try:
        whole = _WELL_FORMED.decode(reply.body)
    except msgspec.ValidationError:
        return _page_by_parts(reply, zone)
    if not is_success(reply):
        raise http_error(reply)
    rows = whole.data.rows
    return _page_of(rows, total_of(whole.data.total, path=_TOTAL, rows=len(rows)), zone)


def _page_by_parts(reply: Reply, zone: ZoneInfo) -> Page:
    """Read part by part what is not well formed, so that it costs no more than that part."""
    rows, total = listed(_DATA, payload(reply), rows="data.list", total=_TOTAL)
    return _page_of([as_object(_ROW, row) for row in rows], total, zone)


def _page_of(rows: Sequence[_Row | None], total: int | None, zone: ZoneInfo) -> Page:
    tasks = tuple([task for row in rows if row and (task := _task(row, zone))])
    return Page(tasks, total, nameless=len(rows) - len(tasks))


def _task(row: _Row, zone: ZoneInfo) -> Task | None:
    fields = Fields()
    task_id = fields.text("taskId", row.task_id)
    if not task_id:
        return None
    status = fields.choice("taskStatus", row.task_status, STATUSES)
    if status is None:
        fields.note("taskStatus")
    strategy = fields.choice("sendNumberStrategy", row.send_number_strategy, _STRATEGIES) or ""
    schedule = _schedule(fields, row, zone)
    return Task(
        id=task_id,
        name=fields.text("taskName", row.task_name),
        status=status or Status.UNKNOWN,
        info=fields.taken(
            _info(
                *(row.task_type, row.skill_set_id, row.skill_set_name),
                *(row.outbound_number_group_id, strategy),
            )
        ),
        progress=_progress(fields, row),
        schedule=schedule,
        settings=fields.taken(
            _settings(
                *(strategy, row.multiply_power, row.abandonment_rate, row.max_ringing_duration),
                *(row.acw, row.strategy_display_switch, bytes(row.outbound_phone_groups)),
            )
        ),
        agents=_agents(fields, row),
        aged_from=schedule.end if schedule else None,
        rank=finite(row.task_id) or 0.0,
        unknown=fields.unknown,
    )


@kept
def _info(
    task_type: Any, skill_id: Any, skill_name: Any, numbers: Any, strategy: str
) -> Noted[Info]:
    fields = Fields()
    info = Info(
        task_type=fields.choice("taskType", task_type, _TASK_TYPES) or "",
        skill_group_id=fields.text("skillSetId", skill_id),
        skill_group_name=fields.text("skillSetName", skill_name),
        number_group_id=fields.text("outboundNumberGroupId", numbers),
        dialing_strategy=strategy,
    )
    return info, fields.unknown


def _progress(fields: Fields, row: _Row) -> Progress:
    return Progress(
        customers=fields.count("customerAmount", row.customer_amount),
        completed=fields.count("completedCount", row.completed_count),
        connected=fields.count("connectedCount", row.connected_count),
        reported_progress=fields.ratio("taskProgress", row.task_progress),
        reported_connected=fields.ratio("connectPercentage", row.connect_percentage),
    )


@kept
def _settings(  # noqa: PLR0917 - what is kept is found by its position
    strategy: str, power: Any, rate: Any, ringing: Any, acw: Any, display: Any, groups: bytes
) -> Noted[Settings]:
    fields = Fields()
    # Both figures are always sent, though only that of the strategy in force means anything.
    multiplier = abandonment = None
    if strategy == _RATIO:
        multiplier = fields.number("multiplyPower", power)
    elif strategy == _PREDICTIVE:
        abandonment = fields.ratio("abandonmentRate", rate)
    settings = Settings(
        max_ringing=fields.number("maxRingingDuration", ringing),
        after_call_work=fields.number("acw", acw),
        dialing_multiplier=multiplier,
        target_abandonment=abandonment,
        caller_display_strategy=fields.flag("strategyDisplaySwitch", display),
        redial=_redial(fields, _ANY.decode(groups)),
    )
    return settings, fields.unknown


def _redial(fields: Fields, sent: Any) -> tuple[Redial, ...]:
    found: dict[str, Redial] = {}
    for place, group in enumerate(fields.mappings(_BATCHES, sent), start=1):
        batch = cut(masked(fields.text(_BATCH, group.get("identify")))) or f"#{place}"
        if batch in found:
            batch = f"#{place}"
        while batch in found:  # one that is itself named like a place
            batch = f"#{batch}"
        minutes = fields.number(_REDIAL_INTERVAL, group.get("autoOutboundInterval"))
        found[batch] = Redial(
            batch=batch,
            enabled=fields.flag(_REDIAL_SWITCH, group.get("autoOutboundSwitch")),
            interval=None if minutes is None else minutes * 60,
            max_attempts=fields.count(_REDIAL_TIMES, group.get("autoOutboundTimes")),
        )
    return tuple(found.values())


def _agents(fields: Fields, row: _Row) -> tuple[tuple[str, int], ...]:
    if row.task_agents is None:
        return ()
    found: dict[str, int | None] = {}
    for agent in fields.mappings("taskAgents", row.task_agents):
        agent_id = cut(fields.text("taskAgents.agentId", agent.get("agentId")))
        if not agent_id or agent_id in found:
            fields.note("taskAgents.agentId")
            continue
        found[agent_id] = fields.count("taskAgents.assignNum", agent.get("assignNum"))
    return tuple((agent_id, count) for agent_id, count in found.items() if count is not None)


def _schedule(fields: Fields, row: _Row, zone: ZoneInfo) -> Schedule | None:
    start = _day(fields, "taskExecStartDate", row.task_exec_start_date, zone, 0)
    end = _day(fields, "taskExecEndDate", row.task_exec_end_date, zone, 1)
    windows = fields.taken(_windows(bytes(row.task_exec_times)))
    if start is None and end is None and not windows:
        return None
    return Schedule(zone=zone.key, start=start, end=end, windows=windows)


@kept
def _windows(times: bytes) -> Noted[tuple[Window, ...]]:
    fields = Fields()
    windows = []
    for item in fields.mappings("taskExecTimes", _ANY.decode(times)):
        start, end = item.get("taskExecTimeStartStr"), item.get("taskExecTimeEndStr")
        window = fields.window("taskExecTimes", start, end)
        if window is not None:
            windows.append(window)
    return tuple(windows), fields.unknown


def _day(fields: Fields, name: str, value: Any, zone: ZoneInfo, days_later: int) -> float | None:
    moment = _midnight(value, zone, days_later) if type(value) is str else None
    if moment is None and value is not None and value != "":
        fields.note(name)
    return moment


@lru_cache(maxsize=8192)
def _midnight(text: str, zone: ZoneInfo, days_later: int) -> float | None:
    """Epoch seconds of the midnight that begins a day ``YYYY-MM-DD``, or that many days later."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The last day of the calendar, which some write for "for ever", has no day after it.
    if day < date.max:
        day += timedelta(days=days_later)
    return datetime.combine(day, time.min, tzinfo=zone).timestamp()
