"""Campaigns change, and the exporter follows: held against the simulators' own truth."""

from contextlib import AsyncExitStack

import pytest

from exporter.simulator import Edit, Selector
from tests.integration.harness import series_of, start

ACTIVE_SECONDS = 60
CHANGES = [
    ("dezhu", "fail", "failed"),
    ("dezhu", "complete", "completed"),
    ("dezhu", "pause", "paused"),
    ("aliyun", "fail", "failed"),
    ("aliyun", "complete", "completed"),
    ("aliyun", "pause", "paused"),
    ("aliyun", "cancel", "cancelled"),
]
COUNTS = {
    "customers": ("outbound_task_customers", {}),
    "completed": ("outbound_task_completed_customers", {}),
    "connected": ("outbound_task_connected_customers", {}),
    "calls": ("outbound_task_calls", {}),
    "executing": ("outbound_task_jobs", {"job_status": "executing"}),
    "failed": ("outbound_task_jobs", {"job_status": "failed"}),
    "scheduling": ("outbound_task_jobs", {"job_status": "scheduling"}),
    "paused": ("outbound_task_jobs", {"job_status": "paused"}),
    "cancelled": ("outbound_task_jobs", {"job_status": "cancelled"}),
}


@pytest.fixture
async def world():
    async with AsyncExitStack() as stack:
        world = await start(stack, options={"tasks": 40, "finished_share": 0.3})
        await world.polled()
        yield world


def status_of(series, task_id):
    """The status under which a task's customers are exposed; None if it is not."""
    found = {
        dict(labels)["status"]
        for (name, labels) in series
        if name == "outbound_task_customers" and ("task_id", task_id) in labels
    }
    assert len(found) < 2, f"{task_id} has more than one status: {found}"
    return next(iter(found), None)


def running(world, vendor):
    return world.simulator.world.tasks(Selector(vendor=vendor, status="running", first=1))[0]


async def test_every_exposed_count_is_the_true_one(world):
    latest = {}
    for record in world.simulator.world.truth():
        latest[record.account, record.task_id] = record
    compared = 0
    for (account, task_id), record in latest.items():
        for field, (family, labels) in COUNTS.items():
            if field not in record.values:
                continue
            exposed = world.values(family, account=account, status=record.status, **labels)
            if task_id in exposed:
                assert exposed[task_id] == record.values[field], (family, record)
                compared += 1
    assert compared > 150


@pytest.mark.parametrize(("vendor", "change", "status"), CHANGES)
async def test_a_change_shows_within_one_active_interval_and_no_scrape_misses_the_task(
    world, vendor, change, status
):
    task = running(world, vendor)
    world.publications.clear()
    world.simulator.world.edit(task.name, Edit(do=change))

    await world.clock.advance(ACTIVE_SECONDS * 1.06)
    await world.until(lambda: status_of(world.series(), task.task_id) == status)

    assert world.publications
    for text in world.publications:
        assert status_of(series_of(text), task.task_id) in {"running", status}


@pytest.mark.parametrize("vendor", ["dezhu", "aliyun"])
async def test_a_deleted_task_leaves_with_the_next_active_reading(world, vendor):
    task = running(world, vendor)
    world.simulator.world.edit(task.name, Edit(do="remove"))
    await world.clock.advance(ACTIVE_SECONDS * 1.06)
    await world.until(lambda: status_of(world.series(), task.task_id) is None)


@pytest.mark.parametrize("vendor", ["dezhu", "aliyun"])
async def test_a_task_that_runs_again_moves_back(world, vendor):
    task = running(world, vendor)
    world.simulator.world.edit(task.name, Edit(do="pause"))
    await world.clock.advance(ACTIVE_SECONDS * 1.06)
    await world.until(lambda: status_of(world.series(), task.task_id) == "paused")
    world.publications.clear()
    world.simulator.world.edit(task.name, Edit(do="resume"))
    await world.clock.advance(ACTIVE_SECONDS * 1.06)
    await world.until(lambda: status_of(world.series(), task.task_id) == "running")
    assert all(status_of(series_of(text), task.task_id) for text in world.publications)


async def test_a_renamed_task_keeps_one_series(world):
    task = running(world, "dezhu")
    world.simulator.world.edit(task.name, Edit(do="rename", name="spring-renewals-01"))
    await world.clock.advance(ACTIVE_SECONDS * 1.06)
    await world.until(
        lambda: world.values("outbound_task_customers", task_name="spring-renewals-01") != {}
    )
    assert status_of(world.series(), task.task_id) == "running"


async def test_counts_of_a_group_survive_its_detail(world):
    # DescribeJobGroup does not tell the calls; a detail must not end that series.
    task = running(world, "aliyun")
    for text in world.publications:
        series = series_of(text)
        if status_of(series, task.task_id):
            assert any(
                name == "outbound_task_calls" and ("task_id", task.task_id) in labels
                for name, labels in series
            )


async def test_windows_and_remaining_time_follow_the_clock_without_a_call(world):
    opened = world.values("outbound_task_calling_window_open")
    remaining = world.values("outbound_task_calling_remaining_seconds")
    counting_down = [task for task in remaining if opened[task] and remaining[task]]
    assert counting_down
    assert set(opened.values()) == {0, 1}
    calls = len(world.simulator.requests)
    to_the_minute = 60 - world.clock.now() % 60
    assert to_the_minute < ACTIVE_SECONDS - 10, "no active poll may be due before"

    await world.clock.advance(to_the_minute)
    expected = {
        task: pytest.approx(seconds - to_the_minute if task in counting_down else seconds, abs=2)
        for task, seconds in remaining.items()
    }
    await world.until(lambda: world.values("outbound_task_calling_remaining_seconds") == expected)
    assert len(world.simulator.requests) == calls


async def test_the_unfiltered_check_counts_statuses_nobody_knows(world):
    assert set(world.values("outbound_account_unclassified_tasks").values()) == {0}
    task = running(world, "dezhu")
    world.simulator.world.edit(task.name, Edit(do="set_status", status="unknown"))
    await world.clock.advance(3600 * 1.06)
    await world.until(
        lambda: world.value("outbound_account_unclassified_tasks", account="dezhu-demo") == 1
    )
