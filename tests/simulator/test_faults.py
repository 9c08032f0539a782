import asyncio
import email.utils
import zlib

import aiohttp
import msgspec
import pytest

from exporter.simulator import KINDS, Fault
from tests.simulator.client import PAGE

MIB = 1024 * 1024
otherwise = pytest.mark.parametrize


@pytest.fixture
def both(dezhu, aliyun, instance):
    """Reads one page of either vendor."""

    async def read(vendor, page=1, size=10):
        if vendor == "dezhu":
            return await dezhu.page(pageNum=page, pageSize=size)
        return await aliyun.groups(instance, page, size)

    return read


async def received(simulator):
    while not len(simulator.requests):  # noqa: ASYNC110  # the log is no event
        await asyncio.sleep(0)


vendors = otherwise("vendor", ["dezhu", "aliyun"])


async def test_a_status_comes_with_its_body_and_headers(simulator, both):
    simulator.faults.set(Fault(kind="status", http_status=503, headers={"Retry-After": "7"}))
    reply = await both("dezhu")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")
    assert reply.body.startswith(b"<html>")

    simulator.faults.clear()
    simulator.faults.set(Fault(kind="status", http_status=429, body="empty"))
    reply = await both("aliyun")
    assert (reply.status, reply.body) == (429, b"")


async def test_a_code_comes_in_the_envelope_of_the_vendor(simulator, both):
    simulator.faults.set(Fault(kind="code", vendor="dezhu", code="20001"))
    headers = {"x-acs-retry-after": "1500"}
    simulator.faults.set(
        Fault(kind="code", vendor="aliyun", code="Throttling.User", headers=headers)
    )

    reply = await both("dezhu")
    assert (reply.status, reply.code, reply.json["data"]) == (200, "20001", None)
    reply = await both("aliyun")
    assert (reply.status, reply.code) == (400, "Throttling.User")
    assert reply.headers["x-acs-retry-after"] == "1500"


async def test_a_code_at_alibaba_may_come_as_http_200_without_success(simulator, both):
    simulator.faults.set(Fault(kind="code", code="InternalError", http_status=200))
    reply = await both("aliyun")

    assert (reply.status, reply.code, reply.json["Success"]) == (200, "InternalError", False)


@vendors
async def test_garbage_and_truncated_bodies_are_no_json(simulator, both, vendor):
    for kind in ("garbage", "truncated"):
        identity = simulator.faults.set(Fault(kind=kind))
        reply = await both(vendor)
        assert reply.status == 200
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(reply.body)
        simulator.faults.clear(identity)


@vendors
async def test_wrong_types_are_of_the_wrong_type(simulator, both, vendor):
    simulator.faults.set(Fault(kind="wrong_types"))
    reply = await both(vendor)

    assert (type(reply.rows), reply.total) == (str, "x")


async def test_field_types_vary_while_the_figures_stay(simulator, both):
    plain = {vendor: (await both(vendor)).rows for vendor in ("dezhu", "aliyun")}
    simulator.faults.set(Fault(kind="field_types"))

    first, second, third = (await both("dezhu")).rows[:3]
    assert first["taskId"] == str(plain["dezhu"][0]["taskId"])
    assert first["customerAmount"] == str(plain["dezhu"][0]["customerAmount"])
    assert second["skillSetId"] == int(plain["dezhu"][1]["skillSetId"])
    assert "taskDesc" not in third
    assert third["skillSetName"] is None
    assert third["customerAmount"] == plain["dezhu"][2]["customerAmount"]
    group, other = (await both("aliyun")).rows[:2]
    progress = plain["aliyun"][0]["Progress"]
    assert group["Progress"]["TotalJobs"] == str(progress["TotalJobs"])
    assert other["ModifyTime"] == int(plain["aliyun"][1]["ModifyTime"])


@vendors
async def test_a_list_may_be_null_with_any_total(simulator, both, vendor):
    whole = (await both(vendor)).total
    identity = simulator.faults.set(Fault(kind="list_null"))
    reply = await both(vendor)
    assert (reply.rows, reply.total) == (None, whole)

    simulator.faults.clear(identity)
    simulator.faults.set(Fault(kind="list_null", total=0))
    assert (await both(vendor)).total == 0


async def test_a_row_may_lack_its_id_or_its_counts(simulator, both):
    simulator.faults.set(Fault(kind="no_id", rows=1))
    simulator.faults.set(Fault(kind="no_counts", vendor="aliyun"))

    assert ["taskId" in row for row in (await both("dezhu")).rows[:3]] == [False, True, True]
    rows = (await both("aliyun")).rows
    assert "JobGroupId" not in rows[0]
    assert not any("FailedNum" in row["Progress"] for row in rows)
    assert all("TotalJobs" in row["Progress"] for row in rows)


async def test_a_huge_body_is_over_eight_mebibytes_of_valid_json(simulator, both):
    simulator.faults.set(Fault(kind="huge"))
    reply = await both("dezhu")

    assert len(reply.body) > 8 * MIB
    assert len(reply.rows) == 10


async def test_a_gzip_bomb_is_small_on_the_wire(simulator, dezhu):
    simulator.faults.set(Fault(kind="gzip_bomb"))
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(dezhu.url + PAGE, headers=dezhu.headers()) as response,
    ):
        packed = await response.read()

    assert response.headers["Content-Encoding"] == "gzip"
    assert len(packed) < MIB
    inflated, opener = 0, zlib.decompressobj(wbits=31)
    while packed:
        inflated += len(opener.decompress(packed, MIB))
        packed = opener.unconsumed_tail
    assert inflated > 100 * MIB


async def test_a_request_hangs_until_the_fault_is_cleared(simulator, both):
    identity = simulator.faults.set(Fault(kind="hang", times=1))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(both("dezhu"))
        await received(simulator)
        assert (await both("dezhu")).code == "10000"
        assert not waiting.done()
        simulator.faults.clear(identity)
    assert waiting.result().code == "10000"


async def test_a_request_that_hangs_ends_with_its_connection(simulator, both):
    simulator.faults.set(Fault(kind="hang"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await both("dezhu")


async def test_a_hanging_request_does_not_keep_the_simulator_from_closing(simulator, both):
    simulator.faults.set(Fault(kind="hang"))
    waiting = asyncio.get_running_loop().create_task(both("aliyun"))
    await received(simulator)
    await simulator.__aexit__(None, None, None)
    (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(outcome, aiohttp.ClientError) or outcome.code == "OK"


@otherwise("kind", ["slow", "drip"])
async def test_a_slow_answer_arrives_whole(simulator, both, kind):
    simulator.faults.set(Fault(kind=kind, seconds=0.005))
    start = asyncio.get_running_loop().time()

    assert len((await both("dezhu")).rows) == 10
    assert asyncio.get_running_loop().time() - start > (0.04 if kind == "drip" else 0.004)


@otherwise(
    ("kind", "error"),
    [
        ("reset", aiohttp.ClientOSError),
        ("close_midway", aiohttp.ClientPayloadError),
    ],
)
async def test_a_connection_breaks(simulator, both, kind, error):
    simulator.faults.set(Fault(kind=kind, times=1))
    with pytest.raises(error):
        await both("dezhu")

    assert (await both("dezhu")).code == "10000"
    assert [record.outcome for record in simulator.requests] == [kind, "10000"]


@vendors
async def test_every_page_may_be_the_first(simulator, both, vendor):
    first = (await both(vendor, size=5)).rows
    simulator.faults.set(Fault(kind="repeat_page"))

    assert (await both(vendor, 2, 5)).rows == (await both(vendor, 3, 5)).rows == first


@vendors
async def test_paging_may_never_end(simulator, both, vendor):
    key = "taskId" if vendor == "dezhu" else "JobGroupId"
    identity = simulator.faults.set(Fault(kind="endless"))
    pages = [await both(vendor, number, 5) for number in (1, 2, 3, 50)]
    ids = [row[key] for page in pages for row in page.rows]
    assert len(ids) == len(set(ids)) == 20
    assert [page.total for page in pages] == [10, 15, 20, 255]

    simulator.faults.clear(identity)
    simulator.faults.set(Fault(kind="endless", same_page=True))
    again = [await both(vendor, number, 5) for number in (1, 2)]
    assert again[0].rows == again[1].rows
    assert again[0].total < again[1].total


@vendors
async def test_an_id_may_come_twice(simulator, both, vendor):
    key = "taskId" if vendor == "dezhu" else "JobGroupId"
    simulator.faults.set(Fault(kind="duplicate_ids"))
    rows = (await both(vendor)).rows

    assert rows[0][key] == rows[1][key] != rows[2][key]


@vendors
async def test_the_total_may_shrink_from_page_to_page(simulator, both, vendor):
    whole = (await both(vendor)).total
    simulator.faults.set(Fault(kind="shrinking_total", amount=2))

    totals = [(await both(vendor, page, 5)).total for page in (1, 2, 3)]
    assert totals == [whole, whole - 2, whole - 4]


@vendors
async def test_rows_may_move_between_pages(simulator, both, vendor):
    first, second = (await both(vendor, 1, 5)).rows, (await both(vendor, 2, 5)).rows
    identity = simulator.faults.set(Fault(kind="moving_rows"))
    assert (await both(vendor, 1, 5)).rows == first
    assert (await both(vendor, 2, 5)).rows == [first[-1], *second[:-1]]

    simulator.faults.clear(identity)
    simulator.faults.set(Fault(kind="moving_rows", amount=-1))
    assert (await both(vendor, 2, 5)).rows[:-1] == second[1:]


async def test_a_status_may_be_one_that_nobody_knows(simulator, both):
    simulator.faults.set(Fault(kind="unknown_status", rows=2))

    assert [row["taskStatus"] == 99 for row in (await both("dezhu")).rows[:3]] == [
        True,
        True,
        False,
    ]
    assert (await both("aliyun")).rows[0]["Status"] == "Sleeping"


@vendors
async def test_a_list_may_be_empty(simulator, both, vendor):
    identity = simulator.faults.set(Fault(kind="empty"))
    reply = await both(vendor)
    assert (reply.rows, reply.total) == ([], 0)

    simulator.faults.clear(identity)
    simulator.faults.set(Fault(kind="empty", total=9))
    assert (await both(vendor)).total == 9


async def test_the_date_header_may_be_off(simulator, both, clock):
    simulator.faults.set(Fault(kind="date_skew", seconds=-1000))
    for vendor in ("dezhu", "aliyun"):
        date = email.utils.parsedate_to_datetime((await both(vendor)).headers["Date"])
        assert date.timestamp() == clock() - 1000


async def test_the_clock_of_a_vendor_may_be_off_and_it_judges_signatures_by_it(
    simulator, both, clock
):
    for seconds in (1200, -1200):
        identity = simulator.faults.set(Fault(kind="clock_skew", seconds=seconds))
        replies = [await both(vendor) for vendor in ("dezhu", "aliyun")]
        assert [reply.code for reply in replies] == ["10001", "InvalidTimeStamp.Expired"]
        for reply in replies:
            date = email.utils.parsedate_to_datetime(reply.headers["Date"])
            assert date.timestamp() == clock() + seconds
        simulator.faults.clear(identity)
    simulator.faults.set(Fault(kind="clock_skew", seconds=800))
    assert [(await both(vendor)).code for vendor in ("dezhu", "aliyun")] == ["10000", "OK"]


async def test_names_may_be_strange_or_hold_a_made_up_number(simulator, both):
    identity = simulator.faults.set(Fault(kind="strange_names"))
    names = "".join(row["taskName"] for row in (await both("dezhu")).rows)
    assert all(text in names for text in ('"', "\\", "\n", "📞"))
    assert max(len(row["JobGroupName"]) for row in (await both("aliyun")).rows) == 4000

    simulator.faults.clear(identity)
    simulator.faults.set(Fault(kind="phone_names"))
    assert all("13800000000" in row["taskName"] for row in (await both("dezhu")).rows)


async def test_a_fault_hits_only_what_it_names(simulator, both, dezhu, aliyun, instance):
    other = simulator.instances("aliyun-demo")[1]
    simulator.faults.set(Fault(kind="empty", vendor="dezhu", operation="page", page=2))
    simulator.faults.set(Fault(kind="empty", account="aliyun-demo", scope=other))
    simulator.faults.set(Fault(kind="code", operation="ListInstances", code="Forbidden.RAM"))

    assert (await both("dezhu", 1)).rows
    assert not (await both("dezhu", 2)).rows
    assert (await aliyun.groups(instance)).rows
    assert not (await aliyun.groups(other)).rows
    denied = await aliyun.call("ListInstances")
    assert (denied.status, denied.code) == (403, "Forbidden.RAM")


async def test_a_fault_may_hit_only_the_next_requests(simulator, both):
    simulator.faults.set(Fault(kind="code", code="29008", times=2))

    codes = [(await both("dezhu")).code for _ in range(4)]
    assert codes == ["29008", "29008", "10000", "10000"]
    assert not simulator.faults.active()
    assert [record.outcome for record in simulator.requests] == ["code", "code", "10000", "10000"]


async def test_faults_add_up(simulator, both):
    simulator.faults.set(Fault(kind="unknown_status"))
    simulator.faults.set(Fault(kind="duplicate_ids"))
    rows = (await both("dezhu")).rows

    assert rows[0]["taskStatus"] == 99
    assert rows[0]["taskId"] == rows[1]["taskId"]
    assert simulator.requests.since(0)[-1].outcome == "unknown_status+duplicate_ids"


@vendors
async def test_an_id_that_was_taken_away_cannot_come_twice(simulator, both, vendor):
    simulator.faults.set(Fault(kind="no_id", rows=1))
    simulator.faults.set(Fault(kind="duplicate_ids"))
    rows = (await both(vendor)).rows

    key = "taskId" if vendor == "dezhu" else "JobGroupId"
    assert key not in rows[0]
    assert rows[1][key] != rows[2][key]


async def test_a_fault_in_the_data_leaves_a_refusal_as_it_is(simulator, dezhu):
    simulator.faults.set(Fault(kind="no_id"))

    assert (await dezhu.page(taskStatus=9)).code == "29002"


async def test_a_fault_in_a_list_leaves_a_description_alone(simulator, aliyun, instance):
    task = simulator.world.task("steady-campaign", vendor="aliyun")
    for kind in ("empty", "endless"):
        simulator.faults.set(Fault(kind=kind))
    simulator.faults.set(Fault(kind="unknown_status"))
    group = (await aliyun.group(instance, task.task_id)).json["JobGroup"]

    assert (group["JobGroupName"], group["Status"]) == ("steady-campaign", "Sleeping")


@otherwise("kind", KINDS)
async def test_every_kind_leaves_the_server_in_good_health(simulator, dezhu, aliyun, kind):
    code = "29008" if kind == "code" else ""
    seconds = 0.0 if kind == "hang" else 0.001
    identity = simulator.faults.set(Fault(kind=kind, code=code, seconds=seconds, size=MIB))
    for attempt in (dezhu.page, lambda: aliyun.call("ListInstances")):
        try:
            async with asyncio.timeout(0.05 if kind == "hang" else 5):
                await attempt()
        except (aiohttp.ClientError, TimeoutError):
            pass
    simulator.faults.clear(identity)

    assert (await dezhu.page()).code == "10000"
    assert (await aliyun.call("ListInstances")).code == "OK"


def test_faults_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="unknown fault kind 'boom'; known: status, code"):
        Fault(kind="boom")
    with pytest.raises(ValueError, match="unknown vendor"):
        Fault(kind="empty", vendor="acme")
    with pytest.raises(ValueError, match="needs a code"):
        Fault(kind="code")
    with pytest.raises(ValueError, match="times"):
        Fault(kind="empty", times=0)
    with pytest.raises(ValueError, match="http_status"):
        Fault(kind="status", http_status=99)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"kind": "empty", "pages": 1}, Fault)


async def test_a_fault_that_is_not_there_cannot_be_cleared(simulator):
    with pytest.raises(KeyError):
        simulator.faults.clear("fault-9")
