"""What a vendor offers to the poller, in the vendor-neutral words of ``exporter.domain``.

A source asks and parses. It owns no tier, no interval, no paging and no retry: those are the
poller's, and so alike for every vendor. Adding a vendor is one folder below ``exporter.sources``
with a ``SourceType`` and one entry in ``exporter.sources.SOURCES``.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

from exporter.background import Background
from exporter.clock import Clock
from exporter.config.model import Account
from exporter.domain import TIER_OF, Concurrency, Scope, Status, Task, Tier
from exporter.errors import Reason
from exporter.schedule import Random
from exporter.transport import Direct, Transport


class Priority(IntEnum):
    """Who goes first when calls wait for the budget; the lowest number does."""

    ACTIVE = 0
    IDLE = 1
    FINISHED = 2
    CONCURRENCY = 3
    DETAIL = 4


class Query(msgspec.Struct, frozen=True):
    """A filtered list of tasks.

    ``statuses`` None: unfiltered. ``created_since`` in epoch seconds is set only for a source whose
    ``Abilities`` say that it can filter by it. ``page_size`` None: the account's.
    """

    scope: Scope
    statuses: frozenset[Status] | None
    created_since: float | None = None
    page_size: int | None = None


class Page(msgspec.Struct, frozen=True):
    """One page of a query.

    ``total`` is the vendor's count of the whole filtered list, None where it gave none.
    ``nameless`` counts rows that had no id: they are dropped, yet the vendor's total holds them.
    """

    tasks: tuple[Task, ...]
    total: int | None
    nameless: int = 0


def are_at_odds(rows: Sequence[tuple[str, object]]) -> bool:
    """Whether rows of one page, each with its id, say different things under the same id.

    A row that moves is seen on two pages. Within one page two that differ are two tasks, one of
    which has the id of the other, and nobody can tell which.
    """
    latest = dict(rows)
    return len(latest) < len(rows) and any(latest[key] != row for key, row in rows)


class Abilities(msgspec.Struct, frozen=True):
    """What a source can do, so that the poller asks for nothing else.

    ``statuses``: those it can filter by. ``statuses_per_query``: how many at once, None any number.
    ``created_since``: the list can be bounded by the time of creation. ``details``: list rows lack
    schedule and settings, and ``find`` brings them. ``page_size``: rows of a page. ``discovers``:
    ``scopes`` takes a call for each page of them.
    """

    statuses: frozenset[Status]
    page_size: int
    statuses_per_query: int | None = None
    created_since: bool = False
    details: bool = False
    discovers: bool = False


def queries(
    abilities: Abilities, scope: Scope, tier: Tier, created_since: float | None
) -> Iterator[Query]:
    """The filtered lists that together are a tier; none where no status of it can be filtered.

    Of a vendor that cannot filter at all each tier is the whole list.
    """
    if not abilities.statuses:
        yield Query(scope, None, created_since)
    statuses = sorted(status for status in abilities.statuses if TIER_OF[status] is tier)
    step = abilities.statuses_per_query or max(1, len(statuses))
    for first in range(0, len(statuses), step):
        yield Query(scope, frozenset(statuses[first : first + step]), created_since)


class ConcurrencyPage(msgspec.Struct, frozen=True):
    """One page of the campaigns of a scope that call now.

    ``rows`` counts those without an id too: they are dropped, yet the vendor's ``total`` holds
    them. ``total`` is None where it gave none.
    """

    tasks: tuple[tuple[str, Concurrency], ...]
    rows: int
    total: int | None = None


class ConcurrencySource(Protocol):
    """What a vendor tells of calls at the same time, for the optional collector ``concurrency``.

    Each method is one call, and fails alone.
    """

    async def tasks(self, scope: Scope, number: int) -> ConcurrencyPage:
        """Page ``number`` (from 1) of the campaigns of a scope, of ``Abilities.page_size`` rows.

        Raises:
            ScopeGone: The vendor knows no such scope.
            PollError: With the reason of the failure.
        """
        ...

    async def scope(self, scope: Scope) -> Concurrency:
        """A scope as a whole.

        Raises:
            ScopeGone: The vendor knows no such scope.
            PollError: With the reason of the failure.
        """
        ...

    async def account(self) -> Concurrency:
        """The account as a whole.

        Raises:
            PollError: With the reason of the failure.
        """
        ...

    def listed(self, scope: Scope) -> Concurrency | None:
        """What the latest ``Source.scopes`` told by the way, without a call; None: nothing."""
        ...


class Source(Protocol):
    """One account at one vendor.

    Every method raises ``PollError``, with its reason, and nothing else on purpose.
    """

    @property
    def abilities(self) -> Abilities:
        """What this source can do; the same for its whole life."""
        ...

    @property
    def concurrency(self) -> ConcurrencySource | None:
        """What the collector ``concurrency`` asks; None: the vendor has nothing for it."""
        ...

    @property
    def credential_expiry(self) -> float | None:
        """When the credentials in use expire, epoch seconds; None for lasting ones."""
        ...

    def follow(self, before: "Source") -> None:
        """Go on as the same account under another configuration; ``before`` asks no more."""
        ...

    async def scopes(self) -> tuple[Scope, ...]:
        """The parts of the account that are read as one; asked again now and then."""
        ...

    def fixed_tasks(self, scope: Scope) -> tuple[str, ...] | None:
        """Ids of the only tasks to read, each with ``find``; None: the list is read instead."""
        ...

    async def page(self, query: Query, number: int, *, priority: Priority) -> Page:
        """Page ``number`` (from 1) of a query, in one call.

        Raises:
            ScopeGone: The vendor knows no such scope.
            PollError: With the reason of the failure.
        """
        ...

    async def find(self, scope: Scope, task: Task, *, priority: Priority) -> Task | None:
        """The one task with the id (and, where the vendor has no other way, the name) of ``task``.

        None: the vendor says that there is no such task.
        """
        ...


class Outline(msgspec.Struct, frozen=True):
    """What an account will ask of its vendor, as far as its configuration alone tells.

    ``scopes`` is how many are configured, None where the vendor is asked for them; ``tasks`` how
    many are read one by one, None where lists are read. ``concurrency``: calls at the same time can
    be asked for.
    """

    abilities: Abilities
    scopes: int | None = 1
    tasks: int | None = None
    concurrency: bool = False


class SourceContext(msgspec.Struct, frozen=True):
    """What a source is opened with; ``nonce`` gives a fresh unique text at each call.

    ``direct`` reaches services beside the exporter, ``background`` owns what runs beside the polls.
    """

    account: Account
    transport: Transport
    direct: Direct
    background: Background
    clock: Clock
    random: Random
    nonce: Callable[[], str]


def no_operations(_account: Account) -> tuple[str, ...]:
    """None beside those of every account."""
    return ()


def has_same_origin(before: Account, after: Account) -> bool:
    """Whether what was read for an account still holds after its configuration changed.

    It does if the same vendor is asked, where and for what it was asked, and days are those of the
    same zone.
    """
    same = before.platform == after.platform and before.common.timezone == after.common.timezone
    origin: frozenset[str] = getattr(type(after.options), "origin", frozenset())
    return same and all(
        getattr(before.options, key) == getattr(after.options, key) for key in origin
    )


class SourceType(msgspec.Struct, frozen=True):
    """A vendor, as the registry knows it.

    ``options`` is the struct of its own account keys (a ``ValueError`` from its ``__post_init__``
    becomes a configuration error at its path; its ``origin`` names the keys that say whose data it
    is, see ``has_same_origin``; its ``files_named_in``, where it has one, gives the files with
    secrets that the environment names, see ``exporter.config.secret_files``). ``operations`` and
    ``codes`` (each with the reason it stands for) are the closed lists of label values of the
    self-metrics. ``open`` loads keys and returns the source; it raises ``ConfigError`` where a key
    file or a secret is of no use.
    ``check`` does the same offline for ``--config.check``, and ``outline`` tells what it will ask.
    ``further_operations`` are those that an account has beside ``operations`` as it is configured.
    """

    platform: str
    options: type[msgspec.Struct]
    operations: tuple[str, ...]
    codes: Mapping[str, Reason]
    open: Callable[[SourceContext], Awaitable[Source]]
    check: Callable[[Account], Awaitable[None]]
    outline: Callable[[Account], Outline]
    further_operations: Callable[[Account], tuple[str, ...]] = no_operations
