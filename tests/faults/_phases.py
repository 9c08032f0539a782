"""The five phases: when a fault begins, what has to hold while it lasts, and once it has ended."""

import asyncio
import time

from exporter.simulator import Selector
from tests.faults import _checks
from tests.faults._cells import Cell, measured, some, what_became
from tests.faults._rig import LATEST, Rig, Victim, cast, rig
from tests.integration._drive import codes, one, reasons

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
        with _checks.nothing_left(self.cells.values()):
            asyncio.run(self._run())
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
            for account, cell in self.cells.items():
                _checks.ended(drive, account, cell)
        _checks.no_task_left(self.cells.values())

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
        before = {account: drive.member(account) for account in self.cells}
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
        for account, cell in self.cells.items():
            cell.expect(drive.member(account) is not before[account], "it is still the one before")
            _checks.has_ended(before[account], cell)
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
            failed = codes(metrics, account)
            cell.codes = tuple(sorted(code for _, code in failed))
            right = failed == {(trouble.reason, code) for code in trouble.codes}
            cell.expect(right, f"calls failed with {failed}")
            self._shows(drive, victim, good[account])
            cell.seen = f"{up:.0f}" if up is not None else "none"
            _checks.lives(drive, account, cell)
            _checks.counted(drive, metrics, account, cell)
        await _checks.others(drive, metrics, self.cells.values())

    def _shows(self, drive: Rig, victim: Victim, good: set[str]) -> None:
        """Its series are the last good ones, or what the vendor still has, as it is now."""
        account, trouble, cell = victim.account, victim.trouble, self.cells[victim.account]
        shown, ids, true = (
            look(account) for look in (drive.watch.lines, drive.watch.ids, drive.watch.true_ids)
        )
        cell.series = what_became(good, shown)
        if self.phase == "steady state":
            cell.expect(cell.series == trouble.series, f"its series are {cell.series}")
        if trouble.series != "kept":
            # What was never read cannot be looked up.
            none = trouble.series == "gone" or (trouble.series == "some gone" and not good)
            right = not ids if none else ids == true if trouble.series == "read on" else ids < true
            cell.expect(right, f"of {sorted(true)} it shows {sorted(ids)}")
            old = drive.watch.untrue_since(account, drive.clock.now() - LATEST)
            cell.expect(not old, f"lines are old: {some(old)}")
            return
        missing, more = good - shown, shown - good
        if trouble.lists_alone and self.phase == "first poll":
            # Lists of one page are well.
            more = {line for line in more if ',status="running"' in line}
        text = f"lines are gone: {some(missing)}, others are new: {some(more)}"
        cell.expect(not missing and not more, text)

    async def _recovers(self, drive: Rig) -> None:
        """Once it has ended: within one interval everything is there, and true."""
        ended = drive.clock.now()
        judged = dict(drive.watch.checked)
        for victim in self.victims:
            self._moved(drive, victim)
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
            anew = drive.watch.checked[account] - judged.get(account, 0)
            cell.expect(anew, "nothing that was read since was held against the truth")
            strange = drive.watch.never_again(account)
            cell.expect(not strange, f"settings were shown that are not there: {some(strange)}")
            _checks.lives(drive, account, cell)
            _checks.counted(drive, metrics, account, cell)
            mine = drive.tasks_of(account)
            cell.expect(mine == usual, f"tasks of its loop {mine}, usual are {usual}")
        await _checks.others(drive, metrics, self.cells.values())
        await _checks.pooled(drive, self.cells.values())

    def _moved(self, drive: Rig, victim: Victim) -> None:
        """What is kept is no longer how it is, so that it would show if it stayed."""
        account = victim.account
        running = any(',status="running"' in line for line in drive.watch.lines(account))
        if victim.trouble.series == "kept" and running:
            old = drive.watch.untrue_since(account, drive.clock.now())
            self.cells[account].expect(old, "nothing moved while it lasted: nothing proves much")


def _has_first_of_several(drive: Rig, account: str) -> bool:
    """Whether the vendor has just sent the first page of a list that has more."""
    latest = next(
        (row for row in reversed(tuple(drive.simulator.requests)) if row.account == account), None
    )
    if latest is None or latest.operation not in {"page", "ListJobGroups"} or latest.page != 1:
        return False
    tasks = drive.simulator.world.tasks(Selector(account=account))
    running = sum(task.status == "running" for task in tasks)
    # The list of those that run is the longest one.
    listed = {"3", "Executing"} & set(latest.statuses.split(","))
    return bool(listed) and running > latest.size > 1
