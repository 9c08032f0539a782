"""What scrapes read: immutable chunks by account and part, replaced whole and joined once a change.

A part is whatever its owner replaces as one, such as one tier of one scope. All parts given in one
``replace`` show in the same publication, so a task that moves between two parts is never missing
and never there twice.
"""

import asyncio
from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from exporter.domain import AccountState, Task
from exporter.exposition import Body, Segment, header, joined, segment
from exporter.families import FAMILIES

Chunks = Mapping[str, tuple[Segment | Body, ...]]
"""Lines by family name, in pieces that follow one another."""

_FEW_PIECES: Final = 500
"""So many are joined in the time that it takes to wake a thread."""

_LARGE_BYTES: Final = 8 * 1024**2

_HEADERS: Final[Mapping[str, Body]] = {
    family.name: joined([segment(header(family.name, family.help), samples=0)])
    for family in FAMILIES
}


class AccountView(msgspec.Struct, frozen=True):
    """What the page shows of an account; ``tasks`` are some of them, the active ones first."""

    name: str
    platform: str
    state: AccountState
    tasks: tuple[Task, ...] = ()


class Publication(msgspec.Struct, frozen=True):
    """One picture of everything, as bytes that are ready to be sent."""

    body: Body
    accounts: Mapping[str, Mapping[str, Body]]

    def of(self, names: Iterable[str]) -> Body:
        """The part of some accounts; unknown names are left out."""
        wanted = set(names)
        return _by_family([mine for name, mine in self.accounts.items() if name in wanted])


class Store:
    """Parts of all accounts, and the publication made of them."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[Hashable, Chunks]] = {}
        self._joint: dict[str, Mapping[str, Body]] = {}
        self._touched: set[str] = set()
        self._outdated: dict[str, set[Hashable]] = {}
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._published = asyncio.Event()
        self.views: dict[str, AccountView] = {}
        """What the page shows, by account; each value is replaced, never changed."""
        self.publication = Publication(Body(), MappingProxyType({}))
        """The picture that scrapes read now."""

    def arrange(self, accounts: Iterable[str]) -> None:
        """Make exactly these accounts known, in this order; each keeps the series that it has."""
        wanted = {account: self._parts.get(account, {}) for account in accounts}
        for gone in self._parts.keys() - wanted.keys():
            self.remove(gone)
        self._parts = wanted
        self._changed.set()

    def renew(self, account: str) -> None:
        """Keep what there is of an account until the next ``replace``, which then is all of it."""
        self._outdated[account] = set(self._parts.get(account, ()))

    def replace(self, account: str, parts: Mapping[Hashable, Chunks | None]) -> None:
        """Replace parts of an account at once; None removes one."""
        mine = self._parts.setdefault(account, {})
        for key in self._outdated.pop(account, ()):
            mine.pop(key, None)
        for key, chunks in parts.items():
            if chunks is None:
                mine.pop(key, None)
            else:
                mine[key] = chunks
        self._touch(account)

    def remove(self, account: str) -> None:
        """Forget an account with all its series."""
        self._parts.pop(account, None)
        self._outdated.pop(account, None)
        self.views.pop(account, None)
        self._touch(account)

    async def changed(self) -> None:
        """Wait until there is something to publish."""
        await self._changed.wait()

    async def published(self) -> None:
        """Wait for the next publication."""
        self._published.clear()
        await self._published.wait()

    async def publish(self) -> Publication:
        """Join what changed since the last time, off the event loop, and swap the publication.

        One at a time: what changes meanwhile is joined by the next call.
        """
        async with self._turn:
            return await self._publish()

    async def _publish(self) -> Publication:
        self._changed.clear()
        touched, self._touched = self._touched, set()
        changed = {
            account: tuple(self._parts[account].values())
            for account in touched
            if account in self._parts
        }
        joint = {name: self._joint.get(name, {}) for name in self._parts}
        pieces = sum(len(chunks) for parts in changed.values() for chunks in parts)
        pieces += sum(len(families) for families in joint.values())
        if pieces <= _FEW_PIECES:
            fresh = _publication(joint, changed)
        else:
            fresh = await asyncio.to_thread(_publication, joint, changed)
        old: list[object] = [self.publication, self._joint, joint, changed]
        large = self.publication.body.plain_bytes > _LARGE_BYTES
        self.publication, self._joint = fresh, dict(fresh.accounts)
        self._published.set()
        if large:
            # To give back the memory of what is not published any more takes tens of milliseconds.
            del joint, changed
            await asyncio.to_thread(old.clear)
        return fresh

    def _touch(self, account: str) -> None:
        self._touched.add(account)
        self._changed.set()


def _publication(
    joint: dict[str, Mapping[str, Body]], changed: Mapping[str, Iterable[Chunks]]
) -> Publication:
    for account, parts in changed.items():
        joint[account] = _family_bodies(parts)
    return Publication(_by_family(list(joint.values())), MappingProxyType(joint))


def _family_bodies(parts: Iterable[Chunks]) -> Mapping[str, Body]:
    segments: dict[str, list[Segment | Body]] = {}
    for chunks in parts:
        for name, chunk in chunks.items():
            segments.setdefault(name, []).extend(chunk)
    # A family without a segment would be a header without samples.
    return {name: joined(mine) for name, mine in segments.items() if mine}


def _by_family(accounts: list[Mapping[str, Body]]) -> Body:
    """Each family once, its header first, whatever the number of accounts that have it."""
    bodies: list[Body] = []
    for family in FAMILIES:
        mine = [account[family.name] for account in accounts if family.name in account]
        if mine:
            bodies.append(_HEADERS[family.name])
            bodies.extend(mine)
    return joined(bodies)
