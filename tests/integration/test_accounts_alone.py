"""Failure of one never touches another: accounts, instances, collectors and job groups."""

import copy
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import yaml

from exporter.simulator import AccessChange, Edit, Fault
from tests.integration._drive import (
    DEFAULTS,
    INTERVAL_SECONDS,
    TWO_EACH,
    codes,
    driven,
    label_of,
    of,
    one,
    reasons,
    written,
)
from tests.integration._front import front

SLOW_RETRY_SECONDS = 300.0
FOUR = ("dezhu-demo", "dezhu-demo-2", "aliyun-demo", "aliyun-demo-2")
TWO_INSTANCES = {
    "dezhu_accounts": 0,
    "aliyun_accounts": 1,
    "aliyun_instances": 2,
    "tasks": 24,
}
BOTS = "aliyun-demo"


def ids(drive, account, family="outbound_task_info", **labels):
    """Ids of the tasks that a family shows."""
    return {
        label_of(series, "task_id")
        for series in drive.tasks(account)
        if series.startswith(family + "{")
        and all(label_of(series, name) == value for name, value in labels.items())
    }


def true_ids(drive, **selector):
    return {
        task.task_id
        for task in drive.simulator.world.tasks()
        if all(getattr(task, name) == value for name, value in selector.items())
    }


def instance_up(metrics):
    return {
        sample.labels["instance_id"]: sample.value
        for sample in of(metrics, "outbound_instance_up", account=BOTS)
    }


@pytest.fixture
async def nowhere():
    """An address at which nobody listens."""
    async with front() as closed:
        return closed.url


async def test_one_account_that_cannot_connect_leaves_four_others_alone(nowhere):
    def text(simulator):
        document = yaml.safe_load(written(simulator))
        first = copy.deepcopy(document["accounts"][0])
        fifth = {**first, "name": "unreachable", "base_url": nowhere}
        document["accounts"].insert(0, fifth)
        return yaml.safe_dump(document, allow_unicode=True)

    async with driven(options=TWO_EACH, text=text) as drive:
        await drive.until(lambda: all(drive.is_whole(name) for name in FOUR), within=70)
        await drive.forward(5)
        assert drive.up("unreachable") is False
        before = {name: drive.last_success(name) for name in FOUR}
        good = {name: drive.tasks(name) for name in FOUR}
        await drive.forward(INTERVAL_SECONDS + 1)
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account="unreachable") == 0
        assert reasons(metrics, "unreachable") == {"unavailable"}
        assert codes(metrics, "unreachable") == {("unavailable", "connection")}
        assert drive.tasks("unreachable") == {}
        assert "cannot connect to the vendor" in await drive.page()
        for name in FOUR:
            assert one(metrics, "outbound_account_up", account=name) == 1
            assert reasons(metrics, name) == set()
            assert codes(metrics, name) == set()
            assert drive.tasks(name) == good[name]
            after = drive.last_success(name)
            assert all(after[tier] >= before[name][tier] + INTERVAL_SECONDS for tier in after)
        assert len(drive.lines("poll failed", account="unreachable")) == 1
        await drive.assert_nothing_leaks()


async def test_all_accounts_fail_each_for_its_own_reason():
    troubles = {
        "dezhu-demo": ({"kind": "code", "code": "10001"}, "auth"),
        "dezhu-demo-2": ({"kind": "garbage"}, "protocol"),
        "aliyun-demo": ({"kind": "code", "code": "Forbidden.RAM"}, "permission"),
        "aliyun-demo-2": ({"kind": "status", "http_status": 502}, "unavailable"),
    }
    async with driven(options=TWO_EACH) as drive:
        await drive.polled()
        for account, (fault, _) in troubles.items():
            drive.simulator.faults.set(Fault(account=account, **fault))
        await drive.until(
            lambda: not any(drive.up(name) for name in FOUR), within=INTERVAL_SECONDS + 3
        )
        metrics = await drive.metrics()
        for account, (_, reason) in troubles.items():
            assert one(metrics, "outbound_account_up", account=account) == 0
            assert reasons(metrics, account) == {reason}
        page = await drive.page()
        assert "4 down" in page
        drive.simulator.faults.clear()
        await drive.until(drive.whole, within=SLOW_RETRY_SECONDS + 5)


@asynccontextmanager
async def bots(**keys):
    """One Alibaba account with two instances and further keys, polled for some seconds."""

    def text(simulator):
        def change(accounts):
            real = simulator.instances(BOTS)
            accounts[BOTS].update(
                {key: made(real) if callable(made) else made for key, made in keys.items()}
            )

        return written(simulator, change)

    async with driven(options=TWO_INSTANCES, text=text) as drive:
        yield drive


async def test_a_configured_instance_that_does_not_exist_leaves_the_others():
    async with bots(instances=lambda real: [real[0], "no-such-instance", real[1]]) as drive:
        await drive.forward(5)
        metrics = await drive.metrics()
        first, second = drive.simulator.instances(BOTS)
        assert instance_up(metrics) == {first: 1, second: 1, "no-such-instance": 0}
        assert one(metrics, "outbound_account_up", account=BOTS) == 0
        assert reasons(metrics, BOTS) == {"config"}
        assert codes(metrics, BOTS) == {("config", "NotExist.Instance")}
        page = await drive.page()
        assert "NotExist.Instance: check the ids under instances" in page
        assert "no-such-instance" in page
        assert ids(drive, BOTS) == true_ids(drive)
        asked = {row.operation for row in drive.simulator.requests}
        assert "ListInstances" not in asked, "configured instances are not discovered"
        warnings = drive.lines("poll failed", account=BOTS)
        assert [row["reason"] for row in warnings] == ["config"]


async def test_a_fault_of_one_instance_leaves_the_tasks_of_the_other():
    async with bots() as drive:
        await drive.polled()
        first, second = drive.simulator.instances(BOTS)
        good = drive.tasks(BOTS)
        drive.simulator.faults.set(
            Fault(kind="code", code="InternalError", account=BOTS, scope=second)
        )
        moving = next(
            task
            for task in drive.simulator.world.tasks()
            if task.scope == first and task.status == "running"
        )
        drive.simulator.world.edit(moving.name, Edit(do="append", customers=5))
        await drive.forward(INTERVAL_SECONDS + 5)
        metrics = await drive.metrics()
        assert instance_up(metrics) == {first: 1, second: 0}
        assert one(metrics, "outbound_account_up", account=BOTS) == 0
        assert reasons(metrics, BOTS) == {"unavailable"}
        changed = drive.tasks(BOTS)
        assert changed.keys() == good.keys(), "the last good values stay"
        differ = {label_of(series, "task_id") for series in good if good[series] != changed[series]}
        assert moving.task_id in differ, "the other instance goes on"
        assert differ <= true_ids(drive, scope=first)
        drive.simulator.faults.clear()
        await drive.until(lambda: drive.up(BOTS) is True, within=INTERVAL_SECONDS)
        assert instance_up(await drive.metrics()) == {first: 1, second: 1}


async def test_an_instance_that_is_gone_takes_only_its_own_tasks_along():
    async with bots() as drive:
        await drive.polled()
        first, second = drive.simulator.instances(BOTS)
        drive.simulator.faults.set(
            Fault(kind="code", code="NotExist.Instance", account=BOTS, scope=second)
        )
        await drive.forward(INTERVAL_SECONDS + 5)
        assert ids(drive, BOTS) == true_ids(drive, scope=first)
        metrics = await drive.metrics()
        assert instance_up(metrics) == {first: 1, second: 0}
        assert reasons(metrics, BOTS) == {"config"}
        drive.simulator.faults.clear()
        await drive.until(lambda: ids(drive, BOTS) == true_ids(drive), within=INTERVAL_SECONDS)


async def test_a_forbidden_detail_leaves_progress_going_and_the_account_up():
    async with bots() as drive:
        drive.simulator.change_access(AccessChange(account=BOTS, deny=["DescribeJobGroup"]))
        await drive.forward(5)
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account=BOTS) == 1
        up = one(metrics, "outbound_account_collector_up", account=BOTS, collector="detail")
        assert up == 0
        assert reasons(metrics, BOTS) == {"permission"}
        assert codes(metrics, BOTS) == {("permission", "Forbidden.RAM")}
        assert ids(drive, BOTS, "outbound_task_jobs") == true_ids(drive)
        assert ids(drive, BOTS, "outbound_task_max_ringing_seconds") == set()
        page = await drive.page()
        assert "Collectors: detail down" in page
        assert "grant the outboundbot permission of this action" in page

        before = drive.last_success(BOTS)
        drive.simulator.requests.clear()
        await drive.forward(SLOW_RETRY_SECONDS - 10)
        after = drive.last_success(BOTS)
        assert all(after[tier] > before[tier] + 200 for tier in after), "progress goes on"
        asked = [row.operation for row in drive.simulator.requests]
        # A look-up of a task that left its tier is another thing than the detail collector.
        assert asked.count("DescribeJobGroup") <= 1, "retried slowly"

        drive.simulator.change_access(AccessChange(account=BOTS, allow=["DescribeJobGroup"]))
        await drive.until(lambda: drive.is_whole(BOTS), within=SLOW_RETRY_SECONDS + 65)
        metrics = await drive.metrics()
        up = one(metrics, "outbound_account_collector_up", account=BOTS, collector="detail")
        assert up == 1
        assert reasons(metrics, BOTS) == set()
        assert ids(drive, BOTS, "outbound_task_max_ringing_seconds") == true_ids(drive)
        told = [(row["msg"], row["level"], row["where"]) for row in drive.lines(account=BOTS)]
        assert len(set(told)) == len(told), "each edge is one line"
        assert {line[:2] for line in told} == {
            ("poll failed", "warning"),
            ("poll recovered", "info"),
        }


async def test_a_detail_that_fails_in_one_instance_leaves_those_of_the_other():
    async with bots() as drive:
        first, second = drive.simulator.instances(BOTS)
        drive.simulator.faults.set(
            Fault(
                kind="code",
                code="Forbidden.RAM",
                account=BOTS,
                operation="DescribeJobGroup",
                scope=second,
            )
        )
        await drive.forward(INTERVAL_SECONDS + 5)
        shown = ids(drive, BOTS, "outbound_task_max_ringing_seconds")
        assert shown == true_ids(drive, scope=first)
        assert ids(drive, BOTS) == true_ids(drive)
        metrics = await drive.metrics()
        up = one(metrics, "outbound_account_collector_up", account=BOTS, collector="detail")
        assert up == 0
        assert drive.up(BOTS) is True


async def test_details_outstanding_falls_with_the_last_detail():
    async with bots() as drive:
        wanted = true_ids(drive)
        await drive.until(
            lambda: ids(drive, BOTS, "outbound_task_max_ringing_seconds") == wanted, within=5
        )
        await drive.forward(1)
        assert drive.world.value("outbound_account_details_outstanding", account=BOTS) == 0


async def test_a_forbidden_discovery_is_told_and_comes_back():
    async with bots() as drive:
        drive.simulator.change_access(AccessChange(account=BOTS, deny=["ListInstances"]))
        await drive.forward(5)
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account=BOTS) == 0
        assert reasons(metrics, BOTS) == {"permission"}
        assert (await drive.world.get("/-/ready"))[0] == 200
        drive.simulator.change_access(AccessChange(account=BOTS, allow=["ListInstances"]))
        await drive.until(lambda: drive.is_whole(BOTS), within=SLOW_RETRY_SECONDS + 65)
        assert ids(drive, BOTS) == true_ids(drive)


async def test_a_forbidden_discovery_leaves_the_known_instances_polled():
    async with bots() as drive:
        await drive.polled()
        good, before = drive.tasks(BOTS), drive.last_success(BOTS)
        drive.simulator.change_access(AccessChange(account=BOTS, deny=["ListInstances"]))
        await drive.forward(2 * INTERVAL_SECONDS + 2)
        assert drive.tasks(BOTS) == good
        after = drive.last_success(BOTS)
        assert all(after[tier] > before[tier] for tier in after)
        assert reasons(await drive.metrics(), BOTS) == {"permission"}


@asynccontextmanager
async def chosen_groups(*, bogus):
    """An account that is told three job groups, and perhaps one that does not exist."""
    async with AsyncExitStack() as stack:
        chosen = []

        def text(simulator):
            tasks = [
                task
                for status in ("running", "paused", "completed")
                for task in simulator.world.tasks()
                if task.status == status
            ]
            chosen.extend({task.status: task for task in tasks}.values())
            groups = [{"instance_id": task.scope, "job_group_id": task.task_id} for task in chosen]
            if bogus:
                instance = simulator.instances(BOTS)[0]
                groups.insert(1, {"instance_id": instance, "job_group_id": "no-such-group"})

            def change(accounts):
                accounts[BOTS]["job_groups"] = groups
                # Concurrency is not to be had of one job group alone.
                accounts[BOTS]["collect"] = ["progress", "schedule", "settings"]
                del accounts[BOTS]["instances"]

            simulator.change_access(
                AccessChange(account=BOTS, deny=["ListJobGroups", "ListInstances"])
            )
            return written(simulator, change)

        drive = await stack.enter_async_context(driven(options=TWO_INSTANCES, text=text))
        await drive.forward(5)
        yield drive, chosen


@pytest.mark.parametrize("bogus", [False, True])
async def test_job_groups_by_name_need_no_list_permission_and_one_that_is_not_is_left_out(bogus):
    async with chosen_groups(bogus=bogus) as (drive, chosen):
        await drive.forward(3 * INTERVAL_SECONDS)
        assert {row.operation for row in drive.simulator.requests} == {"DescribeJobGroup"}
        assert len(chosen) == 3
        assert ids(drive, BOTS) == {task.task_id for task in chosen}
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account=BOTS) == 1
        assert reasons(metrics, BOTS) == set()
        assert set(instance_up(metrics).values()) == {1}
        # Schedule and settings come with the same call.
        assert ids(drive, BOTS, "outbound_task_max_ringing_seconds") == ids(drive, BOTS)


async def test_a_chosen_job_group_that_is_deleted_goes_alone():
    async with chosen_groups(bogus=False) as (drive, chosen):
        running, *others = chosen
        assert running.status == "running"
        drive.simulator.world.edit(running.name, Edit(do="remove"))
        await drive.until(
            lambda: ids(drive, BOTS) == {task.task_id for task in others},
            within=INTERVAL_SECONDS + 2,
        )
        await drive.forward(2 * INTERVAL_SECONDS)
        assert drive.up(BOTS) is True
        assert ids(drive, BOTS) == {task.task_id for task in others}
        assert {row.operation for row in drive.simulator.requests} == {"DescribeJobGroup"}


async def test_a_chosen_job_group_that_completes_is_followed():
    async with chosen_groups(bogus=False) as (drive, chosen):
        running = chosen[0]
        drive.simulator.world.edit(running.name, Edit(do="complete"))
        await drive.until(
            lambda: running.task_id in ids(drive, BOTS, status="completed"),
            within=INTERVAL_SECONDS + 2,
        )
        assert len(ids(drive, BOTS)) == 3


async def test_the_accounts_settings_are_its_own():
    # One polls three times as often as the other: each keeps its own time.
    def text(simulator):
        fast = {**DEFAULTS["refresh"], "active": "20s"}
        return written(simulator, lambda accounts: accounts["dezhu-demo"].update(refresh=fast))

    async with driven(options={**TWO_EACH, "aliyun_accounts": 0}, text=text) as drive:
        await drive.polled()
        drive.simulator.requests.clear()
        await drive.forward(2 * INTERVAL_SECONDS)
        # A page of one row only asks for a total.
        active = [
            (row.account, row.statuses)
            for row in drive.simulator.requests
            if row.statuses == "3" and row.size > 1
        ]
        assert active.count(("dezhu-demo", "3")) == 6
        assert active.count(("dezhu-demo-2", "3")) == 2
