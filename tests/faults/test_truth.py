"""The watch that the matrix stands on: it finds whatever was never true."""

from types import SimpleNamespace

import pytest

from exporter.simulator import Edit, Selector, Simulator, SimulatorOptions
from tests.fakes import FakeClock
from tests.faults._settings import SettingsOf
from tests.faults._truth import Watch

INTERVAL = 300.0
CUSTOMERS, INFO = "outbound_task_customers", "outbound_task_info"
RINGING, OPEN = "outbound_task_max_ringing_seconds", "outbound_task_calling_window_open"
CALLS, MOST_CALLS = "outbound_task_concurrency", "outbound_task_concurrency_limit"
INSTANCE_CALLS, QUOTA = "outbound_instance_concurrency", "outbound_account_concurrency_limit"
WITHOUT_STATUS = {RINGING, OPEN, CALLS, MOST_CALLS}


@pytest.fixture
async def watch():
    """A watch over a simulator that stands still, and the clock of both."""
    clock = FakeClock()
    options = SimulatorOptions(
        clock=clock.now, control_listen=None, automatic=False, lively=False, tasks=4
    )
    async with Simulator(options) as simulator:
        made = Watch(simulator, clock=clock, interval=INTERVAL)
        made.simulator, made.clock = simulator, clock
        yield made


def task(watch, vendor="dezhu"):
    return watch.simulator.world.task("steady-campaign", vendor=vendor)


def shown(row, family=CUSTOMERS, value=None, **labels):
    """A publication of one line."""
    status = {} if family in WITHOUT_STATUS else {"status": row.status}
    all_labels = {"task_id": row.task_id, "task_name": row.name, **status, **labels}
    text = ",".join(f'{name}="{label}"' for name, label in all_labels.items())
    number = row.values["customers"] if value is None else value
    body = SimpleNamespace(plain=(f"{family}{{{text}}} {number}\n".encode(),))
    return SimpleNamespace(accounts={row.account: {family: body}})


async def test_what_is_true_is_no_lie(watch):
    row = task(watch)
    watch.see(shown(row))
    watch.see(shown(row, INFO, 1))
    assert watch.lies == {}
    assert watch.checked[row.account] == 2


@pytest.mark.parametrize(
    ("family", "value", "labels"),
    [
        (CUSTOMERS, 4711, {}),
        (CUSTOMERS, None, {"status": "paused"}),
        (CUSTOMERS, None, {"task_name": "stuck-campaign"}),
        (CUSTOMERS, None, {"task_id": "1"}),
        (INFO, 1, {"status": "completed"}),
        (RINGING, 30, {"task_name": "stuck-campaign"}),
        (RINGING, 30, {"task_id": "1"}),
        (OPEN, 1, {"task_name": "stuck-campaign"}),
        (MOST_CALLS, 5, {"task_name": "stuck-campaign"}),
    ],
)
async def test_what_was_never_true_is_a_lie(watch, family, value, labels):
    row = task(watch)
    watch.see(shown(row, family, value, **labels))
    assert len(watch.lies[row.account]) == 1


async def test_a_value_that_was_true_longer_ago_than_an_interval_is_a_lie_when_shown_first(watch):
    before = task(watch)
    watch.simulator.world.edit("steady-campaign", Edit(do="append", customers=5))
    await watch.clock.advance(INTERVAL - 1)
    watch.see(shown(before))
    assert not watch.lies[before.account]
    await watch.clock.advance(2)
    watch.see(shown(task(watch)))
    watch.see(shown(before))
    assert len(watch.lies[before.account]) == 1
    assert len(watch.untrue_since(before.account, watch.clock.now() - 1)) == 1


@pytest.mark.parametrize("vendor", ["dezhu", "aliyun"])
async def test_a_setting_that_is_not_the_vendors_is_a_lie(watch, vendor):
    row = task(watch, vendor)
    true = SettingsOf(watch.simulator).of(row.account, row.task_id)[RINGING, ""]
    for seconds, lies in ((true, 0), (true, 0), (true + 1, 1)):
        watch.see(shown(row, RINGING, seconds))
        assert len(watch.lies[row.account]) == lies


@pytest.mark.parametrize(("more", "lies"), [(0, 0), (1, 1)])
async def test_calls_at_once_are_those_that_the_vendor_has(watch, more, lies):
    row = task(watch, "aliyun")
    watch.see(shown(row, CALLS, row.values["executing"] + more))
    assert len(watch.lies[row.account]) == lies
    assert watch.lines(row.account) == set(), "they are read apart from the tasks"
    assert len(watch.scraped()) == 1


@pytest.mark.parametrize(("more", "lies"), [(0, 0), (1, 1)])
async def test_calls_at_once_of_an_instance_are_those_of_its_tasks_together(watch, more, lies):
    account = task(watch, "aliyun").account
    tasks = watch.simulator.world.tasks(Selector(account=account))
    calls = sum(row.values["executing"] for row in tasks if row.status == "running")
    for family, value in ((INSTANCE_CALLS, calls + more), (QUOTA, 250), (QUOTA, 250 + more)):
        body = SimpleNamespace(plain=(f'{family}{{account="{account}"}} {value}\n'.encode(),))
        watch.see(SimpleNamespace(accounts={account: {family: body}}))
    assert len(watch.lies[account]) == 2 * lies


async def test_what_follows_the_clock_may_change_and_is_not_what_a_scrape_is_held_against(watch):
    row = task(watch)
    for is_open in (1, 0):
        watch.see(shown(row, OPEN, is_open))
    assert not watch.lies[row.account]
    assert watch.scraped() == set()


async def test_a_setting_that_was_shown_and_is_not_there_when_all_is_well_is_told(watch):
    row = task(watch)
    watch.see(shown(row, RINGING, 30))
    assert watch.never_again(row.account) == set()
    watch.see(shown(row))
    watch.see(SimpleNamespace(accounts={row.account: {}}))
    assert len(watch.never_again(row.account)) == 1
