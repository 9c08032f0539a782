"""Families of calls at the same time: in a campaign, in an instance, in the account."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from exporter.domain import AccountState
from exporter.families.model import Collector, Family, Labels, Samples, Subject


def _instances(field: str) -> Callable[[AccountState], Samples]:
    get = attrgetter(field)

    def read(state: AccountState) -> Samples:
        for scope, concurrency in state.scopes_concurrency:
            value = get(concurrency)
            if value is not None:
                yield (scope.id, scope.name), value

    return read


def _account(field: str) -> Callable[[AccountState], Any]:
    get = attrgetter(field)

    def read(state: AccountState) -> Any:
        return None if state.concurrency is None else get(state.concurrency)

    return read


def _of_state(
    name: str, read: Any, help_text: str, *, aliyun: str, extra: tuple[str, ...] = ()
) -> Family:
    return Family(
        name,
        Collector.CONCURRENCY,
        Labels.ACCOUNT,
        Subject.STATE,
        help_text,
        read,
        extra=extra,
        aliyun=aliyun,
    )


def _of_task(name: str, field: str, help_text: str, *, aliyun: str) -> Family:
    return Family(
        name,
        Collector.CONCURRENCY,
        Labels.TASK,
        Subject.CONCURRENCY,
        help_text,
        attrgetter(field),
        aliyun=aliyun,
    )


CONCURRENCY_FAMILIES: Final = (
    _of_task(
        "outbound_task_concurrency",
        "current",
        "Calls of the campaign under way at once. Polled from Alibaba OccupiedConcurrencyCount.",
        aliyun="GetRealtimeConcurrencyReport OccupiedConcurrencyCount",
    ),
    _of_task(
        "outbound_task_concurrency_limit",
        "limit",
        "Calls of the campaign that may be under way at once. Polled from Alibaba"
        " MaxConcurrencyLimit.",
        aliyun="GetRealtimeConcurrencyReport MaxConcurrencyLimit",
    ),
    _of_state(
        "outbound_instance_concurrency",
        _instances("current"),
        "Calls of the instance under way at once. Polled from Alibaba CurrentConcurrency.",
        extra=("instance_id", "instance_name"),
        aliyun="GetCurrentConcurrency CurrentConcurrency",
    ),
    _of_state(
        "outbound_instance_concurrency_limit",
        _instances("limit"),
        "Calls of the instance that may be under way at once. Polled from Alibaba"
        " MaxConcurrentConversation.",
        extra=("instance_id", "instance_name"),
        aliyun="GetCurrentConcurrency MaxConcurrentConversation, else that of ListInstances",
    ),
    _of_state(
        "outbound_account_concurrency_limit",
        _account("limit"),
        "Calls of the account that may be under way at once. Polled from Alibaba MaxConcurrent.",
        aliyun="GetConcurrentConversationQuota MaxConcurrent",
    ),
    _of_state(
        "outbound_account_concurrency_remaining",
        _account("remaining"),
        "What is left of the limit of the account, as the vendor counts it. Polled from Alibaba"
        " RemainingConcurrent.",
        aliyun="GetConcurrentConversationQuota RemainingConcurrent",
    ),
)
