"""The source against a real server: what is asked, and what becomes of the answer."""

import asyncio
import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from exporter.domain import Scope, Status, Task
from exporter.errors import PollError, Reason
from exporter.source import Abilities, Priority, Query
from exporter.sources.dezhu.options import SignatureOptions
from tests.sources.serving import Answer, Vendor

ALL = Query(scope=Scope(), statuses=None)
ACTIVE = Priority.ACTIVE


class FixedClock:
    def __init__(self, now):
        self._now = now

    def now(self):
        self._now += 1
        return self._now

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds):
        raise AssertionError(f"nothing to wait {seconds} s for")


def page_answer(*ids, total=None, names=None):
    rows = [
        {"taskId": task_id, "taskName": name, "taskStatus": 3}
        for task_id, name in zip(ids, names or ["n"] * len(ids), strict=True)
    ]
    return Answer({"code": "10000", "data": {"total": total, "list": rows}})


def wanted(task_id="9", name="回访 & more"):
    return Task(id=task_id, name=name, status=Status.RUNNING)


async def test_request_is_what_the_vendor_documents(dezhu, keys):
    vendor = Vendor(page_answer())
    source = await dezhu(vendor, clock=FixedClock(1600000000.5))

    await source.page(ALL, 2, priority=ACTIVE)

    (asked,) = vendor.asked
    assert asked.path == "/speech/openapi/v1/task/outbound/page"
    assert asked.query == {"pageNum": "2", "pageSize": "100"}
    assert asked.headers["appid"] == "app-1"
    assert asked.headers["timestamp"] == "1600000001500"
    assert asked.headers["content-type"] == "application/json"
    load_pem_public_key(keys.public_pem).verify(
        base64.b64decode(asked.headers["sign"]),
        b"app-11600000001500",
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


async def test_each_request_is_signed_afresh(dezhu):
    vendor = Vendor(page_answer())
    source = await dezhu(vendor, clock=FixedClock(1600000000.0))

    await source.page(ALL, 1, priority=ACTIVE)
    await source.page(ALL, 1, priority=ACTIVE)

    first, second = (asked.headers for asked in vendor.asked)
    assert first["timestamp"] != second["timestamp"]
    assert first["sign"] != second["sign"]


async def test_settings_of_the_account_are_sent(dezhu, keys):
    vendor = Vendor(page_answer())
    source = await dezhu(
        vendor,
        page_size=7,
        page_parameter="pageNumber",
        signature=SignatureOptions(text="{timestamp}", hash="sha1"),
    )

    await source.page(ALL, 3, priority=ACTIVE)
    await source.page(Query(scope=Scope(), statuses=None, page_size=1), 1, priority=ACTIVE)

    first, second = vendor.asked
    assert first.query == {"pageNumber": "3", "pageSize": "7"}
    assert second.query == {"pageNumber": "1", "pageSize": "1"}
    load_pem_public_key(keys.public_pem).verify(
        base64.b64decode(first.headers["sign"]),
        first.headers["timestamp"].encode(),
        padding.PKCS1v15(),
        hashes.SHA1(),
    )


async def test_address_may_end_in_a_slash_and_hold_a_path(dezhu):
    vendor = Vendor(page_answer())
    source = await dezhu(vendor)
    behind = await dezhu(vendor, base_url=f"{vendor.url}/gateway/")
    slashed = await dezhu(vendor, base_url=f"{vendor.url}/")

    for one in (source, behind, slashed):
        await one.page(ALL, 1, priority=ACTIVE)

    path = "/speech/openapi/v1/task/outbound/page"
    assert [asked.path for asked in vendor.asked] == [path, f"/gateway{path}", path]


@pytest.mark.parametrize(
    ("status", "number"),
    [
        (Status.NOT_STARTED, "1"),
        (Status.PAUSED, "2"),
        (Status.RUNNING, "3"),
        (Status.COMPLETED, "4"),
        (Status.EXPIRED, "5"),
        (Status.FAILED, "6"),
    ],
)
async def test_status_is_filtered_by_its_number(dezhu, status, number):
    vendor = Vendor(page_answer())
    source = await dezhu(vendor)

    await source.page(Query(scope=Scope(), statuses=frozenset({status})), 1, priority=ACTIVE)

    assert vendor.asked[0].query["taskStatus"] == number
    assert status in source.abilities.statuses


async def test_account_is_one_scope_and_its_list_is_read(dezhu):
    vendor = Vendor(page_answer())
    source = await dezhu(vendor, page_size=50)

    assert await source.scopes() == (Scope(),)
    assert source.fixed_tasks(Scope()) is None
    assert vendor.asked == []
    assert source.abilities == Abilities(
        statuses=frozenset(
            {
                *(Status.NOT_STARTED, Status.PAUSED, Status.RUNNING),
                *(Status.COMPLETED, Status.EXPIRED, Status.FAILED),
            }
        ),
        page_size=50,
        statuses_per_query=1,
    )


async def test_sample_is_read_from_the_wire(dezhu, samples):
    source = await dezhu(Vendor(Answer(samples["dezhu-task-page"])))

    page = await source.page(ALL, 1, priority=ACTIVE)

    assert page.total == 1
    assert [(task.id, task.name, task.status) for task in page.tasks] == [
        ("1618", "autotest050", Status.RUNNING)
    ]


async def test_days_are_those_of_the_account_s_zone(dezhu, samples):
    source = await dezhu(Vendor(Answer(samples["dezhu-task-page"])), timezone="UTC")

    page = await source.page(ALL, 1, priority=ACTIVE)

    assert page.tasks[0].schedule.start == 1600560000.0
    assert page.tasks[0].schedule.zone == "UTC"


@pytest.mark.parametrize(
    ("answer", "reason", "code"),
    [
        (Answer(b"<html>502</html>", 502), Reason.UNAVAILABLE, "http_502"),
        (Answer(b"garbage"), Reason.PROTOCOL, "malformed"),
        (Answer({"code": "10001"}), Reason.AUTH, "10001"),
        (Answer({"code": "10002"}, 401), Reason.AUTH, "10002"),
        (Answer({"code": "20001"}, 429), Reason.RATE_LIMITED, "http_429"),
        (Answer(b"", 302, {"Location": "/elsewhere"}), Reason.CONFIG, "http_3xx"),
        (Answer(b"", 307, {"Location": "http://127.0.0.1:1/"}), Reason.CONFIG, "http_3xx"),
    ],
)
async def test_failure_is_told_by_its_reason_and_counted(dezhu, telemetry, answer, reason, code):
    vendor = Vendor(answer)
    source = await dezhu(vendor, telemetry=telemetry)

    with pytest.raises(PollError) as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert (caught.value.reason, caught.value.code) == (reason, code)
    assert len(vendor.asked) == 1
    labels = {"platform": "dezhu", "account": "a", "operation": "list_tasks"}
    count = await asyncio.to_thread(
        telemetry.registry.get_sample_value,
        "outbound_exporter_api_failures_total",
        labels | {"reason": reason.value, "code": code},
    )
    assert count == 1.0


async def test_rotated_key_takes_effect_with_the_next_call(dezhu, keys, tmp_path):
    file = tmp_path / "key.pem"
    await asyncio.to_thread(file.write_text, keys.plain["pkcs8"])
    vendor = Vendor(page_answer())
    source = await dezhu(vendor, private_key_file=str(file))
    await source.page(ALL, 1, priority=ACTIVE)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    await asyncio.to_thread(
        file.write_bytes, other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )

    await source.page(ALL, 1, priority=ACTIVE)

    headers = vendor.asked[-1].headers
    other.public_key().verify(
        base64.b64decode(headers["sign"]),
        f"app-1{headers['timestamp']}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


async def test_key_that_is_spoilt_later_is_a_poll_error_without_a_call(dezhu, keys, tmp_path):
    file = tmp_path / "key.pem"
    await asyncio.to_thread(file.write_text, keys.plain["pkcs8"])
    vendor = Vendor(page_answer())
    source = await dezhu(vendor, private_key_file=str(file))
    await asyncio.to_thread(file.write_text, "s3cr3t")

    with pytest.raises(PollError) as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert caught.value.reason is Reason.CONFIG
    assert "accounts[0].private_key_file" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert vendor.asked == []


async def test_task_is_found_by_its_name_whatever_its_status(dezhu):
    vendor = Vendor(page_answer(7, 9, total=2))
    source = await dezhu(vendor)

    found = await source.find(Scope(), wanted(), priority=ACTIVE)

    assert found is not None
    assert found.id == "9"
    assert vendor.asked[0].query == {"query": "回访 & more", "pageNum": "1", "pageSize": "100"}
    assert "query=%E5%9B%9E%E8%AE%BF%20%26%20more" in vendor.asked[0].raw_path


async def test_task_that_comes_twice_and_is_the_same_is_found(dezhu):
    source = await dezhu(Vendor(page_answer(9, 9, total=2)))

    assert (await source.find(Scope(), wanted(), priority=ACTIVE)).id == "9"


async def test_task_is_found_on_a_later_page(dezhu):
    vendor = Vendor(page_answer(1, 2, total=4), page_answer(3, 9, total=4))
    source = await dezhu(vendor, page_size=2)

    assert (await source.find(Scope(), wanted(), priority=ACTIVE)).id == "9"


@pytest.mark.parametrize(
    "answers",
    [
        [page_answer(total=0)],
        [page_answer()],
        [page_answer(1, 2, total=2)],
        [page_answer(1, 2, total=3), page_answer(3, total=3)],
        [page_answer(1, 2), page_answer(3), page_answer()],
        [page_answer(1, 2), page_answer(total=0)],
    ],
)
async def test_task_is_gone_when_the_whole_list_does_not_show_it(dezhu, answers):
    vendor = Vendor(*answers)
    source = await dezhu(vendor, page_size=2)

    assert await source.find(Scope(), wanted(), priority=ACTIVE) is None
    assert len(vendor.asked) == len(answers)


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([page_answer(number, total=99) for number in range(20, 29)], 5),
        ([page_answer(1, 2, total=4), page_answer(2, 3, total=4)], 2),
        ([page_answer(1, 2, total=4), page_answer(3, 4, total=3)], 2),
        ([page_answer(1, 1, total=4)], 1),
        ([page_answer(1, total=4), page_answer(total=4)], 5),
    ],
)
async def test_look_up_that_tells_nothing_says_so(dezhu, answers, asked):
    vendor = Vendor(*answers)
    source = await dezhu(vendor, page_size=2)

    with pytest.raises(PollError, match="told nothing") as caught:
        await source.find(Scope(), wanted(), priority=ACTIVE)

    assert (caught.value.reason, caught.value.code) == (Reason.PROTOCOL, "inconclusive")
    assert len(vendor.asked) == asked


async def test_look_up_that_gives_two_tasks_one_id_tells_nothing_of_either(dezhu):
    source = await dezhu(Vendor(page_answer(9, 9, names=["mine", "yours"], total=2)))

    with pytest.raises(PollError, match="two tasks with one id") as caught:
        await source.find(Scope(), wanted(), priority=ACTIVE)

    assert (caught.value.reason, caught.value.code) == (Reason.PROTOCOL, "inconclusive")


async def test_truncated_page_is_a_protocol_error(dezhu, samples):
    body = samples["dezhu-task-page"]
    source = await dezhu(Vendor(Answer(body[: len(body) // 2])))

    with pytest.raises(PollError, match="not JSON"):
        await source.page(ALL, 1, priority=ACTIVE)


async def test_ids_of_either_kind_are_the_same_task(dezhu):
    row = {"taskId": "9", "taskStatus": "3"}
    body = json.dumps({"code": 10000, "data": {"total": "1", "list": [row]}})
    source = await dezhu(Vendor(Answer(body)))

    assert (await source.find(Scope(), wanted(), priority=ACTIVE)).status is Status.RUNNING
