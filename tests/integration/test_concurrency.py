"""Calls at the same time, exposed as the simulator has them; each permission fails alone."""

from contextlib import asynccontextmanager

import pytest

from exporter.simulator import AccessChange, Edit, Fault
from tests.integration._drive import (
    INTERVAL_SECONDS,
    codes,
    driven,
    of,
    one,
    reasons,
    written,
)

BOTS = "aliyun-demo"
SLOW_RETRY_SECONDS = 300.0
OPTIONS = {"dezhu_accounts": 0, "aliyun_accounts": 1, "aliyun_instances": 2, "tasks": 40}
TASK, TASK_LIMIT = "outbound_task_concurrency", "outbound_task_concurrency_limit"
INSTANCE, INSTANCE_LIMIT = "outbound_instance_concurrency", "outbound_instance_concurrency_limit"
LIMIT, REMAINING = "outbound_account_concurrency_limit", "outbound_account_concurrency_remaining"
FAMILIES = {
    "GetRealtimeConcurrencyReport": {TASK, TASK_LIMIT},
    "GetCurrentConcurrency": {INSTANCE},
    "GetConcurrentConversationQuota": {LIMIT, REMAINING},
}
ALWAYS = {INSTANCE_LIMIT}
"""The list of instances tells it as well."""


@asynccontextmanager
async def dialling(**more):
    """An account of two instances whose campaigns dial; everything was polled once."""
    async with driven(options={**OPTIONS, **more.pop("options", {})}, **more) as drive:
        drive.simulator.world.advance(60)
        await drive.polled()
        await drive.forward(1)
        yield drive


def shown(drive, family):
    """Values of a family by task, or by instance."""
    label = "task_id" if family.startswith("outbound_task_") else "instance_id"
    return {
        dict(labels)[label]: value
        for (name, labels), value in drive.world.series().items()
        if name == family
    }


def there(drive):
    names = {name for name, _ in drive.world.series() if "_concurrency" in name}
    return names - {"outbound_task_min_concurrency"}


def collector_up(metrics):
    return one(metrics, "outbound_account_collector_up", account=BOTS, collector="concurrency")


async def test_every_value_is_the_true_one():
    async with dialling() as drive:
        running = [task for task in drive.simulator.world.tasks() if task.status == "running"]
        instances = drive.simulator.accounts[0].instances

        executing = {task.task_id: task.values["executing"] for task in running}
        assert sum(executing.values()) > 0
        assert shown(drive, TASK) == executing
        assert shown(drive, TASK_LIMIT) == {task.task_id: task.lines for task in running}
        assert shown(drive, INSTANCE) == {
            one.instance_id: sum(
                task.values["executing"] for task in running if task.scope == one.instance_id
            )
            for one in instances
        }
        assert shown(drive, INSTANCE_LIMIT) == {
            one.instance_id: one.max_concurrency for one in instances
        }
        assert drive.world.value(LIMIT, account=BOTS) == 500
        assert drive.world.value(REMAINING, account=BOTS) == 250
        metrics = await drive.metrics()
        assert collector_up(metrics) == 1
        assert "concurrency up" in await drive.page()


async def test_values_follow_the_campaigns_each_active_interval():
    async with dialling() as drive:
        before = shown(drive, TASK)
        paused = next(iter(task for task, calls in before.items() if calls))
        (view,) = [each for each in drive.simulator.world.tasks() if each.task_id == paused]
        drive.simulator.world.edit(view.name, Edit(do="pause"))
        await drive.forward(INTERVAL_SECONDS)
        running = [task for task in drive.simulator.world.tasks() if task.status == "running"]
        assert shown(drive, TASK) == {task.task_id: task.values["executing"] for task in running}
        assert paused not in shown(drive, TASK)


@pytest.mark.parametrize("action", FAMILIES)
async def test_a_permission_that_is_missing_takes_its_own_figures_alone(action):
    denied = {"text": lambda simulator: forbidden(simulator, action)}
    async with dialling(**denied) as drive:
        everything = set().union(ALWAYS, *FAMILIES.values())
        metrics = await drive.metrics()
        assert there(drive) == everything - FAMILIES[action]
        assert one(metrics, "outbound_account_up", account=BOTS) == 1
        assert collector_up(metrics) == 0
        assert reasons(metrics, BOTS) == {"permission"}
        assert codes(metrics, BOTS) == {("permission", "Forbidden.RAM")}
        scopes = 1 if action == "GetConcurrentConversationQuota" else 2
        assert asked(drive, action) == scopes

        await drive.forward(SLOW_RETRY_SECONDS - 10)
        assert asked(drive, action) == scopes, "retried slowly"
        drive.simulator.change_access(AccessChange(account=BOTS, allow=[action]))
        await drive.forward(20)
        metrics = await drive.metrics()
        assert there(drive) == everything
        assert collector_up(metrics) == 1
        assert reasons(metrics, BOTS) == set()
        await drive.assert_nothing_leaks()


def forbidden(simulator, *actions):
    simulator.change_access(AccessChange(account=BOTS, deny=list(actions)))
    return written(simulator)


def asked(drive, action):
    return [row.operation for row in drive.simulator.requests].count(action)


@pytest.mark.parametrize(
    ("action", "family"),
    [("GetRealtimeConcurrencyReport", TASK), ("GetCurrentConcurrency", INSTANCE)],
)
async def test_an_instance_that_fails_leaves_the_figures_of_the_other(action, family):
    def text(simulator):
        _, second = simulator.instances(BOTS)
        fault = Fault(kind="status", http_status=502, operation=action, scope=second)
        simulator.faults.set(fault)
        return written(simulator)

    async with dialling(text=text) as drive:
        # A call that may work the next time is made again within the poll.
        await drive.forward(5)
        first, _ = drive.simulator.instances(BOTS)
        mine = {
            task.task_id
            for task in drive.simulator.world.tasks()
            if task.status == "running" and task.scope == first
        }
        assert set(shown(drive, family)) == (mine if family == TASK else {first})
        metrics = await drive.metrics()
        assert collector_up(metrics) == 0
        assert one(metrics, "outbound_account_up", account=BOTS) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "no_id", "rows": 1},
        {"kind": "field_types"},
        {"kind": "strange_names"},
        {"kind": "phone_names"},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_rows_that_are_out_of_order_cost_no_more_than_themselves(fault):
    async with dialling() as drive:
        good = shown(drive, TASK)
        drive.simulator.faults.set(
            Fault(operation="GetRealtimeConcurrencyReport", account=BOTS, **fault)
        )
        await drive.forward(INTERVAL_SECONDS)
        lost = 2 if fault["kind"] == "no_id" else 0
        assert len(good) - len(shown(drive, TASK)) == lost
        assert shown(drive, TASK).items() <= good.items()
        metrics = await drive.metrics()
        assert collector_up(metrics) == 1


async def test_a_report_of_many_pages_is_read_whole():
    options = {"tasks": 300, "finished_share": 0.0, "aliyun_instances": 1}

    def text(simulator):
        return written(simulator, lambda accounts: accounts[BOTS].update(page_size=7))

    async with dialling(options=options, text=text) as drive:
        running = [task for task in drive.simulator.world.tasks() if task.status == "running"]
        assert len(running) > 21
        assert set(shown(drive, TASK)) == {task.task_id for task in running}
        pages = -(-len(running) // 7)
        assert asked(drive, "GetRealtimeConcurrencyReport") == pages


async def test_nothing_is_asked_when_the_collector_is_off():
    def text(simulator):
        return written(simulator, collect=["progress", "schedule", "settings", "agents"])

    async with dialling(text=text) as drive:
        await drive.forward(2 * INTERVAL_SECONDS)
        assert not {row.operation for row in drive.simulator.requests} & FAMILIES.keys()
        assert there(drive) == set()
        metrics = await drive.metrics()
        assert collector_up(metrics) is None


async def test_dezhu_takes_the_collector_and_asks_and_shows_nothing_for_it():
    options = {"dezhu_accounts": 1, "aliyun_accounts": 0}
    async with dialling(options=options) as drive:
        assert {row.operation for row in drive.simulator.requests} == {"page"}
        assert there(drive) == set()
        metrics = await drive.metrics()
        assert of(metrics, "outbound_account_collector_up") == []
        assert reasons(metrics, "dezhu-demo") == set()
