"""No step of the event loop is long: the real exporter in a process of its own, measured there."""

import asyncio

import pytest

from benchmarks.lag import observed, told
from benchmarks.steps import StepMeter
from benchmarks.subject import busy

TASKS = 10_000
LEAST_SERIES = 150_000
LIMIT_SECONDS = 0.020
BUSY_SECONDS = 0.030


@pytest.mark.timeout(180)
def test_scraping_while_polling_10000_tasks_holds_the_loop_for_no_step_over_20_ms_of_cpu():
    end = observed(TASKS, scrape_seconds=0.3)
    steps = end["steps"]["longest"]
    assert end["samples"] >= LEAST_SERIES
    assert steps[0]["seconds"] < LIMIT_SECONDS, f"the longest steps:\n{told(steps)}"


@pytest.mark.timeout(60)
def test_a_busy_step_in_the_measured_process_is_among_the_longest_ones():
    steps = observed(20, scrape_seconds=0.3, busy=BUSY_SECONDS)["steps"]["longest"]
    (mine,) = [step for step in steps if "busy" in step["what"]]
    assert mine["seconds"] >= BUSY_SECONDS


async def test_a_busy_step_is_seen_with_its_time_and_its_name():
    meter = StepMeter()
    with meter.installed():
        await asyncio.create_task(busy(BUSY_SECONDS))
        await asyncio.sleep(0)
    longest = meter.longest()[0]
    assert longest["seconds"] >= BUSY_SECONDS
    assert "busy" in longest["what"]


async def test_waiting_is_no_cpu_time():
    meter = StepMeter()
    with meter.installed():
        await asyncio.create_task(asyncio.sleep(0.05))
    assert max(meter.seconds) < BUSY_SECONDS
