"""Vendors that answer from memory: what the simulator says, which is asked once a question."""

from contextlib import asynccontextmanager

import pytest
import yaml

from benchmarks.replay import change, configurations, question, replaying
from benchmarks.sweep_floor import sweep
from exporter.domain import Scope, Status
from exporter.secret import Secret
from exporter.simulator import Simulator, SimulatorOptions
from exporter.source import Priority, Query
from exporter.sources.aliyun.options import AliyunOptions, CredentialOptions
from exporter.sources.aliyun.source import ALIYUN
from tests.sources.serving import opened

TASKS = 250
FINISHED = frozenset({Status.COMPLETED, Status.CANCELLED})


@pytest.fixture
async def simulator():
    options = SimulatorOptions(
        automatic=False, control_listen=None, tasks=TASKS, finished_share=0.9, aliyun_instances=2
    )
    async with Simulator(options) as running:
        yield running


def url_of(simulator, platform):
    return {"dezhu": simulator.dezhu_url, "aliyun": simulator.aliyun_url}[platform]


@asynccontextmanager
async def aliyun_source(simulator, url):
    account = simulator.accounts[-1]
    credentials = CredentialOptions(
        type="access_key",
        access_key_id=account.access_key_id,
        access_key_secret=Secret(account.access_key_secret),
    )
    options = AliyunOptions(endpoint=url, credentials=credentials)
    async with opened(ALIYUN, options) as source:
        yield source


async def finished(source, scope: Scope, *, since=1.0):
    """The tasks of one instance that are over, from all pages."""
    query, tasks, total, number = Query(scope, FINISHED, created_since=since), [], 1, 0
    while len(tasks) < total:
        number += 1
        page = await source.page(query, number, priority=Priority.FINISHED)
        tasks, total = [*tasks, *page.tasks], page.total
    return tasks


async def test_the_pages_of_every_instance_parse_with_the_real_source(simulator):
    async with (
        replaying(simulator.aliyun_url) as vendor,
        aliyun_source(simulator, vendor.url) as source,
    ):
        scopes = await source.scopes()
        tasks = [task for scope in scopes for task in await finished(source, scope)]

    assert [scope.id for scope in scopes] == list(simulator.instances("aliyun-demo"))
    expected = {
        task.task_id
        for task in simulator.world.tasks()
        if task.vendor == "aliyun" and task.status in {"completed", "cancelled"}
    }
    assert {task.id for task in tasks} == expected
    assert len(tasks) == len(expected)
    assert not any(task.unknown for task in tasks)


async def test_a_question_that_repeats_is_not_put_to_the_simulator_again(simulator):
    async with (
        replaying(simulator.aliyun_url) as vendor,
        aliyun_source(simulator, vendor.url) as source,
    ):
        scope, *_ = await source.scopes()
        before = await finished(source, scope, since=1.0)
        asked = vendor.asked
        again = await finished(source, scope, since=2.0)

    assert again == before
    assert vendor.asked == asked == len(simulator.requests)


async def test_a_change_moves_every_hundredth_task_and_shows_once_answers_are_forgotten(simulator):
    async with (
        replaying(simulator.aliyun_url) as vendor,
        aliyun_source(simulator, vendor.url) as source,
    ):
        scopes = await source.scopes()
        before = [task for scope in scopes for task in await finished(source, scope)]
        changed = change(simulator)
        vendor.forget()
        after = [task for scope in scopes for task in await finished(source, scope)]

    # 250 of Dezhu in one place, and twice 125 of Alibaba.
    assert changed == 3 + 2 + 2
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert 1 <= len(moved) <= 4
    assert all(new.progress.customers == old.progress.customers + 1 for old, new in moved)


@pytest.mark.parametrize("platform", ["dezhu", "aliyun"])
async def test_the_floor_reads_every_task_with_signatures_that_the_simulator_accepts(
    simulator, platform
):
    async with replaying(url_of(simulator, platform)) as vendor:
        text = configurations(simulator.config_text(), {"dezhu": vendor.url, "aliyun": vendor.url})
        (account,) = yaml.safe_load(text[platform])["accounts"]
        pages = await sweep(account, concurrency=4)

    lines = b"".join(page for *_, page in pages).splitlines()
    ids = {line.partition(b'task_id="')[2].partition(b'"')[0].decode() for line in lines}
    assert ids == {task.task_id for task in simulator.world.tasks() if task.vendor == platform}
    assert sum(series for _, series, _ in pages) == len(lines) == len(set(lines))


def test_a_question_is_told_by_its_action_and_query_without_date_and_signature():
    head = (
        b"GET /?InstanceId=i&PageNumber=%d&StartTime=%d HTTP/1.1\r\n"
        b"X-Acs-Action: %b\r\nauthorization: %b\r\n\r\n"
    )
    asked = question(head % (1, 5, b"ListJobGroups", b"one"))

    assert asked == question(head % (1, 6, b"ListJobGroups", b"another"))
    assert asked != question(head % (2, 5, b"ListJobGroups", b"one"))
    assert asked != question(head % (1, 5, b"ListInstances", b"one"))
