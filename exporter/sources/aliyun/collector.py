"""What the optional collector ``concurrency`` asks an ``aliyun`` account: one action a question."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from exporter.domain import Concurrency, Scope
from exporter.reply import Reply
from exporter.source import ConcurrencyPage, Priority
from exporter.sources.aliyun.client import Client
from exporter.sources.aliyun.concurrency import read_current, read_quota, read_report

_REPORT: Final = "GetRealtimeConcurrencyReport"
_CURRENT: Final = "GetCurrentConcurrency"
_QUOTA: Final = "GetConcurrentConversationQuota"
OPERATIONS: Final = (_REPORT, _CURRENT, _QUOTA)
"""The actions, each with a permission of its own."""

T = TypeVar("T")


class AliyunConcurrency:
    """Concurrency of one Alibaba Cloud identity."""

    def __init__(self, client: Client, *, page_size: int) -> None:
        self._client = client
        self._page_size = page_size
        self._listed: Mapping[str, Concurrency] = {}

    async def tasks(self, scope: Scope, number: int) -> ConcurrencyPage:
        """Page ``number`` (from 1) of the job groups of an instance that call now.

        Raises:
            ScopeGone: There is no such instance.
            PollError: With the reason of the failure.
        """
        parameters = {
            "InstanceId": scope.id,
            "PageNumber": str(number),
            "PageSize": str(self._page_size),
        }

        def read(reply: Reply) -> ConcurrencyPage:
            return read_report(reply, clock_offset=self._client.clock_offset)

        return await self._call(_REPORT, parameters, read)

    async def scope(self, scope: Scope) -> Concurrency:
        """An instance as a whole.

        Raises:
            ScopeGone: There is no such instance.
            PollError: With the reason of the failure.
        """

        def read(reply: Reply) -> Concurrency:
            return read_current(reply, clock_offset=self._client.clock_offset)

        return await self._call(_CURRENT, {"InstanceId": scope.id}, read)

    async def account(self) -> Concurrency:
        """The quota of the account.

        Raises:
            PollError: With the reason of the failure.
        """

        def read(reply: Reply) -> Concurrency:
            return read_quota(reply, clock_offset=self._client.clock_offset)

        return await self._call(_QUOTA, {}, read)

    def listed(self, scope: Scope) -> Concurrency | None:
        """What the latest list of instances told; None for an instance that was not listed."""
        return self._listed.get(scope.id)

    def take_listed(self, listed: Mapping[str, Concurrency]) -> None:
        """Keep what a complete list of instances told, by instance id."""
        self._listed = listed

    async def _call(
        self, action: str, parameters: Mapping[str, str], read: Callable[[Reply], T]
    ) -> T:
        return await self._client.call(action, parameters, read, priority=Priority.CONCURRENCY)
