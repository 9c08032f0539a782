"""The fast way to read a page of job groups: whole, in one go, where every value is as documented.

An account of a hundred thousand groups is read page after page, and nearly all pages are like that.
One value of another kind, and the page is read value by value instead (``parse``), which costs that
value and nothing else; both ways make the same tasks of what they both can read.
"""

from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from exporter.domain import Info, Progress, Task
from exporter.sources.aliyun.job_group import STATUSES
from exporter.sources.lenient import LARGEST_COUNT, LARGEST_MILLISECONDS

_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)] | None
_Moment = Annotated[int, msgspec.Meta(gt=0, le=LARGEST_MILLISECONDS)] | None


class _OtherKindError(Exception):
    """A value that has to be read by itself."""


class _Counts(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    total_jobs: _Count = None
    total_completed: _Count = None
    scheduling: _Count = None
    executing_num: _Count = None
    failed_num: _Count = None
    paused_num: _Count = None
    cancelled_num: _Count = None


class _Strategy(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    end_time: _Moment = None


class _Row(msgspec.Struct, rename="pascal", gc=False):
    job_group_id: Annotated[str, msgspec.Meta(min_length=1)]
    status: Literal[tuple(STATUSES)]  # type: ignore[valid-type]  # the table says which
    job_group_name: str | None = None
    script_id: str | None = None
    script_name: str | None = None
    script_version: str | None = None
    creation_time: _Moment = None
    modify_time: str | None = None
    total_call_num: _Count = None
    progress: _Counts | None = None
    strategy: _Strategy | None = None


class _Groups(msgspec.Struct, rename="pascal"):
    rows: list[_Row] = msgspec.field(name="List")
    total_count: msgspec.Raw = msgspec.Raw(b"null")


class _Listed(msgspec.Struct, rename="pascal"):
    code: Literal["OK"]
    job_groups: _Groups
    success: bool = True


_MOST_DIGITS: Final = 14
_NO_COUNTS: Final = _Counts()
_LISTED: Final = msgspec.json.Decoder(_Listed)


def read_rows(body: bytes) -> tuple[tuple[Task, ...], msgspec.Raw] | None:
    """The tasks of a success and its ``TotalCount``; None where it has to be read value by value.

    Raises:
        msgspec.DecodeError: It is not strictly JSON.
    """
    try:
        listed = _LISTED.decode(body)
        groups = listed.job_groups
        tasks = tuple([_task(row) for row in groups.rows])
    except (msgspec.ValidationError, _OtherKindError):
        return None
    return (tasks, groups.total_count) if listed.success else None


def _task(row: _Row) -> Task:
    counts = row.progress or _NO_COUNTS
    created = None if row.creation_time is None else row.creation_time / 1000
    modified = None if row.modify_time is None else _moment(row.modify_time)
    end = None if row.strategy is None else row.strategy.end_time
    return Task(
        id=row.job_group_id,
        name=row.job_group_name or "",
        status=STATUSES[row.status],
        info=_info(row.script_id, row.script_name, row.script_version),
        progress=Progress(
            customers=counts.total_jobs,
            completed=counts.total_completed,
            scheduling=counts.scheduling,
            executing=counts.executing_num,
            failed=counts.failed_num,
            paused=counts.paused_num,
            cancelled=counts.cancelled_num,
            calls=row.total_call_num,
        ),
        created=created,
        modified=modified,
        aged_from=modified or (None if end is None else end / 1000) or created,
        rank=created or 0.0,
    )


def _moment(text: str) -> float:
    """Milliseconds as text, of no more digits than moments up to the year 9999 have."""
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and text[0] != "0":
        return int(text) / 1000
    raise _OtherKindError


@lru_cache(4096)
def _info(script_id: str | None, name: str | None, version: str | None) -> Info:
    return Info(script_id=script_id or "", script_name=name or "", script_version=version or "")
