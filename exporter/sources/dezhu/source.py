"""The ``dezhu`` source: one scope, filtered by one status at a time, details in every row."""

import asyncio
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exporter.config.model import Account
from exporter.domain import Scope, Status, Task
from exporter.errors import ConfigError, PollError, Reason
from exporter.source import (
    Abilities,
    Outline,
    Page,
    Priority,
    Query,
    Source,
    SourceContext,
    SourceType,
    are_at_odds,
)
from exporter.sources.dezhu.answer import CODES, INCONCLUSIVE
from exporter.sources.dezhu.client import Client
from exporter.sources.dezhu.options import DezhuOptions
from exporter.sources.dezhu.parse import STATUSES
from exporter.sources.dezhu.signature import PrivateKey

_LIST: Final = "list_tasks"
_FIND: Final = "find_task"
_LOOK_UP_PAGES: Final = 5
_NUMBERS: Final = {status: str(number) for number, status in STATUSES.items()}


class DezhuSource:
    """One Dezhu account."""

    def __init__(self, client: Client, *, page_size: int) -> None:
        self._client = client
        self._abilities = _abilities(page_size)

    @property
    def abilities(self) -> Abilities:
        """One of six statuses a query; no filter by creation; rows are complete."""
        return self._abilities

    @property
    def concurrency(self) -> None:
        """The vendor does not tell it."""
        return None

    @property
    def credential_expiry(self) -> None:
        """None: a key pair lasts."""
        return None

    def follow(self, before: Source) -> None:
        """Nothing: a call holds all that the next one needs."""

    async def scopes(self) -> tuple[Scope, ...]:
        """The account as a whole; makes no call."""
        return (Scope(),)

    def fixed_tasks(self, scope: Scope) -> tuple[str, ...] | None:  # noqa: ARG002
        """None: the list is read."""
        return None

    async def page(self, query: Query, number: int, *, priority: Priority) -> Page:
        """Page ``number`` (from 1) of a query, in one call.

        Raises:
            PollError: With the reason of the failure.
        """
        filters = {} if query.statuses is None else {"taskStatus": _number(query.statuses)}
        size = query.page_size or self._abilities.page_size
        return await self._client.page(_LIST, number, size, priority=priority, **filters)

    async def find(self, scope: Scope, task: Task, *, priority: Priority) -> Task | None:  # noqa: ARG002
        """The task with the id of ``task``, looked up by its name; None where it is gone.

        Raises:
            PollError: With the reason of the failure; protocol where the list of that name is too
                long or did not hold still, for then a task not seen may be there all the same.
        """
        seen: set[str] = set()
        rows, total = 0, None
        for number in range(1, _LOOK_UP_PAGES + 1):
            page = await self._client.page(
                _FIND, number, self._abilities.page_size, priority=priority, query=task.name
            )
            ids = {found.id for found in page.tasks}
            same = [found for found in page.tasks if found.id == task.id]
            if are_at_odds([(task.id, found) for found in same]):
                raise PollError(
                    Reason.PROTOCOL,
                    "the look-up by name gave two tasks with one id; ask the vendor, as no setting"
                    " mends it",
                    code=INCONCLUSIVE,
                )
            if same:
                return same[0]
            here = len(page.tasks) + page.nameless
            moved = len(ids) < len(page.tasks) or not seen.isdisjoint(ids)
            if moved or (number > 1 and here and page.total != total):
                break
            seen |= ids
            rows, total = rows + here, page.total if here else total
            # Past the end of a list without a total is an empty page, whatever total that shows.
            if rows >= total if total else not here:
                return None
        raise PollError(
            Reason.PROTOCOL,
            f"the look-up by name told nothing in {_LOOK_UP_PAGES} pages; raise page_size",
            code=INCONCLUSIVE,
        )


def _abilities(page_size: int) -> Abilities:
    return Abilities(statuses=frozenset(_NUMBERS), page_size=page_size, statuses_per_query=1)


def _outline(account: Account) -> Outline:
    return Outline(abilities=_abilities(_options(account).page_size))


def _number(statuses: frozenset[Status]) -> str:
    (status,) = statuses
    return _NUMBERS[status]


def _options(account: Account) -> DezhuOptions:
    if not isinstance(account.options, DezhuOptions):
        raise TypeError("not the options of a dezhu account")
    return account.options


async def _zone(account: Account) -> ZoneInfo:
    try:
        return await asyncio.to_thread(ZoneInfo, account.common.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            "expected a time zone such as Asia/Shanghai", path=f"{account.path}.timezone"
        ) from None


async def _open(context: SourceContext) -> Source:
    account = context.account
    options = _options(account)
    key = PrivateKey(options, account.path)
    await key.get()
    client = Client(
        options,
        key=key,
        zone=await _zone(account),
        transport=context.transport,
        clock=context.clock,
    )
    return DezhuSource(client, page_size=options.page_size)


async def _check(account: Account) -> None:
    await PrivateKey(_options(account), account.path).get()
    await _zone(account)


DEZHU: Final = SourceType(
    platform="dezhu",
    options=DezhuOptions,
    operations=(_LIST, _FIND),
    codes=CODES,
    open=_open,
    check=_check,
    outline=_outline,
)
