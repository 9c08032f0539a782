"""The ``aliyun`` source: one scope an instance, lists for the counts, details one by one."""

import os
from typing import Any, Final

from exporter.config.model import Account
from exporter.domain import Concurrency, Scope, Task
from exporter.reply import Reply, malformed
from exporter.source import (
    Abilities,
    Outline,
    Page,
    Priority,
    Query,
    Source,
    SourceContext,
    SourceType,
)
from exporter.sources.aliyun.answer import CODES
from exporter.sources.aliyun.client import Client
from exporter.sources.aliyun.collector import OPERATIONS, AliyunConcurrency
from exporter.sources.aliyun.credentials.factory import Factory, Ways, operations_of
from exporter.sources.aliyun.credentials.model import CredentialProvider, Tools
from exporter.sources.aliyun.job_group import STATUSES
from exporter.sources.aliyun.options import AliyunOptions
from exporter.sources.aliyun.parse import InstancePage, read_detail, read_instances, read_page

_LIST_INSTANCES: Final = "ListInstances"
_LIST_JOB_GROUPS: Final = "ListJobGroups"
_DESCRIBE_JOB_GROUP: Final = "DescribeJobGroup"
_MOST_INSTANCE_PAGES: Final = 100
_NAMES: Final = {status: name for name, status in STATUSES.items()}


class AliyunSource:
    """One Alibaba Cloud identity."""

    def __init__(
        self, client: Client, options: AliyunOptions, *, credentials: CredentialProvider, zone: str
    ) -> None:
        self._client = client
        self.credentials = credentials
        self.options = options
        self._zone = zone
        self._abilities = _abilities(options)
        self._concurrency = AliyunConcurrency(client, page_size=options.page_size)

    @property
    def abilities(self) -> Abilities:
        """Any number of eight statuses a query, created since; details with ``find``."""
        return self._abilities

    @property
    def concurrency(self) -> AliyunConcurrency:
        """Three actions, each of them a GET."""
        return self._concurrency

    @property
    def credential_expiry(self) -> float | None:
        """When the credentials given last expire; None for those that nobody said expire."""
        return self.credentials.expiry

    def follow(self, before: Source) -> None:
        """Go on with the temporary credentials that are held, if they are got the same way."""
        if not isinstance(before, AliyunSource):
            return
        if before.options.credentials == self.options.credentials:
            self.credentials.follow(before.credentials)

    async def scopes(self) -> tuple[Scope, ...]:
        """The configured instances, without a name and without a call; else all there are.

        Raises:
            PollError: With the reason of the failure.
        """
        named = self.options.instances or tuple(
            group.instance_id for group in self.options.job_groups
        )
        if named:
            return tuple(Scope(id=instance) for instance in dict.fromkeys(named))
        return await self._discovered()

    def fixed_tasks(self, scope: Scope) -> tuple[str, ...] | None:
        """The configured job groups of an instance; None where none are configured at all."""
        groups = self.options.job_groups
        if not groups:
            return None
        return tuple(group.job_group_id for group in groups if group.instance_id == scope.id)

    async def page(self, query: Query, number: int, *, priority: Priority) -> Page:
        """Page ``number`` (from 1) of a query, in one call.

        Raises:
            ScopeGone: There is no such instance.
            PollError: With the reason of the failure.
        """
        parameters = {
            "InstanceId": query.scope.id,
            "PageNumber": str(number),
            "PageSize": str(query.page_size or self.options.page_size),
        }
        if query.statuses is not None:
            names = sorted(_NAMES[status] for status in query.statuses)
            parameters["JobGroupStatusFilter"] = ",".join(names)
        if query.created_since is not None:
            parameters["StartTime"] = str(max(0, int(query.created_since * 1000)))

        def read(reply: Reply) -> Page:
            return read_page(reply, clock_offset=self._client.clock_offset)

        return await self._client.call(_LIST_JOB_GROUPS, parameters, read, priority=priority)

    async def find(self, scope: Scope, task: Task, *, priority: Priority) -> Task | None:
        """The job group with its details; None where the vendor knows no such group.

        Raises:
            ScopeGone: There is no such instance.
            PollError: With the reason of the failure.
        """
        parameters = {"InstanceId": scope.id, "JobGroupId": task.id}

        def read(reply: Reply) -> Task | None:
            offset = self._client.clock_offset
            return read_detail(reply, job_group_id=task.id, zone=self._zone, clock_offset=offset)

        return await self._client.call(_DESCRIBE_JOB_GROUP, parameters, read, priority=priority)

    async def _discovered(self) -> tuple[Scope, ...]:
        """All instances.

        The vendor's samples show paging figures of 0, so a page that is short ends the list unless
        a total says that there is more, and a page that only repeats what is known ends it too.
        """
        found: dict[str, Scope] = {}
        concurrency: dict[str, Concurrency] = {}
        rows = 0
        for number in range(1, _MOST_INSTANCE_PAGES + 1):
            page = await self._instances(number)
            new = {scope.id: scope for scope in page.scopes if scope.id not in found}
            found |= new
            concurrency |= page.concurrency
            rows += page.rows
            if self._is_last(page, rows) or (not new and page.total is None):
                self._concurrency.take_listed(concurrency)
                return tuple(found.values())
            if not new:
                raise malformed("TotalCount: more than the pages of Instances hold")
        raise malformed("Instances: the paging does not end")

    async def _instances(self, number: int) -> InstancePage:
        parameters = {"PageNumber": str(number), "PageSize": str(self.options.page_size)}

        def read(reply: Reply) -> InstancePage:
            return read_instances(reply, clock_offset=self._client.clock_offset)

        return await self._client.call(_LIST_INSTANCES, parameters, read, priority=Priority.ACTIVE)

    def _is_last(self, page: InstancePage, rows: int) -> bool:
        if page.total is None:
            return page.rows < self.options.page_size
        return not page.rows or rows >= page.total


def _options(account: Account) -> AliyunOptions:
    if not isinstance(account.options, AliyunOptions):
        raise TypeError("not the options of an aliyun account")
    return account.options


def _abilities(options: AliyunOptions) -> Abilities:
    return Abilities(
        statuses=frozenset(_NAMES),
        page_size=options.page_size,
        created_since=True,
        details=True,
        discovers=not options.instances and not options.job_groups,
    )


def _outline(account: Account) -> Outline:
    options = _options(account)
    named = options.instances or {group.instance_id for group in options.job_groups}
    return Outline(
        abilities=_abilities(options),
        scopes=len(named) or None,
        tasks=len(options.job_groups) or None,
        concurrency=True,
    )


async def _open(context: SourceContext) -> Source:
    account = context.account
    options = _options(account)
    tools = Tools(
        account=account.name,
        clock=context.clock,
        random=context.random,
        background=context.background,
        environ=os.environ,
    )
    ways = Ways(sts=context.transport.elsewhere(), direct=context.direct, nonce=context.nonce)
    credentials = _provider(account, tools, ways)
    await credentials.check()
    client = Client(
        options.endpoint,
        credentials=credentials,
        transport=context.transport,
        clock=context.clock,
        nonce=context.nonce,
    )
    return AliyunSource(client, options, credentials=credentials, zone=account.common.timezone)


async def _check(account: Account) -> None:
    # What is offline needs neither a way to anywhere nor a task.
    nothing: Any = None
    tools = Tools(
        account=account.name,
        clock=nothing,
        random=nothing,
        background=nothing,
        environ=os.environ,
    )
    ways = Ways(sts=nothing, direct=nothing, nonce=nothing)
    await _provider(account, tools, ways).check()


def _provider(account: Account, tools: Tools, ways: Ways) -> CredentialProvider:
    path = f"{account.path}.credentials"
    return Factory(_options(account).credentials, path=path, tools=tools, ways=ways).provider()


def _further_operations(account: Account) -> tuple[str, ...]:
    return operations_of(_options(account).credentials)


ALIYUN: Final = SourceType(
    platform="aliyun",
    options=AliyunOptions,
    operations=(_LIST_INSTANCES, _LIST_JOB_GROUPS, _DESCRIBE_JOB_GROUP, *OPERATIONS),
    codes=CODES,
    open=_open,
    check=_check,
    outline=_outline,
    further_operations=_further_operations,
)
