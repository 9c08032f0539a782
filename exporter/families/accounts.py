"""Families of one account: whether it can be trusted, and what its polls cost and drop."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from exporter.domain import AccountState, Status
from exporter.errors import Reason
from exporter.families.model import Collector, Family, Labels, Samples, Subject

DROP_REASONS: Final = ("filtered", "aged", "limit")


def _tier(field: str) -> Callable[[AccountState], Samples]:
    get = attrgetter(field)

    def read(state: AccountState) -> Samples:
        for tier, values in state.tiers.items():
            value = get(values)
            if value is not None:
                yield (tier.value,), value

    return read


def _instances_up(state: AccountState) -> Samples:
    for scope, up in state.scopes_up:
        yield (scope.id, scope.name), up


def _collectors_up(state: AccountState) -> Samples:
    for collector, up in state.collectors_up:
        yield (collector,), up


def _failures(state: AccountState) -> Samples:
    at_work = {failure.reason for failure in state.failures}
    for reason in Reason:
        yield (reason.value,), reason.value in at_work


def _tasks(state: AccountState) -> Samples:
    for status in Status:
        yield (status.value,), state.tasks.get(status, 0)


def _dropped(state: AccountState) -> Samples:
    for reason in DROP_REASONS:
        yield (reason,), state.dropped.get(reason, 0)


def _account(name: str, read: Any, help_text: str, *extra: str) -> Family:
    return Family(
        f"outbound_account_{name}",
        Collector.ACCOUNT,
        Labels.ACCOUNT,
        Subject.STATE,
        help_text,
        attrgetter(read) if isinstance(read, str) else read,
        extra=extra,
        dezhu="yes",
        aliyun="yes",
    )


ACCOUNT_FAMILIES: Final = (
    _account(
        "up",
        "up",
        "1 if the latest poll of every tier and instance worked; absent before the first.",
    ),
    Family(
        "outbound_instance_up",
        Collector.ACCOUNT,
        Labels.ACCOUNT,
        Subject.STATE,
        "1 if the latest poll of every tier of the instance worked; absent before the first.",
        _instances_up,
        extra=("instance_id", "instance_name"),
        aliyun="yes",
    ),
    Family(
        "outbound_account_collector_up",
        Collector.ACCOUNT,
        Labels.ACCOUNT,
        Subject.STATE,
        "1 if the latest polls of an optional collector worked; it does not touch"
        " outbound_account_up.",
        _collectors_up,
        extra=("collector",),
        aliyun="detail: DescribeJobGroup; concurrency: its three actions",
    ),
    _account(
        "failure",
        _failures,
        "1 for each reason now at work in a poll of the account; all reasons are always there.",
        "reason",
    ),
    Family(
        "outbound_account_credential_expiry_timestamp_seconds",
        Collector.ACCOUNT,
        Labels.ACCOUNT,
        Subject.STATE,
        "When the temporary credentials in use expire, epoch seconds.",
        attrgetter("credential_expiry"),
        aliyun="temporary credentials",
    ),
    _account(
        "clock_offset_seconds",
        "clock_offset",
        "The clock of the vendor (Date header of the latest poll) less ours, to the second.",
    ),
    _account(
        "refresh_interval_seconds",
        _tier("interval"),
        "How often a tier is polled now.",
        "tier",
    ),
    _account(
        "configured_refresh_interval_seconds",
        _tier("configured"),
        "How often a tier is to be polled by the configuration; less often where the budget does"
        " not hold that.",
        "tier",
    ),
    Family(
        "outbound_account_details_outstanding",
        Collector.ACCOUNT,
        Labels.ACCOUNT,
        Subject.STATE,
        "Tasks whose detail poll is due and not yet made.",
        attrgetter("details_outstanding"),
        aliyun="DescribeJobGroup",
    ),
    _account(
        "unclassified_tasks",
        "unclassified",
        "Tasks that no status filter finds: total of an unfiltered poll less those of the filtered"
        " ones.",
    ),
    _account(
        "last_success_timestamp_seconds",
        _tier("last_success"),
        "When a tier was last polled whole, epoch seconds; the oldest of its instances.",
        "tier",
    ),
    _account(
        "poll_duration_seconds",
        _tier("duration"),
        "How long the latest poll of a tier took; the longest of its instances.",
        "tier",
    ),
    _account("tasks", _tasks, "Tasks exposed, by status, as of the latest polls.", "status"),
    _account(
        "dropped_tasks",
        _dropped,
        "Tasks polled and not exposed: filtered by name, aged, or over the limit.",
        "reason",
    ),
)
