"""The actions of OutboundBot 2019-12-26 that the simulator knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from exporter.simulator.accounts import AliyunAccount, Instance
from exporter.simulator.aliyun_rows import STATUS_WORDS, described, min_concurrency, row_of
from exporter.simulator.answers import Slide
from exporter.simulator.campaign import Campaign, Status
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.shelf import Match, Shelf
from exporter.simulator.world import World

MAX_PAGE_SIZE: Final = 100
_ACCOUNT_LIMIT: Final = 500
_STATUSES: Final[dict[str, Status]] = {
    word: status for status, word in STATUS_WORDS.items() if status != "unknown"
}


class Denial(Exception):  # noqa: N818  # an answer of the vendor, not a fault of ours
    """The request gets no data; ``code`` is the vendor's, ``status`` of HTTP."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """A verified request."""

    world: World
    account: AliyunAccount
    given: Mapping[str, str]
    slide: Slide
    options: SimulatorOptions

    def required(self, name: str) -> str:
        """Return a parameter; without it the request is refused."""
        value = self.given.get(name, "")
        if not value:
            raise Denial(f"Missing{name}", f"{name} is mandatory for this action.")
        return value

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return a parameter that is a number; None when it is left out."""
        text = self.given.get(name)
        if text is None:
            return default
        if not text.isdecimal():
            raise Denial("InvalidParameter", f"{name} must be a number.")
        return int(text)

    def instance(self) -> tuple[Instance, Shelf]:
        """Return the instance that is asked for."""
        wanted = self.required("InstanceId")
        for instance in self.account.instances:
            if instance.instance_id == wanted:
                return instance, self.world.shelf("aliyun", self.account.name, wanted)
        raise Denial("NotExist.Instance", "The specified instance does not exist.", 404)

    def paging(self, *, default_size: int | None = None) -> tuple[int, int]:
        """Return page number and size."""
        if default_size is None:
            self.required("PageNumber")
            self.required("PageSize")
        page, size = self.number("PageNumber", 1), self.number("PageSize", default_size)
        if not page or not size or size > MAX_PAGE_SIZE:
            raise Denial("InvalidParameter", "PageNumber or PageSize is out of range.")
        return page, size

    def start(self, page: int, size: int, total: int) -> int:
        """Return how many rows come before a page, past the last one as the options say."""
        start = self.slide.start(page, size)
        if start >= total > 0 and self.options.past_last_page == "last":
            return (total - 1) // size * size
        return start


def list_instances(call: Call) -> dict[str, Any]:
    """Answer ``ListInstances``."""
    page, size = call.paging(default_size=10)
    instances = call.account.instances
    start = call.start(page, size, len(instances))
    return {
        "PageNumber": page,
        "PageSize": size,
        "TotalCount": len(instances),
        "Instances": [_instance(one) for one in instances[start : start + size]],
    }


def list_job_groups(call: Call) -> dict[str, Any]:
    """Answer ``ListJobGroups``."""
    _, shelf = call.instance()
    page, size = call.paging()
    since, until = call.number("StartTime"), call.number("EndTime")
    match = Match(
        statuses=_statuses(call.given.get("JobGroupStatusFilter", "")),
        text=call.given.get("SearchText", ""),
        created_from=None if since is None else since / 1000,
        created_to=None if until is None else until / 1000,
    )
    rows, total = shelf.page(match, offset=call.slide.start(page, size), size=size)
    if not rows and total:
        rows, total = shelf.page(match, offset=call.start(page, size, total), size=size)
    listing = {
        "PageNumber": page,
        "PageSize": size,
        "TotalCount": total,
        "List": [msgspec.Raw(row_of(row)) for row in rows],
    }
    return {"AsyncTaskId": "", "JobGroups": listing}


def describe_job_group(call: Call) -> dict[str, Any]:
    """Answer ``DescribeJobGroup``."""
    _, shelf = call.instance()
    row = shelf.by_id.get(call.required("JobGroupId"))
    if row is None:
        raise Denial("NotExist.JobGroup", "The specified job group does not exist.", 404)
    return {"JobGroup": described(row)}


def realtime_concurrency(call: Call) -> dict[str, Any]:
    """Answer ``GetRealtimeConcurrencyReport``: running groups, of one instance or all."""
    wanted, group = call.given.get("InstanceId"), call.given.get("JobGroupId")
    if wanted:
        call.instance()
    rows = [
        (instance, row, occupied)
        for instance in call.account.instances
        if wanted in {None, "", instance.instance_id}
        for row, occupied in _running(call, instance)
        if group in {None, "", row.task_id}
    ]
    page, size = call.paging(default_size=MAX_PAGE_SIZE)
    start = call.start(page, size, len(rows))
    now_ms = int(call.world.now * 1000)
    listing = [_report(*row, now_ms) for row in rows[start : start + size]]
    reports = {"TotalCount": len(rows), "PageNumber": page, "PageSize": size, "List": listing}
    return {"ReportDate": now_ms, "Reports": reports}


def current_concurrency(call: Call) -> dict[str, Any]:
    """Answer ``GetCurrentConcurrency``."""
    instance, _ = call.instance()
    return {
        "InstanceId": instance.instance_id,
        "CurrentConcurrency": sum(occupied for _, occupied in _running(call, instance)),
        "MaxConcurrentConversation": instance.max_concurrency,
    }


def concurrency_quota(call: Call) -> dict[str, Any]:
    """Answer ``GetConcurrentConversationQuota``."""
    used = sum(one.max_concurrency for one in call.account.instances)
    limit = max(_ACCOUNT_LIMIT, used)
    return {"MaxConcurrent": limit, "RemainingConcurrent": limit - used}


ACTIONS: Final[Mapping[str, Callable[[Call], dict[str, Any]]]] = {
    "ListInstances": list_instances,
    "ListJobGroups": list_job_groups,
    "DescribeJobGroup": describe_job_group,
    "GetRealtimeConcurrencyReport": realtime_concurrency,
    "GetCurrentConcurrency": current_concurrency,
    "GetConcurrentConversationQuota": concurrency_quota,
}
GET_ONLY: Final = frozenset({"GetRealtimeConcurrencyReport"})


def _statuses(text: str) -> frozenset[Status] | None:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        return None
    if not _STATUSES.keys() >= set(words):
        raise Denial("InvalidParameter", "JobGroupStatusFilter is not valid.")
    return frozenset(_STATUSES[word] for word in words)


def _running(call: Call, instance: Instance) -> list[tuple[Campaign, int]]:
    """Give running groups and their calls; together no more than the instance may have."""
    shelf = call.world.shelf("aliyun", call.account.name, instance.instance_id)
    left, found = instance.max_concurrency, []
    for row in shelf.with_status("running"):
        occupied = min(row.in_flight, left)
        left -= occupied
        found.append((row, occupied))
    return found


def _instance(instance: Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.instance_id,
        "InstanceName": instance.name,
        "InstanceDescription": "外呼机器人",
        "OwnerName": "demo",
        "CreatorId": 270000000000000000,
        "CreatorName": "demo",
        "ResourceGroupId": "rg-acfm2kxqt2xxxxx",
        "CreationTime": 1578881227404,
        "MaxConcurrentConversation": instance.max_concurrency,
        "IsPreset": False,
        "ResourceTags": [],
    }


def _report(instance: Instance, row: Campaign, occupied: int, now_ms: int) -> dict[str, Any]:
    return {
        "InstanceId": instance.instance_id,
        "InstanceName": instance.name,
        "JobGroupId": row.task_id,
        "JobGroupName": row.name,
        "OccupiedConcurrencyCount": occupied,
        "MaxConcurrencyLimit": row.pace.lines,
        "MinConcurrencyLimit": min_concurrency(row),
        "ReportDate": now_ms,
    }
