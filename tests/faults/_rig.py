"""A simulator and an exporter for one phase: each fault has an account of its own."""

import asyncio
import io
import re
import weakref
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from unittest import mock
from urllib.parse import urlsplit

import msgspec

from exporter import fleet
from exporter.app import Exporter, Settings
from exporter.simulator import AccessChange, Simulator, SimulatorOptions
from exporter.web import parse_listen_address
from tests.fakes import FakeClock
from tests.faults._instruments import calls_counted, names_resolved, tasks_owned
from tests.faults._rows import VENDORS, Row, Trouble
from tests.faults._truth import Watch
from tests.integration._drive import Activity, Driven, _threads_counted, logged_to, written
from tests.integration.harness import World, config_of

INTERVAL = 300.0
"""Of every tier, as long as the slow retry of what a person has to mend."""
RANDOM = 0.9
"""Always the same, and long pauses: a vendor that is down is not called more than need be."""
LATEST = INTERVAL * 1.05 + 20
"""In so many seconds each tier has been polled once."""
TASKS = 12
"""In each account: some in every tier, the running ones on several pages."""
DEFAULTS = {
    "collect": ["progress", "schedule", "settings", "agents", "concurrency"],
    "refresh": {"active": "5m", "idle": "5m", "finished": "5m", "detail": "12h"},
}
PAGE_SIZE = 3


@dataclass(frozen=True)
class Victim:
    """An account, and what happens to it."""

    account: str
    row: Row
    trouble: Trouble


def cast(vendor: str, rows) -> list[Victim]:
    """An account for each row that is a trouble at the vendor."""
    found = [(row, row.at(vendor)) for row in rows if isinstance(row.at(vendor), Trouble)]
    return [
        Victim(account_name(vendor, number), row, made) for number, (row, made) in enumerate(found)
    ]


def account_name(vendor: str, number: int) -> str:
    return f"{vendor}-demo" if number == 0 else f"{vendor}-demo-{number + 1}"


class Watched(World):
    """A world whose every publication is held against the truth."""

    watch: Watch

    async def _recorded(self):
        publication = await self._publish()
        self.watch.see(publication)
        return publication


class Rig(Driven):
    """The world of one phase."""

    def __init__(self, vendor, victims, simulator, *, clock, activity, log, config):
        self.config = config
        exporter = Exporter(
            config,
            Settings(
                addresses=[parse_listen_address("127.0.0.1:0")],
                load=self._load,
                clock=clock,
                random=lambda: RANDOM,
            ),
        )
        super().__init__(Watched(clock, simulator, exporter), activity, log)
        self.watch = self.world.watch = Watch(simulator, clock=clock, interval=INTERVAL)
        self.vendor = vendor
        self.victims = victims
        self.owners: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
        self.calling: set[str] = set()
        """Accounts whose next call is waited for."""
        self.all_called = asyncio.Event()
        self.crowded: str | None = None
        """The account with very many tasks, if there is one."""
        self.after_call = None
        """Awaited with the account after each call, before its answer is used."""
        self._begun: dict[str, list[str]] = {}
        self._stack = AsyncExitStack()
        other = next(name for name in VENDORS if name != vendor)
        ours = (account_name(vendor, len(victims) + number) for number in range(2))
        self.bystanders = [*ours, account_name(other, 0)]

    # The exporter

    async def open(self):
        await self._stack.enter_async_context(self.world.exporter)

    async def close(self):
        await self._stack.aclose()

    def member(self, account):
        return self.world.exporter._fleet._members[account]

    def connector(self, account):
        return self.member(account).context._transport._session.connector

    def vendor_ports(self):
        """Where the accounts call."""
        options = (account.options for account in self.config.accounts)
        urls = (getattr(each, "base_url", "") or each.endpoint for each in options)
        return {urlsplit(url).port for url in urls}

    def kept_connections(self):
        """Descriptors of the connections that accounts keep open."""
        pools = (self.connector(account.name) for account in self.config.accounts)
        kept = (each for pool in pools for those in pool._conns.values() for each, _ in those)
        return {each.transport.get_extra_info("socket").fileno() for each in kept}

    def tasks_of(self, account):
        """Names of the tasks that the loop of an account has made and that have not ended."""
        names = (
            task.get_name()
            for task, owner in self.owners.items()
            if owner == account and not task.done()
        )
        # Without ids of scopes, and numbers of what has no name.
        return Counter(
            re.sub(r"^[-0-9a-f]{36}/|(?<=scope ).*|(?<=Task)-\d+$", "", name) for name in names
        )

    def change(self, accounts):
        """Let a reload find other settings of these accounts."""
        self.config = msgspec.structs.replace(
            self.config,
            accounts=tuple(
                msgspec.structs.replace(
                    account,
                    common=msgspec.structs.replace(
                        account.common, stale_after=account.common.stale_after + 60
                    ),
                )
                if account.name in accounts
                else account
                for account in self.config.accounts
            ),
        )

    async def _load(self):
        return self.config

    # Faults

    async def begin(self, victim):
        """Let a fault begin, as whoever has connections open notices."""
        faults = self.simulator.faults
        self._begun[victim.account] = [faults.set(one) for one in victim.trouble.on(victim.account)]
        if victim.trouble.token_expired:
            self.simulator.change_access(AccessChange(account=victim.account, token_expired=True))
        if victim.trouble.door == "named" and self.world.exporter._fleet is not None:
            # What is known of the name holds on for some seconds of real time.
            self.connector(victim.account).clear_dns_cache()
        for _ in range(20 if victim.trouble.door else 0):
            await asyncio.sleep(0)

    async def end(self, victim):
        for identity in self._begun.pop(victim.account, ()):
            self.simulator.faults.clear(identity)
        if victim.trouble.token_expired:
            self.simulator.change_access(AccessChange(account=victim.account, token_expired=False))

    # Time

    async def all_due(self, seconds):
        """Wake everybody who is due within ``seconds`` at once, and stop as their calls begin."""
        clock = self.clock
        end = clock.now() + seconds
        due = [waiter for at, _, waiter in clock._sleepers if at <= end and not waiter.done()]
        clock._sleepers[:] = [sleeper for sleeper in clock._sleepers if sleeper[0] > end]
        clock._sleepers.sort()
        clock._now = end
        for waiter in due:
            waiter.set_result(None)
        self.calling = {victim.account for victim in self.victims}
        self.all_called.clear()
        async with asyncio.timeout(30):
            await self.all_called.wait()

    def called(self, account):
        """Note that a call is about to be made."""
        self.calling.discard(account)
        if not self.calling:
            self.all_called.set()

    def fresh(self, account, since):
        """Whether everything of an account was read since then and works."""
        state = self.state(account)
        return (
            state.up is True
            and not state.failures
            and not state.details_outstanding
            and all((tier.last_success or 0) > since for tier in state.tiers.values())
        )


@asynccontextmanager
async def rig(vendor, victims, *, crowd=None):
    """Everything for a phase; the exporter is not yet open.

    ``crowd`` is how many tasks the last account of the vendor has, and the size of its pages.
    """
    clock, activity, log = FakeClock(), Activity(), io.StringIO()
    options = _options(vendor, victims, crowd, clock=clock)
    crowded = next(iter(options.tasks_of), None)
    async with AsyncExitStack() as stack:
        if any(victim.row.waits for victim in victims):
            # What is timed out together passes the same real time.
            stack.enter_context(mock.patch.object(fleet, "stagger", return_value=0.0))
        stack.enter_context(_threads_counted(activity))
        stack.enter_context(logged_to(log))
        simulator = await stack.enter_async_context(Simulator(options))

        own = {victim.account: victim.trouble.settings for victim in victims}
        if crowd:
            own[crowded] = {"page_size": crowd[1], "collect": ["progress"], "timeout": "60s"}
        config = await asyncio.to_thread(_configuration, simulator, vendor, own)
        made = Rig(
            vendor, victims, simulator, clock=clock, activity=activity, log=log, config=config
        )
        made.crowded = crowded
        stack.enter_context(calls_counted(made, activity))
        stack.enter_context(tasks_owned(made))
        stack.enter_context(names_resolved(simulator))
        try:
            yield made
        finally:
            await made.close()


def _options(vendor, victims, crowd, *, clock):
    count = len(victims) + 2 + (crowd is not None)
    return SimulatorOptions(
        clock=clock.now,
        lively=False,
        control_listen=None,
        dezhu_accounts=count,
        aliyun_accounts=count,
        aliyun_instances=1,
        tasks=TASKS * count,
        sts=True,
        doors={victim.account: victim.trouble.door for victim in victims if victim.trouble.door},
        tasks_of={account_name(vendor, count - 1): crowd[0]} if crowd else {},
        # A hundred thousand campaigns that dial would take longer than all that polls them.
        automatic=crowd is None,
    )


def _configuration(simulator, vendor, own):
    """All accounts of the vendor, some with settings of their own, and one of the other."""

    def settings(accounts):
        for name, account in accounts.items():
            account.update({"page_size": PAGE_SIZE, **own.get(name, {})})

    config = config_of(written(simulator, settings, **DEFAULTS))
    first = {account_name(name, 0) for name in VENDORS}
    accounts = [each for each in config.accounts if each.platform == vendor or each.name in first]
    return msgspec.structs.replace(config, accounts=tuple(accounts))
