"""The canned vendor: real enough for the source of the exporter, and it changes as it was told."""

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.canned import Connection, answer
from benchmarks.pages import Crowd, Pages
from exporter.domain import Scope, Status
from exporter.secret import Secret
from exporter.source import Priority, Query
from exporter.sources.dezhu.options import DezhuOptions
from exporter.sources.dezhu.parse import STATUSES
from exporter.sources.dezhu.source import DEZHU
from tests.sources.serving import opened

NOW = 1_800_000_000.0
TASKS = 300
RUNNING, COMPLETED = 3, 4


@pytest.fixture(scope="module")
def key():
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@asynccontextmanager
async def source_of(pages, key):
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(pages, []), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    options = DezhuOptions(
        base_url=f"http://127.0.0.1:{port}", app_id="app", private_key=Secret(key), page_size=20
    )
    async with opened(DEZHU, options) as source:
        yield source
    server.close()
    await server.wait_closed()


async def listed(source, status):
    tasks, number = [], 1
    while True:
        statuses = None if status is None else frozenset({status})
        query = Query(scope=Scope(), statuses=statuses)
        page = await source.page(query, number, priority=Priority.ACTIVE)
        tasks += page.tasks
        if len(tasks) >= page.total:
            return tasks, page.total
        number += 1


async def test_every_task_is_read_once_under_its_status_and_totals_agree(key):
    pages = Pages(Crowd(tasks=TASKS, finished_share=0.6), now=NOW)
    async with source_of(pages, key) as source:
        by_status = {status: await listed(source, status) for status in STATUSES.values()}
        everything, total = await listed(source, None)

    assert total == TASKS == sum(total for _, total in by_status.values())
    for status, (tasks, count) in by_status.items():
        assert len(tasks) == count
        assert {task.status for task in tasks} <= {status}
    ids = [task.id for tasks, _ in by_status.values() for task in tasks]
    assert sorted(ids) == sorted({task.id for task in everything})


async def test_rows_have_what_a_task_of_the_vendor_has(key):
    async with source_of(Pages(Crowd(tasks=TASKS), now=NOW), key) as source:
        tasks, _ = await listed(source, Status.COMPLETED)

    assert all(task.name and task.progress.customers for task in tasks)
    assert all(task.schedule.windows for task in tasks)
    assert {len(task.settings.redial) for task in tasks} == {1, 2}
    assert not any(task.unknown for task in tasks)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 0.3, 1.0])
def test_the_wanted_share_of_rows_changes_at_every_sweep_also_when_the_versions_start_anew(share):
    pages = Pages(Crowd(tasks=TASKS, finished_share=1.0, changed_share=share), now=NOW)
    sweeps = [rows_of(pages, COMPLETED) for _ in range(12)]

    wanted = round(share * len(sweeps[0]))
    for before, after in pairwise(sweeps):
        assert len(before) == len(after)
        assert sum(one != other for one, other in zip(before, after, strict=True)) == wanted


def test_running_tasks_may_change_more_often_than_others():
    crowd = Crowd(tasks=TASKS, finished_share=0.5, changed_share=0.0, running_changed_share=1.0)
    pages = Pages(crowd, now=NOW)

    assert rows_of(pages, COMPLETED) == rows_of(pages, COMPLETED)
    before, after = rows_of(pages, RUNNING), rows_of(pages, RUNNING)
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_pages_after_the_first_are_of_the_same_sweep():
    pages = Pages(Crowd(tasks=TASKS, changed_share=1.0), now=NOW)
    first = pages.page(COMPLETED, 1, 10)
    later = pages.page(COMPLETED, 2, 10)
    pages.page(RUNNING, 1, 10)
    pages.page(None, 1, 10)

    assert pages.page(COMPLETED, 2, 10) == later
    assert pages.page(COMPLETED, 1, 10) != first


@pytest.mark.parametrize(
    ("target", "headers", "code"),
    [
        ("page?taskStatus=3", b"", b"10001"),
        ("other", b"appId: a\r\ntimestamp: 1\r\nsign: s", b"29002"),
        ("page?query=name", b"appId: a\r\ntimestamp: 1\r\nsign: s", b"29002"),
    ],
)
def test_what_it_cannot_answer_is_refused(target, headers, code):
    request = f"GET /speech/openapi/v1/task/outbound/{target} HTTP/1.1\r\n".encode() + headers

    assert code in answer(request, Pages(Crowd(tasks=10), now=NOW))


def rows_of(pages, status):
    return msgspec.json.decode(pages.page(status, 1, 10**6))["data"]["list"]
