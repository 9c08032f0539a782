"""The accounts that are polled now: opened, replaced and closed while everything else goes on.

A change is prepared first, which may fail and touches nothing that runs, and is made then. Accounts
whose configuration is the same stay what they are: the same objects, loops and connections.
"""

import asyncio
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Self

import msgspec

from exporter.config.changes import Difference, difference
from exporter.config.model import Account, Config
from exporter.errors import ConfigError
from exporter.member import Member, Surroundings, open_member
from exporter.schedule import stagger
from exporter.session import tls_files

_CONTENT: Final = "tls_config.{} (what the file holds)"


class Change(msgspec.Struct, frozen=True):
    """A change that is prepared: whatever could fail has been done."""

    config: Config
    difference: Difference
    fresh: Mapping[str, Member]


class Fleet:
    """Opens accounts, lets them poll, and closes them all when its ``async with`` ends."""

    def __init__(self, surroundings: Surroundings, loops: asyncio.TaskGroup) -> None:
        """``loops`` owns what polls: a fault of ours there ends the program."""
        self._surroundings = surroundings
        self._loops = loops
        self._members: dict[str, Member] = {}
        self._open: set[Member] = set()
        self._begun = False

    async def __aenter__(self) -> Self:
        """Begin with no account."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop to poll and close every connection, also of a change that was under way."""
        await self._close(tuple(self._open))

    def tried(self) -> bool:
        """Whether the first active reading of each account has ended, whatever came of it."""
        return all(member.poller.ready.is_set() for member in self._members.values())

    def begin(self) -> None:
        """Let all accounts poll, and from now on each that comes."""
        self._begun = True
        for member in self._members.values():
            member.poll(self._loops)

    async def prepare(self, config: Config) -> Change:
        """Open whatever is new or not as it was; nothing that runs is touched.

        Raises:
            ConfigError: A key, certificate or zone is of no use; what was opened is closed again.
        """
        contents = [await self._changed_files(account) for account in config.accounts]
        found = difference(
            [member.account for member in self._members.values()],
            config.accounts,
            beside={name: keys for name, keys in contents if keys},
        )
        wanted = [each for each in config.accounts if each.name not in found.unchanged]
        fresh: dict[str, Member] = {}
        try:
            for index, account in enumerate(wanted):
                start_after = stagger(index, len(wanted))
                member = await open_member(account, self._surroundings, start_after=start_after)
                self._open.add(member)
                fresh[account.name] = member
        except BaseException as error:
            await self._close(fresh.values())
            if isinstance(error, ConfigError):
                error.file = config.file
            raise
        return Change(config, found, fresh)

    async def make(self, change: Change) -> None:
        """Make a change that was prepared last; what scrapes read changes in one step."""
        members, store = self._members, self._surroundings.store
        ended = {
            name: members[name] for name in (*change.difference.removed, *change.difference.changed)
        }
        await _stop(ended.values())
        holding = {
            name
            for name in change.difference.changed
            if await change.fresh[name].follow(ended[name])
        }
        # What is known of accounts, and what is published of them next, changes in one step.
        self._members = {
            account.name: change.fresh.get(account.name) or members[account.name]
            for account in change.config.accounts
        }
        for name in ended:
            (store.renew if name in holding else store.remove)(name)
        store.arrange(self._members)
        await self._begin_with(change.fresh.values())
        await store.publish()
        await self._end_with(ended, change.fresh)
        self._surroundings.contexts.keep(change.config.accounts)
        # What an account knew can be large, and to free it would hold the loop.
        del members
        await asyncio.to_thread(ended.clear)

    async def _begin_with(self, members: Iterable[Member]) -> None:
        for member in members:
            member.show()
            if self._begun:
                member.poll(self._loops)
            # There may be hundreds, each with hundreds of label sets.
            await asyncio.sleep(0)

    async def _end_with(
        self, members: Mapping[str, Member], successors: Mapping[str, Member]
    ) -> None:
        for name, member in members.items():
            # First, for what still runs in its background would show the self-metrics again.
            await self._close([member])
            member.hide(successors.get(name))

    async def _changed_files(self, account: Account) -> tuple[str, tuple[str, ...]]:
        """Name of the account, and which files of its ``tls_config`` hold something else now."""
        member = self._members.get(account.name)
        if member is None or member.account.common.tls_config != account.common.tls_config:
            return account.name, ()
        now = await tls_files(account.common.tls_config)
        changed = [key for key, digest in now.items() if digest != member.files.get(key)]
        return account.name, tuple(_CONTENT.format(key) for key in changed)

    async def _close(self, members: Iterable[Member]) -> None:
        closing = tuple(members)
        await _stop(closing)
        for member in closing:
            await member.connections.aclose()
            self._open.discard(member)


async def _stop(members: Iterable[Member]) -> None:
    """End what polls, and wait until it has ended: nothing is published any more then."""
    loops = [member.loop for member in members if member.loop is not None]
    for loop in loops:
        loop.cancel()
    if loops:
        await asyncio.wait(loops)
