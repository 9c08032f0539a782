"""What is known of calls at the same time in one account, and until when it may be shown. Pure.

Each value is a reading of its own: that of the tasks of a scope, of the scope, of the account, and
what the list of scopes told by the way. Names and places of tasks are those of the account's book,
so that nothing is shown of a task that is not exposed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

import msgspec

from exporter.domain import Concurrency, Scope
from exporter.poller.book import Book

T = TypeVar("T")

ConcurrencyRow = tuple[str, str, Concurrency]
"""Id and name of a task, and what is known of it."""

_ACCOUNT: Final = ""


class _Kept(msgspec.Struct, Generic[T], frozen=True):
    """A value that is shown until that moment of the monotonic clock."""

    value: T
    until: float


class ConcurrencyBook:
    """The latest readings of each scope, and of the account; all times are monotonic seconds."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Kept[Mapping[str, Concurrency]]] = {}
        self._scopes: dict[str, _Kept[Concurrency]] = {}
        self._listed: dict[str, _Kept[Concurrency]] = {}
        self._account: dict[str, _Kept[Concurrency]] = {}

    def take_tasks(self, scope: Scope, tasks: Mapping[str, Concurrency], *, until: float) -> None:
        """Take in all tasks of a scope that call now, by id."""
        self._tasks[scope.id] = _Kept(tasks, until)

    def take_scope(self, scope: Scope, found: Concurrency, *, until: float) -> None:
        """Take in a scope as a whole."""
        self._scopes[scope.id] = _Kept(found, until)

    def take_listed(self, scope: Scope, found: Concurrency, *, until: float) -> None:
        """Take in what the list of scopes told; it fills in what the scope itself does not."""
        self._listed[scope.id] = _Kept(found, until)

    def take_account(self, found: Concurrency, *, until: float) -> None:
        """Take in the account as a whole."""
        self._account[_ACCOUNT] = _Kept(found, until)

    def drop_scope(self, scope_id: str) -> None:
        """Forget a scope that is not there."""
        for kept in (self._tasks, self._scopes, self._listed):
            kept.pop(scope_id, None)

    def expire(self, now: float) -> None:
        """Drop what is too old to be shown."""
        for kept in self._all():
            for key in [key for key, one in kept.items() if one.until < now]:
                del kept[key]

    def next_expiry(self) -> float | None:
        """When the next value is too old; None if there is none."""
        return min((one.until for kept in self._all() for one in kept.values()), default=None)

    def rows(self, book: Book) -> dict[str, tuple[ConcurrencyRow, ...]]:
        """What is shown of tasks, by scope id: of those that ``book`` has in that very scope."""
        return {
            scope_id: tuple(_rows(scope_id, kept.value, book))
            for scope_id, kept in self._tasks.items()
        }

    def of(self, scopes: Iterable[Scope]) -> tuple[tuple[Scope, Concurrency], ...]:
        """What is known of each scope that has an id; those of which nothing is are left out."""
        found = ((scope, self._of(scope.id)) for scope in scopes if scope.id)
        return tuple((scope, one) for scope, one in found if one is not None)

    @property
    def account(self) -> Concurrency | None:
        """What is known of the account as a whole."""
        kept = self._account.get(_ACCOUNT)
        return None if kept is None else kept.value

    def _of(self, scope_id: str) -> Concurrency | None:
        own, listed = self._scopes.get(scope_id), self._listed.get(scope_id)
        if own is None or listed is None:
            one = own or listed
            return None if one is None else one.value
        if own.value.limit is not None:
            return own.value
        return msgspec.structs.replace(own.value, limit=listed.value.limit)

    def _all(
        self,
    ) -> Iterator[dict[str, _Kept[Mapping[str, Concurrency]]] | dict[str, _Kept[Concurrency]]]:
        yield from (self._tasks, self._scopes, self._listed, self._account)


def _rows(scope_id: str, tasks: Mapping[str, Concurrency], book: Book) -> Iterator[ConcurrencyRow]:
    for task_id, concurrency in tasks.items():
        place, entry = book.place(task_id), book.entry(task_id)
        if place is not None and entry is not None and place[0] == scope_id:
            yield task_id, entry.task.name, concurrency
