"""What faults do to an answer before it is sent."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from exporter.simulator.answers import Answer, Visit, encode
from exporter.simulator.campaign import Vendor
from exporter.simulator.faults import Fault
from exporter.simulator.row_damage import ROW_DAMAGE

_HUGE_BYTES: Final = 9 * 1024 * 1024
_HTML: Final = b"<html><head><title>Error</title></head><body><h1>Error</h1></body></html>"
_ENDLESS_ID: Final = 900_000_000
_ALIYUN_STATUS: Final = {
    "Throttling": 400,
    "Forbidden": 403,
    "NoPermission": 403,
    "NotExist": 404,
    "InvalidAction": 404,
    "InvalidApi": 404,
    "InvalidAccessKeyId": 404,
    "InternalError": 500,
    "UnknownError": 500,
    "ServiceUnavailable": 503,
    "ServiceTimeout": 503,
}
"""First word of a code to the HTTP status that it usually comes with; others come with 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where an operation keeps what faults change; empty where it has no such thing."""

    holder: tuple[str, ...] = ()
    """Keys that lead to the object with the list."""
    rows: str
    total: str = ""
    one: bool = False
    """``rows`` is a single row, not a list."""
    identity: str
    name: str
    status: str = "Status"


_SHAPES: Final[dict[tuple[Vendor, str], Shape]] = {
    ("dezhu", "page"): Shape(
        holder=("data",),
        rows="list",
        total="total",
        identity="taskId",
        name="taskName",
        status="taskStatus",
    ),
    ("aliyun", "ListJobGroups"): Shape(
        holder=("JobGroups",),
        rows="List",
        total="TotalCount",
        identity="JobGroupId",
        name="JobGroupName",
    ),
    ("aliyun", "DescribeJobGroup"): Shape(
        rows="JobGroup", one=True, identity="JobGroupId", name="JobGroupName"
    ),
    ("aliyun", "ListInstances"): Shape(
        rows="Instances", total="TotalCount", identity="InstanceId", name="InstanceName"
    ),
    ("aliyun", "GetRealtimeConcurrencyReport"): Shape(
        holder=("Reports",),
        rows="List",
        total="TotalCount",
        identity="JobGroupId",
        name="JobGroupName",
    ),
}


def damaged(answer: Answer, fault: Fault, visit: Visit) -> Answer:
    """Return an answer with a fault in it; faults of the connection leave it as it is.

    Faults inside the data need a successful answer of an operation that has such data, and leave
    any other as it is.
    """
    if fault.kind in _REPLACED:
        return _REPLACED[fault.kind](answer, fault, visit)
    shape = _SHAPES.get((visit.vendor, visit.operation))
    if not answer.ok or shape is None:
        return answer
    document = msgspec.json.decode(answer.body)
    holder = document
    for key in shape.holder:
        holder = holder[key]
    if fault.kind in ROW_DAMAGE:
        rows = [holder[shape.rows]] if shape.one else holder[shape.rows]
        for place, row in enumerate(rows[: fault.rows] if fault.rows is not None else rows):
            ROW_DAMAGE[fault.kind](row, place, shape.identity, shape.name, shape.status)
    elif fault.kind in _LISTED and not shape.one:
        _LISTED[fault.kind](holder, shape, fault, visit)
    else:
        return answer
    return dataclasses.replace(answer, body=encode(document))


def _status(answer: Answer, fault: Fault, _visit: Visit) -> Answer:
    body = {"html": _HTML, "empty": b""}.get(fault.body, fault.body.encode())
    return dataclasses.replace(
        answer,
        body=body,
        ok=False,
        status=fault.http_status or 500,
        content_type="text/html",
        headers={**answer.headers, **fault.headers},
    )


def _code(answer: Answer, fault: Fault, visit: Visit) -> Answer:
    message = fault.message or f"simulated {fault.code}"
    if visit.vendor == "dezhu":
        status = fault.http_status or 200
        body: dict[str, Any] = {"code": fault.code, "message": message, "data": None}
    else:
        usual = _ALIYUN_STATUS.get(fault.code.partition(".")[0], 400)
        status = fault.http_status or usual
        body = {"RequestId": "SIMULATED", "Code": fault.code, "Message": message}
        body |= {"HttpStatusCode": status, "Success": False} if status == 200 else {}
    return dataclasses.replace(
        answer,
        code=fault.code,
        body=encode(body),
        ok=False,
        status=status,
        headers={**answer.headers, **fault.headers},
    )


def _garbage(answer: Answer, _fault: Fault, _visit: Visit) -> Answer:
    return dataclasses.replace(answer, body=b"\x00\xff<not json", ok=False)


def _truncated(answer: Answer, _fault: Fault, _visit: Visit) -> Answer:
    return dataclasses.replace(answer, body=answer.body[: len(answer.body) // 2], ok=False)


def _huge(answer: Answer, fault: Fault, _visit: Visit) -> Answer:
    # Blanks before the last brace: valid JSON of the agreed shape, only far too long.
    blanks = b" " * (fault.size or _HUGE_BYTES)
    return dataclasses.replace(answer, body=answer.body[:-1] + blanks + answer.body[-1:])


def _wrong_types(holder: dict[str, Any], shape: Shape, _fault: Fault, _visit: Visit) -> None:
    holder[shape.rows], holder[shape.total] = "a list", "x"


def _list_null(holder: dict[str, Any], shape: Shape, fault: Fault, _visit: Visit) -> None:
    holder[shape.rows] = None
    if fault.total is not None:
        holder[shape.total] = fault.total


def _empty(holder: dict[str, Any], shape: Shape, fault: Fault, _visit: Visit) -> None:
    holder[shape.rows], holder[shape.total] = [], fault.total or 0


def _endless(holder: dict[str, Any], shape: Shape, fault: Fault, visit: Visit) -> None:
    page, rows = visit.page or 1, holder[shape.rows]
    size = max(visit.size, len(rows), 1)
    holder[shape.total] = (page + 1) * size
    if not fault.same_page and rows:
        copies = [dict(rows[place % len(rows)]) for place in range(size)]
        for place, row in enumerate(copies):
            number = _ENDLESS_ID + page * 10_000 + place
            row[shape.identity] = number if visit.vendor == "dezhu" else f"endless-{number}"
        holder[shape.rows] = copies


def _duplicate_ids(holder: dict[str, Any], shape: Shape, _fault: Fault, _visit: Visit) -> None:
    rows = holder[shape.rows]
    # Another fault may have taken the ids away.
    if len(rows) > 1 and shape.identity in rows[0]:
        rows[1][shape.identity] = rows[0][shape.identity]


def _shrinking_total(holder: dict[str, Any], shape: Shape, fault: Fault, visit: Visit) -> None:
    less = ((visit.page or 1) - 1) * fault.amount
    holder[shape.total] = max(0, holder[shape.total] - less)


_Replace = Callable[[Answer, Fault, Visit], Answer]
_Change = Callable[[dict[str, Any], Shape, Fault, Visit], None]

_REPLACED: Final[dict[str, _Replace]] = {
    "status": _status,
    "code": _code,
    "garbage": _garbage,
    "truncated": _truncated,
    "huge": _huge,
}
_LISTED: Final[dict[str, _Change]] = {
    "wrong_types": _wrong_types,
    "list_null": _list_null,
    "empty": _empty,
    "endless": _endless,
    "duplicate_ids": _duplicate_ids,
    "shrinking_total": _shrinking_total,
}
