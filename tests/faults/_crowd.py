"""An account of 200,000 tasks: everything is read, no more than the limit is shown, all of it true.

It takes a minute, so one world goes through all phases: the second reading, in which a page fails
once, is the one in steady state, the third is begun anew by a reload, the fourth by the end.
"""

import asyncio
import time
from collections.abc import Callable

from exporter.simulator import Fault, Selector
from tests.faults import _checks
from tests.faults._cells import Cell, measured
from tests.faults._phases import QUIET, STOP_SECONDS
from tests.faults._rig import INTERVAL, LATEST, Rig, rig
from tests.faults._rows import PHASES
from tests.integration._drive import codes, one, reasons

TASKS = 200_000
LIMIT = 10_000
PAGE_SIZES = {"dezhu": 1000, "aliyun": 100}
CREATED_WITHIN = 180 * 86_400.0
FAILED = frozenset({("unavailable", "http_502")})
"""Reason and code of the page that fails once; counters go on over a reload."""
LATE_PAGE = 20
"""In the middle of the list of those that run."""


class Crowd:
    """The cells of one vendor."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.cells = {phase: Cell("crowd", vendor, phase) for phase in PHASES}

    def run(self) -> list[Cell]:
        """Run it, and return what was seen."""
        with _checks.nothing_left(self.cells.values()):
            asyncio.run(self._run())
        return list(self.cells.values())

    async def _run(self) -> None:
        async with rig(self.vendor, [], crowd=(TASKS, PAGE_SIZES[self.vendor])) as drive:
            self.account = drive.crowded
            await drive.open()
            await drive.until(self._read(drive), within=INTERVAL)
            await drive.forward(QUIET)
            await self._shows_the_limit(drive, "first poll")
            await self._reads_on(drive)
            await self._is_reloaded(drive)
            await self._ends(drive)
        _checks.no_task_left(self.cells.values())

    async def _reads_on(self, drive: Rig) -> None:
        lists = {"account": self.account, "page": LATE_PAGE}
        drive.simulator.faults.set(Fault(kind="status", times=1, http_status=502, **lists))
        ups, has_read = [], self._read(drive)
        await drive.until(
            lambda: ups.append(drive.up(self.account)) or has_read(), within=LATEST + 60
        )
        fell = "up fell, although the page was well when it was asked for again"
        self.cells["mid paging"].expect(set(ups) == {True}, fell)
        assert not drive.simulator.faults.active(), "the page that fails was never asked for"
        await self._shows_the_limit(drive, "steady state", FAILED)
        await self._shows_the_limit(drive, "mid paging", FAILED)

    async def _is_reloaded(self, drive: Rig) -> None:
        await self._until_mid_paging(drive)
        drive.change({self.account})
        before = drive.member(self.account)
        found = await drive.world.exporter.reload()
        cell = self.cells["during reload"]
        cell.expect(self.account in found.changed, "the reload did not change it")
        _checks.has_ended(before, cell)
        await self._shows_the_limit(drive, "during reload", FAILED)
        await drive.until(self._read(drive), within=LATEST)
        await self._shows_the_limit(drive, "during reload", FAILED)
        await _checks.pooled(drive, [cell])

    async def _ends(self, drive: Rig) -> None:
        await self._until_mid_paging(drive)
        started = time.monotonic()
        await drive.close()
        took = time.monotonic() - started
        cell = self.cells["during shutdown"]
        cell.expect(took < STOP_SECONDS, f"it took {took:.1f} s to end")
        _checks.ended(drive, self.account, cell)
        cell.seen = "ends"

    async def _until_mid_paging(self, drive: Rig) -> None:
        """Move to the next poll, and stop in the middle of its list."""
        there = asyncio.Event()
        drive.simulator.requests.clear()

        async def look(_account):
            latest = list(drive.simulator.requests)[-1:]
            if latest and latest[0].page == LATE_PAGE:
                there.set()

        drive.after_call = look
        walking = asyncio.ensure_future(drive.forward(LATEST))
        await there.wait()
        drive.after_call = None
        walking.cancel()
        await asyncio.wait([walking])

    def _read(self, drive: Rig) -> Callable[[], bool]:
        since = drive.clock.now() if self.account in drive.world.exporter.store.views else -1.0
        return lambda: drive.fresh(self.account, since)

    def _listed(self, drive: Rig) -> int:
        """How many tasks the lists hold at least: Alibaba's are read as far back as configured."""
        if self.vendor == "dezhu":
            return TASKS
        oldest = drive.clock.now() - CREATED_WITHIN
        rows = drive.simulator.world.select(Selector(account=self.account))
        return sum(row.created >= oldest for row in rows)

    async def _shows_the_limit(self, drive: Rig, phase: str, failed=frozenset()) -> None:
        """Up, as many tasks as the limit lets through, the rest counted, and nothing untrue.

        ``failed`` are reason and code of the calls that failed, of which nothing else is told.
        """
        cell, watch, metrics = self.cells[phase], drive.watch, await measured(drive)
        up = one(metrics, "outbound_account_up", account=self.account)
        cell.expect(up == 1, f"up is {up}: {drive.health()}")
        cell.seen = f"{up:.0f}" if up is not None else "none"
        cell.expect(not reasons(metrics, self.account), f"{reasons(metrics, self.account)}")
        calls = codes(metrics, self.account)
        cell.expect(calls == failed, f"calls failed with {calls}")
        ids = watch.ids(self.account)
        cell.expect(len(ids) == LIMIT, f"{len(ids)} tasks are shown")
        dropped = sum(drive.state(self.account).dropped.values())
        least = self._listed(drive) - LIMIT
        cell.expect(least <= dropped <= TASKS - LIMIT, f"{dropped} tasks are counted as dropped")
        cell.expect(watch.checked[self.account] >= LIMIT, "little was held against the truth")
        _checks.counted(drive, metrics, self.account, cell)
        await _checks.others(drive, metrics, [cell])
