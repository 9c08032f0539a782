"""The five phases: when a fault begins, what has to hold while it lasts, and once it has ended."""

import asyncio
import threading
import time

from tests.faults._cells import Cell, measured, some, what_became
from tests.faults._instruments import descriptors
from tests.faults._rig import LATEST, Rig, Victim, cast, rig
from tests.integration._drive import codes, of, one, reasons

QUIET = 3.0
TOLD = 130.0
"""So long a poll may take to fail: a throttled one waits between its tries as it is told."""
SOON_TOLD = 15.0
STOP_SECONDS = 5.0
"""Of real time, in which the exporter has to end."""


class Phase:
    """The cells of one vendor and one phase, for some rows, in one world."""

    def __init__(self, vendor: str, phase: str, rows) -> None:
        self.phase = phase
        self.victims = cast(vendor, rows)
        self.vendor = vendor
        # Real time passes with each try that is timed out.
        self._told = SOON_TOLD if any(row.waits for row in rows) else TOLD
        self.cells = {
            victim.account: Cell(victim.row.name, vendor, phase) for victim in self.victims
        }
        self._before: dict[str, set[str]] = {}

    def run(self) -> list[Cell]:
        """Run it, and return what was seen."""
        open_before, threads = descriptors(), set(threading.enumerate())
        asyncio.run(self._run())
        for thread in set(threading.enumerate()) - threads:
            thread.join(timeout=1.0)
        left = {number: what for number, what in descriptors().items() if number not in open_before}
        for cell in self.cells.values():
            cell.expect(not left, f"descriptors are left open: {left}")
            more = set(threading.enumerate()) - threads
            cell.expect(not more, f"threads are left: {more}")
        return list(self.cells.values())

    async def _run(self) -> None:
        async with rig(self.vendor, self.victims) as drive:
            await {
                "first poll": self._first_poll,
                "steady state": self._steady_state,
                "mid paging": self._mid_paging,
                "during reload": self._during_reload,
                "during shutdown": self._during_shutdown,
            }[self.phase](drive)
            await drive.close()
            self._ended(drive)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for cell in self.cells.values():
            cell.expect(not left, f"tasks are left: {left}")

    # The phases

    async def _first_poll(self, drive: Rig) -> None:
        for victim in self.victims:
            await drive.begin(victim)
        await drive.open()
        self._remember(drive)
        await drive.forward(self._told)
        await self._fails(drive, {victim.account: set() for victim in self.victims})
        await self._recovers(drive)

    async def _steady_state(self, drive: Rig) -> None:
        await self._settled(drive)
        for victim in self.victims:
            await drive.begin(victim)
        await drive.forward(LATEST + self._told)
        await self._fails(drive, self._before)
        await self._recovers(drive)

    async def _mid_paging(self, drive: Rig) -> None:
        await self._settled(drive)
        waiting = {victim.account: victim for victim in self.victims}
        drive.simulator.requests.clear()

        async def begin_after_the_first_page(account):
            if account in waiting and _has_first_of_several(drive, account):
                victim = waiting.pop(account)
                self._before[account] = drive.watch.lines(account)
                await drive.begin(victim)

        drive.after_call = begin_after_the_first_page
        await drive.forward(LATEST + self._told)
        for account in waiting:
            self.cells[account].problems.append("its fault never began")
        await self._fails(drive, self._before)
        await self._recovers(drive)

    async def _during_reload(self, drive: Rig) -> None:
        await self._settled(drive)
        for victim in self.victims:
            await drive.begin(victim)
        kept = {name: drive.member(name) for name in drive.bystanders}
        drive.change({victim.account for victim in self.victims})
        await drive.all_due(LATEST)
        found = await drive.world.exporter.reload()
        for victim in self.victims:
            cell = self.cells[victim.account]
            cell.expect(victim.account in found.changed, "the reload did not change it")
        for cell in self.cells.values():
            same = all(drive.member(name) is member for name, member in kept.items())
            cell.expect(same, "the reload touched an account that is the same")
        await drive.forward(self._told)
        await self._fails(drive, self._before)
        await self._recovers(drive)

    async def _during_shutdown(self, drive: Rig) -> None:
        await self._settled(drive)
        for victim in self.victims:
            await drive.begin(victim)
        await drive.all_due(LATEST)
        started = time.monotonic()
        await drive.close()
        took = time.monotonic() - started
        for cell in self.cells.values():
            cell.expect(took < STOP_SECONDS, f"it took {took:.1f} s to end")
            cell.seen = "ends"

    # What has to hold

    async def _settled(self, drive: Rig) -> None:
        await drive.open()
        await drive.polled()
        await drive.forward(QUIET)
        self._remember(drive)

    def _remember(self, drive: Rig) -> None:
        self._before = {
            victim.account: drive.watch.lines(victim.account) for victim in self.victims
        }

    async def _fails(self, drive: Rig, good: dict[str, set[str]]) -> None:
        """While it lasts: told rightly, nothing untrue shown, and nobody else touched."""
        metrics = await measured(drive)
        for victim in self.victims:
            account, trouble, cell = victim.account, victim.trouble, self.cells[victim.account]
            up = one(metrics, "outbound_account_up", account=account)
            cell.expect(up == trouble.up, f"up is {up}")
            cell.reason = ", ".join(sorted(reasons(metrics, account)))
            cell.expect(cell.reason == trouble.reason, f"the reason is {cell.reason!r}")
            failed = {code for _, code in codes(metrics, account)}
            cell.codes = tuple(sorted(failed))
            cell.expect(failed == trouble.codes, f"calls failed with {failed}")
            shown = drive.watch.lines(account)
            cell.series = what_became(good[account], shown)
            if self.phase == "steady state":
                cell.expect(cell.series == trouble.series, f"its series are {cell.series}")
            if trouble.series == "kept":
                missing, more = good[account] - shown, shown - good[account]
                if trouble.lists_alone and self.phase == "first poll":
                    # Lists of one page are well.
                    more = {line for line in more if ',status="running"' in line}
                text = f"lines are gone: {some(missing)}, others are new: {some(more)}"
                cell.expect(not missing and not more, text)
            cell.seen = f"{up:.0f}" if up is not None else "none"
            self._lives(drive, victim)
            self._counted(drive, metrics, account, cell)
        await self._others(drive, metrics)

    async def _recovers(self, drive: Rig) -> None:
        """Once it has ended: within one interval everything is there, and true."""
        ended = drive.clock.now()
        for victim in self.victims:
            await drive.end(victim)
        back: dict[str, float] = {}

        def all_back() -> bool:
            for victim in self.victims:
                if victim.account not in back and drive.fresh(victim.account, ended):
                    back[victim.account] = drive.clock.now() - ended
            return len(back) == len(self.victims)

        await drive._walk(ended + LATEST, all_back)
        await drive.forward(QUIET)
        metrics = await measured(drive)
        usual = drive.tasks_of(drive.bystanders[0])
        for victim in self.victims:
            account, cell = victim.account, self.cells[victim.account]
            cell.expect(account in back, f"not back in {LATEST:.0f} s: {drive.health()[account]}")
            up = one(metrics, "outbound_account_up", account=account)
            cell.expect(up == 1, f"up is {up} afterwards")
            cell.expect(not reasons(metrics, account), f"{reasons(metrics, account)} afterwards")
            cell.seen += f" → {up:.0f}" if up is not None else " → none"
            ids, true = drive.watch.ids(account), drive.watch.true_ids(account)
            cell.expect(ids == true, f"tasks missing {true - ids}, too many {ids - true}")
            old = drive.watch.untrue_since(account, ended - 1)
            cell.expect(not old, f"lines are older than the recovery: {some(old)}")
            self._lives(drive, victim)
            self._counted(drive, metrics, account, cell)
            mine = drive.tasks_of(account)
            cell.expect(mine == usual, f"tasks of its loop {mine}, usual are {usual}")
        await self._others(drive, metrics)

    def _lives(self, drive: Rig, victim: Victim) -> None:
        cell, member = self.cells[victim.account], drive.member(victim.account)
        cell.expect(member.loop is not None and not member.loop.done(), "its loop has ended")
        pool = drive.connector(victim.account)
        cell.expect(not pool._acquired, f"connections are in use: {pool._acquired}")
        idle = sum(len(some) for some in pool._conns.values())
        limit = member.account.common.budget.concurrency
        cell.expect(idle <= limit, f"{idle} connections are open")

    def _counted(self, drive: Rig, metrics, account: str, cell: Cell) -> None:
        told = sum(
            sample.value for sample in of(metrics, "outbound_account_tasks", account=account)
        )
        shown = len(drive.watch.ids(account))
        cell.expect(told == shown, f"{told} tasks are told, {shown} are shown")
        lies = drive.watch.lies[account]
        cell.expect(not lies, f"never true: {some(lies)}")

    async def _others(self, drive: Rig, metrics) -> None:
        """Accounts without a fault are up, complete, fresh, and no call of theirs failed."""
        status, _ = await drive.world.get("/-/healthy")
        for cell in self.cells.values():
            cell.expect(status == 200, "the process is not healthy")
            cell.expect(not drive.lines("bug"), f"a bug: {drive.lines('bug')}")
            for name in drive.bystanders:
                self._untouched(drive, metrics, name, cell)

    @staticmethod
    def _untouched(drive: Rig, metrics, name: str, cell: Cell) -> None:
        watch, failed = drive.watch, codes(metrics, name)
        well = one(metrics, "outbound_account_up", account=name) == 1 and not reasons(metrics, name)
        cell.expect(well, f"{name} is touched: {drive.health()[name]}")
        cell.expect(not failed, f"calls of {name} failed: {failed}")
        cell.expect(not watch.lies[name], f"never true of {name}: {watch.lies[name]}")
        cell.expect(watch.ids(name) == watch.true_ids(name), f"{name} lacks tasks, or has others")
        cell.expect(watch.checked[name], f"nothing of {name} was held against the truth")
        oldest = min(success or 0 for success in drive.last_success(name).values())
        cell.expect(oldest >= drive.clock.now() - LATEST, f"{name} was not polled on")

    def _ended(self, drive: Rig) -> None:
        """After the end nothing of any account is left, and what was shown last was true."""
        for victim in self.victims:
            account, cell = victim.account, self.cells[victim.account]
            member = drive.member(account)
            session = member.context._transport._session
            cell.expect(session.closed, "its session is open")
            cell.expect(member.loop.done(), "its loop has not ended")
            cell.expect(not drive.tasks_of(account), f"tasks are left: {drive.tasks_of(account)}")
            cell.expect(not drive.watch.lies[account], f"never true: {drive.watch.lies[account]}")
            cell.expect(drive.watch.checked[account], "nothing was held against the truth")
            cell.expect(not drive.lines("bug"), f"a bug: {drive.lines('bug')}")


def _has_first_of_several(drive: Rig, account: str) -> bool:
    """Whether the vendor has just sent the first page of a list that has more."""
    latest = next(
        (row for row in reversed(tuple(drive.simulator.requests)) if row.account == account), None
    )
    if latest is None or latest.operation not in {"page", "ListJobGroups"} or latest.page != 1:
        return False
    running = len(
        [
            task
            for task in drive.simulator.world.tasks()
            if task.account == account and task.status == "running"
        ]
    )
    # The list of those that run is the longest one.
    listed = {"3", "Executing"} & set(latest.statuses.split(","))
    return bool(listed) and running > latest.size > 1
