"""Answers as values of the domain; what a job group holds is read in ``job_group``."""

from functools import partial
from typing import Any, Final

import msgspec

from exporter.domain import Concurrency, Scope, Task
from exporter.errors import PollError
from exporter.reply import Reply, malformed
from exporter.source import Page, are_at_odds
from exporter.sources.aliyun.answer import NO_JOB_GROUP, check
from exporter.sources.aliyun.concurrency import listed_concurrency
from exporter.sources.aliyun.job_group import DetailRow, ListRow, described_task, listed_task
from exporter.sources.aliyun.well_formed import read_rows
from exporter.sources.framing import listed, total_of
from exporter.sources.lenient import Fields, as_object, is_success, tolerant

_TOTAL: Final = "JobGroups.TotalCount"


class _Listed(msgspec.Struct, rename="pascal"):
    job_groups: msgspec.Raw = msgspec.Raw(b"null")


class _JobGroups(msgspec.Struct):
    rows: list[msgspec.Raw] | None = msgspec.field(name="List", default=None)
    total: msgspec.Raw = msgspec.field(name="TotalCount", default=msgspec.Raw(b"null"))


class _Described(msgspec.Struct, rename="pascal"):
    job_group: msgspec.Raw = msgspec.Raw(b"null")


class _Instances(msgspec.Struct):
    rows: list[msgspec.Raw] | None = msgspec.field(name="Instances", default=None)
    total: msgspec.Raw = msgspec.field(name="TotalCount", default=msgspec.Raw(b"null"))


class InstancePage(msgspec.Struct, frozen=True):
    """One page of instances; ``rows`` counts those without an id too.

    ``total`` is the count over all pages, None where the vendor gave none. ``concurrency`` is what
    the rows tell of it, by instance id.
    """

    scopes: tuple[Scope, ...]
    rows: int
    total: int | None
    concurrency: dict[str, Concurrency] = {}


_LISTED: Final = msgspec.json.Decoder(_Listed)
_JOB_GROUPS: Final = msgspec.json.Decoder(_JobGroups)
_DESCRIBED: Final = msgspec.json.Decoder(_Described)
_INSTANCES: Final = msgspec.json.Decoder(_Instances)
_INSTANCE: Final = msgspec.json.Decoder(dict[str, Any])
_ROW: Final = msgspec.json.Decoder(ListRow)
_DETAIL: Final = msgspec.json.Decoder(DetailRow)


def read_instances(reply: Reply, *, clock_offset: float | None) -> InstancePage:
    """One page of ListInstances; ``clock_offset`` as in ``Transport``.

    Raises:
        PollError: The answer is an error, or not of the agreed shape.
    """
    return tolerant(reply, partial(_instances, clock_offset=clock_offset))


def read_page(reply: Reply, *, clock_offset: float | None) -> Page:
    """One page of ListJobGroups; ``clock_offset`` as in ``Transport``.

    Raises:
        ScopeGone: There is no such instance.
        PollError: The answer is another error, or not of the agreed shape.
    """
    return tolerant(reply, partial(_page, clock_offset=clock_offset))


def read_detail(
    reply: Reply, *, job_group_id: str, zone: str, clock_offset: float | None
) -> Task | None:
    """The job group of DescribeJobGroup; None where the vendor says that there is none.

    Working hours are local time in ``zone``, an IANA name; ``clock_offset`` as in ``Transport``.

    Raises:
        ScopeGone: There is no such instance.
        PollError: The answer is another error, or not of the agreed shape.
    """
    read = partial(_described, job_group_id=job_group_id, zone=zone, clock_offset=clock_offset)
    try:
        return tolerant(reply, read)
    except PollError as error:
        if error.code == NO_JOB_GROUP:
            return None
        raise


def _instances(reply: Reply, clock_offset: float | None) -> InstancePage:
    check(reply, clock_offset=clock_offset)
    rows, total = listed(_INSTANCES, reply.body, rows="Instances", total="TotalCount")
    instances = [as_object(_INSTANCE, row) or {} for row in rows]
    named = [(scope, listed_concurrency(row)) for row in instances if (scope := _scope(row)).id]
    if are_at_odds([(told[0].id, told) for told in named]):
        raise malformed("Instances: two different instances have one InstanceId")
    return InstancePage(
        scopes=tuple(scope for scope, _ in named),
        rows=len(rows),
        total=total or None,
        concurrency={scope.id: value for scope, value in named if value is not None},
    )


def _scope(instance: dict[str, Any]) -> Scope:
    fields = Fields()
    return Scope(
        id=fields.text("InstanceId", instance.get("InstanceId")),
        name=fields.text("InstanceName", instance.get("InstanceName")),
    )


def _page(reply: Reply, clock_offset: float | None) -> Page:
    well_formed = read_rows(reply.body) if is_success(reply) else None
    if well_formed is not None:
        tasks, total = well_formed
        return Page(tasks, total_of(total, path=_TOTAL, rows=len(tasks)))
    check(reply, clock_offset=clock_offset)
    answer = as_object(_LISTED, reply.body) or _Listed()
    rows, count = listed(_JOB_GROUPS, answer.job_groups, rows="JobGroups.List", total=_TOTAL)
    found = (as_object(_ROW, row) for row in rows)
    tasks = tuple(task for row in found if row and (task := listed_task(row)))
    return Page(tasks, count, nameless=len(rows) - len(tasks))


def _described(reply: Reply, job_group_id: str, zone: str, clock_offset: float | None) -> Task:
    check(reply, clock_offset=clock_offset)
    described = as_object(_DESCRIBED, reply.body) or _Described()
    row = as_object(_DETAIL, described.job_group)
    if row is None:
        raise malformed("JobGroup: expected an object")
    task = described_task(row, zone)
    if task.id != job_group_id:
        raise malformed("JobGroup.JobGroupId: expected the id that was asked for")
    return task
