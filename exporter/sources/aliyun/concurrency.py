"""Calls at the same time, as three actions and the list of instances tell them: their only parser.

Whatever the vendor leaves out stays None; nothing is worked out from anything else.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from exporter.domain import Concurrency
from exporter.reply import Reply
from exporter.source import ConcurrencyPage
from exporter.sources.aliyun.answer import check
from exporter.sources.framing import listed
from exporter.sources.lenient import Fields, as_object, tolerant


class _Report(msgspec.Struct, rename="pascal"):
    reports: msgspec.Raw = msgspec.Raw(b"null")


class _Reports(msgspec.Struct):
    rows: list[msgspec.Raw] | None = msgspec.field(name="List", default=None)
    total: msgspec.Raw = msgspec.field(name="TotalCount", default=msgspec.Raw(b"null"))


class _Row(msgspec.Struct, rename="pascal"):
    job_group_id: Any = None
    occupied_concurrency_count: Any = None
    max_concurrency_limit: Any = None


class _Current(msgspec.Struct, rename="pascal"):
    current_concurrency: Any = None
    max_concurrent_conversation: Any = None


class _Quota(msgspec.Struct, rename="pascal"):
    max_concurrent: Any = None
    remaining_concurrent: Any = None


_REPORT: Final = msgspec.json.Decoder(_Report)
_REPORTS: Final = msgspec.json.Decoder(_Reports)
_ROW: Final = msgspec.json.Decoder(_Row)
_CURRENT: Final = msgspec.json.Decoder(_Current)
_QUOTA: Final = msgspec.json.Decoder(_Quota)


def read_report(reply: Reply, *, clock_offset: float | None) -> ConcurrencyPage:
    """One page of GetRealtimeConcurrencyReport; ``clock_offset`` as in ``Transport``.

    Raises:
        ScopeGone: There is no such instance.
        PollError: The answer is another error, or not of the agreed shape.
    """
    return tolerant(reply, partial(_report, clock_offset=clock_offset))


def read_current(reply: Reply, *, clock_offset: float | None) -> Concurrency:
    """The instance of GetCurrentConcurrency; ``clock_offset`` as in ``Transport``.

    Raises:
        ScopeGone: There is no such instance.
        PollError: The answer is another error.
    """
    return tolerant(reply, partial(_current, clock_offset=clock_offset))


def read_quota(reply: Reply, *, clock_offset: float | None) -> Concurrency:
    """The account of GetConcurrentConversationQuota; ``clock_offset`` as in ``Transport``.

    Raises:
        PollError: The answer is an error.
    """
    return tolerant(reply, partial(_quota, clock_offset=clock_offset))


def listed_concurrency(instance: Mapping[str, Any]) -> Concurrency | None:
    """What a row of ListInstances tells; None where it tells nothing."""
    value = instance.get("MaxConcurrentConversation")
    if value is None:
        return None
    fields = Fields()
    limit = fields.count("MaxConcurrentConversation", value)
    return Concurrency(limit=limit, unknown=fields.unknown)


def _report(reply: Reply, clock_offset: float | None) -> ConcurrencyPage:
    check(reply, clock_offset=clock_offset)
    answer = as_object(_REPORT, reply.body) or _Report()
    rows, total = listed(_REPORTS, answer.reports, rows="Reports.List", total="Reports.TotalCount")
    found = (_task(as_object(_ROW, row) or _Row()) for row in rows)
    tasks = tuple((task_id, task) for task_id, task in found if task_id)
    return ConcurrencyPage(tasks, rows=len(rows), total=total)


def _task(row: _Row) -> tuple[str, Concurrency]:
    fields = Fields()
    task_id = fields.text("JobGroupId", row.job_group_id)
    current = fields.count("OccupiedConcurrencyCount", row.occupied_concurrency_count)
    limit = fields.count("MaxConcurrencyLimit", row.max_concurrency_limit)
    return task_id, Concurrency(current, limit, unknown=fields.unknown)


def _current(reply: Reply, clock_offset: float | None) -> Concurrency:
    check(reply, clock_offset=clock_offset)
    answer, fields = as_object(_CURRENT, reply.body) or _Current(), Fields()
    current = fields.count("CurrentConcurrency", answer.current_concurrency)
    limit = fields.count("MaxConcurrentConversation", answer.max_concurrent_conversation)
    return Concurrency(current, limit, unknown=fields.unknown)


def _quota(reply: Reply, clock_offset: float | None) -> Concurrency:
    check(reply, clock_offset=clock_offset)
    answer, fields = as_object(_QUOTA, reply.body) or _Quota(), Fields()
    limit = fields.count("MaxConcurrent", answer.max_concurrent)
    remaining = fields.count("RemainingConcurrent", answer.remaining_concurrent)
    return Concurrency(limit=limit, remaining=remaining, unknown=fields.unknown)
