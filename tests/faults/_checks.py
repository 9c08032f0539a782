"""What has to hold of every account, whatever is wrong with any, and of the process at its end."""

import asyncio
import contextlib
import threading
from collections.abc import Iterable

from tests.faults._cells import Cell, some
from tests.faults._instruments import descriptors, sockets_to
from tests.faults._rig import LATEST, Rig
from tests.integration._drive import codes, of, one, reasons


@contextlib.contextmanager
def nothing_left(cells: Iterable[Cell]):
    """Hold that no descriptor and no thread is there that was not there before."""
    open_before, threads = descriptors(), set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=1.0)
    left = descriptors().items() - open_before.items()
    more = set(threading.enumerate()) - threads
    for cell in cells:
        cell.expect(not left, f"descriptors are left open: {left}")
        cell.expect(not more, f"threads are left: {more}")


def no_task_left(cells: Iterable[Cell]) -> None:
    """Nothing but who asks is left in the event loop."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for cell in cells:
        cell.expect(not left, f"tasks are left: {left}")


def lives(drive: Rig, account: str, cell: Cell) -> None:
    """Its loop goes on, and no connection of it is in use or one too many."""
    member, pool = drive.member(account), drive.connector(account)
    cell.expect(member.loop is not None and not member.loop.done(), "its loop has ended")
    cell.expect(not pool._acquired, f"connections are in use: {pool._acquired}")
    idle = sum(len(those) for those in pool._conns.values())
    limit = member.account.common.budget.concurrency
    cell.expect(idle <= limit, f"{idle} connections are open")


async def pooled(drive: Rig, cells: Iterable[Cell]) -> None:
    """Every connection to a vendor is one that an account keeps for its next call."""
    open_now = await asyncio.to_thread(sockets_to, drive.vendor_ports())
    lost = open_now - drive.kept_connections()
    for cell in cells:
        cell.expect(not lost, f"connections of nobody are open: {lost}")


def counted(drive: Rig, metrics, account: str, cell: Cell) -> None:
    """As many tasks of each status are told as are shown, and nothing was never true."""
    rows = of(metrics, "outbound_account_tasks", account=account)
    told = {sample.labels["status"]: sample.value for sample in rows if sample.value}
    shown = drive.watch.statuses(account)
    cell.expect(told == shown, f"{told} tasks are told, {shown} are shown")
    lies = drive.watch.lies[account]
    cell.expect(not lies, f"never true: {some(lies)}")


async def others(drive: Rig, metrics, cells: Iterable[Cell]) -> None:
    """Accounts without a fault are up, complete, fresh, and no call of theirs failed."""
    status, _ = await drive.world.get("/-/healthy")
    for cell in cells:
        cell.expect(status == 200, "the process is not healthy")
        cell.expect(not drive.lines("bug"), f"a bug: {drive.lines('bug')}")
        for name in drive.bystanders:
            _untouched(drive, metrics, name, cell)


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
    old = watch.untrue_since(name, drive.clock.now() - LATEST)
    cell.expect(not old, f"lines of {name} are old: {some(old)}")


def ended(drive: Rig, account: str, cell: Cell) -> None:
    """After the end nothing of the account is left, and what was shown last was true."""
    has_ended(drive.member(account), cell)
    cell.expect(not drive.tasks_of(account), f"tasks are left: {drive.tasks_of(account)}")
    cell.expect(not drive.watch.lies[account], f"never true: {drive.watch.lies[account]}")
    cell.expect(drive.watch.checked[account], "nothing was held against the truth")
    cell.expect(not drive.lines("bug"), f"a bug: {drive.lines('bug')}")


def has_ended(member, cell: Cell) -> None:
    """Its loop is over, and its connections are closed."""
    cell.expect(member.context._transport._session.closed, "its session is open")
    cell.expect(member.loop.done(), "its loop has not ended")
