"""The watch that the matrix stands on: it finds whatever was never true."""

from types import SimpleNamespace

import pytest

from exporter.simulator import Edit, Simulator, SimulatorOptions
from tests.fakes import FakeClock
from tests.faults._truth import Watch

INTERVAL = 300.0
CUSTOMERS, INFO = "outbound_task_customers", "outbound_task_info"
RINGING = "outbound_task_max_ringing_seconds"


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


def task(watch):
    return watch.simulator.world.task("steady-campaign", vendor="dezhu")


def shown(row, family=CUSTOMERS, value=None, **labels):
    """A publication of one line."""
    status = {} if family == RINGING else {"status": row.status}
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


async def test_a_setting_that_changes_is_a_lie(watch):
    row = task(watch)
    for seconds in (30, 30, 45):
        watch.see(shown(row, RINGING, seconds))
    assert len(watch.lies[row.account]) == 1
