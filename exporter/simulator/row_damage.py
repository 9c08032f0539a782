"""What faults do to single rows."""

from collections.abc import Callable
from typing import Any, Final

_STRANGE: Final = (
    'quote " and backslash \\ and\nnewline',
    "emoji 📞🔥 and tab\t",
    "<script>alert('x')</script> & {label=\"v\"}",
    "很长" * 2000,
    " leading and trailing ",
    "right-to-left \u202e and null-like \u0000 inside",
)
_MADE_UP_NUMBER: Final = "13800000000"
_COUNTS: Final = frozenset(
    {
        *("customerAmount", "completedCount", "connectedCount"),
        *("ExecutingNum", "FailedNum", "PausedNum", "CancelledNum"),
    }
)
"""At Alibaba those that older documentation calls obsolete in ``ListJobGroups``."""
_OPTIONAL: Final = (
    "taskDesc",
    "skillSetName",
    "outboundNumberGroupId",
    "strategyDisplaySwitch",
    "maxRingingDuration",
    "acw",
    "outboundPhoneGroups",
    "connectPercentage",
    "JobGroupDescription",
    "ScriptName",
    "ScriptVersion",
    "MinConcurrency",
    "RecallStrategy",
    "RingingDuration",
    "CallingNumbers",
    "Priority",
)


def _no_id(row: dict[str, Any], _place: int, identity: str, _name: str, _status: str) -> None:
    row.pop(identity, None)


def _unknown_status(
    row: dict[str, Any], _place: int, _identity: str, _name: str, status: str
) -> None:
    if status in row:
        row[status] = 99 if isinstance(row[status], int) else "Sleeping"


def _strange_names(
    row: dict[str, Any], place: int, _identity: str, name: str, _status: str
) -> None:
    row[name] = _STRANGE[place % len(_STRANGE)]


def _phone_names(row: dict[str, Any], place: int, _identity: str, name: str, _status: str) -> None:
    row[name] = f"回访{_MADE_UP_NUMBER}-{place}"


def _no_counts(row: dict[str, Any], _place: int, _identity: str, _name: str, _status: str) -> None:
    for holder in (row, row.get("Progress") or {}):
        for name in _COUNTS & holder.keys():
            del holder[name]


def _field_types(row: dict[str, Any], place: int, identity: str, name: str, _status: str) -> None:
    """Turn numbers into text, text into numbers, or lose optional fields, by the row's place."""
    if place % 3 == 0:
        row.update({key: _as_text(value) for key, value in row.items()})
    elif place % 3 == 1:
        kept = {identity, name}
        row.update({key: _as_number(value) for key, value in row.items() if key not in kept})
    else:
        for number, key in enumerate(_OPTIONAL):
            if key in row and number % 2:
                row[key] = None
            else:
                row.pop(key, None)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return {key: _as_text(one) for key, one in value.items()}
    return value


def _as_number(value: Any) -> Any:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, dict):
        return {key: _as_number(one) for key, one in value.items()}
    return value


ROW_DAMAGE: Final[dict[str, Callable[[dict[str, Any], int, str, str, str], None]]] = {
    "no_id": _no_id,
    "no_counts": _no_counts,
    "unknown_status": _unknown_status,
    "strange_names": _strange_names,
    "phone_names": _phone_names,
    "field_types": _field_types,
}
"""Kind to what it does to a row: row, its place on the page, keys of id, name and status."""
