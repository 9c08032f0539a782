import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from exporter.simulator import AccessChange, Edit

otherwise = pytest.mark.parametrize


async def test_a_signed_request_gets_the_newest_tasks_first(dezhu):
    reply = await dezhu.page(pageSize=100)

    assert (reply.status, reply.code) == (200, "10000")
    ids = [row["taskId"] for row in reply.rows]
    assert ids == sorted(ids, reverse=True)
    assert reply.total == len(ids) == 40


async def test_a_row_has_the_shape_of_the_vendors_sample(dezhu):
    sample = {
        "taskId": int,
        "taskName": str,
        "taskType": int,
        "taskStatus": int,
        "taskExecStartDate": str,
        "taskExecEndDate": str,
        "taskExecTimes": list,
        "taskDesc": str,
        "skillSetId": str,
        "outboundNumberGroupId": str,
        "strategyDisplaySwitch": bool,
        "sendNumberStrategy": int,
        "abandonmentRate": int,
        "multiplyPower": int,
        "maxRingingDuration": int,
        "acw": int,
        "taskAgents": type(None),
        "outboundPhoneGroups": list,
        "customerAmount": int,
        "completedCount": int,
        "connectedCount": int,
        "connectPercentage": str,
        "taskProgress": str,
    }
    (row,) = (await dezhu.page(query="steady-campaign")).rows

    assert {name: type(row[name]) for name in sample} == sample
    assert row["taskExecTimes"][0].keys() == {"taskExecTimeStartStr", "taskExecTimeEndStr"}
    assert row["outboundPhoneGroups"][0]["identify"] == "default"
    done, total = row["completedCount"], row["customerAmount"]
    assert row["taskProgress"] == f"{done / total * 100:.2f}%"


async def test_a_manual_task_has_agents_and_no_automatic_settings(dezhu):
    (row,) = (await dezhu.page(taskType=2)).rows

    assert sum(agent["assignNum"] for agent in row["taskAgents"]) == row["customerAmount"]
    assert row["multiplyPower"] is None
    assert row["taskExecTimes"] is None


async def test_a_forged_signature_is_refused(dezhu):
    headers = dezhu.headers() | {"timestamp": str(int(dezhu.clock() * 1000) + 1)}

    assert (await dezhu.page(headers=headers)).code == "10001"


@otherwise("sign", ["", "not base64!", "AAAA"])
async def test_a_signature_that_is_none_is_refused(dezhu, sign):
    assert (await dezhu.page(headers=dezhu.headers() | {"sign": sign})).code == "10001"


@otherwise(("skew", "code"), [(899, "10000"), (-899, "10000"), (901, "10001"), (-901, "10001")])
async def test_a_clock_may_be_fifteen_minutes_off(dezhu, skew, code):
    assert (await dezhu.page(headers=dezhu.headers(skew=skew))).code == code


async def test_a_timestamp_that_is_no_number_is_refused(dezhu):
    assert (await dezhu.page(headers=dezhu.headers() | {"timestamp": "now"})).code == "10001"


async def test_an_unknown_app_id_is_refused(dezhu):
    assert (await dezhu.page(headers=dezhu.headers() | {"appId": "nobody"})).code == "10001"


async def test_an_account_without_a_public_key_is_told_so(simulator, dezhu):
    simulator.change_access(AccessChange(account="dezhu-demo", public_key=False))
    assert (await dezhu.page()).code == "10002"

    simulator.change_access(AccessChange(account="dezhu-demo", public_key=True))
    assert (await dezhu.page()).code == "10000"


async def test_a_request_without_the_json_content_type_is_a_parameter_error(dezhu):
    headers = dezhu.headers()
    del headers["Content-Type"]

    assert (await dezhu.page(headers=headers)).code == "29002"


@otherwise("changes", [{"dezhu_hash": "sha1"}])
async def test_an_account_may_sign_with_sha1(dezhu):
    assert (await dezhu.page()).code == "10001"
    dezhu.hash = hashes.SHA1()
    assert (await dezhu.page()).code == "10000"


@otherwise("changes", [{"dezhu_accounts": 2}])
async def test_accounts_see_their_own_tasks_only(simulator, dezhu):
    mine = {row["taskName"] for row in await dezhu.everything()}
    dezhu.account = simulator.accounts[1]
    theirs = await dezhu.everything()

    assert len(mine) == len(theirs) == 20
    assert {row["taskName"] for row in theirs} != mine


async def test_pages_together_hold_every_task_once(simulator, dezhu):
    rows = await dezhu.everything(size=7)

    assert len(rows) == len({row["taskId"] for row in rows}) == 40
    assert [record.page for record in simulator.requests] == [1, 2, 3, 4, 5, 6]


async def test_a_page_has_twenty_rows_unless_told(dezhu):
    assert len((await dezhu.page()).rows) == 20


async def test_past_the_last_page_there_is_nothing(dezhu):
    reply = await dezhu.page(pageNum=9, pageSize=10)

    assert (reply.rows, reply.total) == ([], 40)


@otherwise("changes", [{"past_last_page": "last"}])
async def test_past_the_last_page_the_last_one_may_come_again(dezhu):
    last = await dezhu.page(pageNum=4, pageSize=11)

    assert len(last.rows) == 7
    assert (await dezhu.page(pageNum=9, pageSize=11)).rows == last.rows


@otherwise("changes", [{"dezhu_page_cap": 10}])
async def test_a_large_page_size_is_silently_cut(dezhu):
    reply = await dezhu.page(pageNum=2, pageSize=50)

    assert (len(reply.rows), reply.total) == (10, 40)


@otherwise("changes", [{"dezhu_page_parameter": "pageNumber"}])
async def test_a_page_parameter_of_another_name_is_not_heeded(dezhu):
    first = await dezhu.page(pageSize=5)

    assert (await dezhu.page(pageNum=2, pageSize=5)).rows == first.rows
    assert (await dezhu.page(pageNumber=2, pageSize=5)).rows != first.rows


@otherwise("status", range(1, 7))
async def test_the_status_filter_gives_that_status_alone(dezhu, status):
    every = [row for row in await dezhu.everything() if row["taskStatus"] == status]
    reply = await dezhu.page(taskStatus=status, pageSize=100)

    assert every
    assert (reply.rows, reply.total) == (every, len(every))


@otherwise(
    "query",
    [
        {"taskStatus": 0},
        {"taskStatus": 7},
        {"taskStatus": "3,4"},
        {"taskType": 3},
        {"pageNum": 0},
        {"pageSize": "x"},
    ],
)
async def test_a_parameter_out_of_range_is_a_parameter_error(dezhu, query):
    reply = await dezhu.page(**query)

    assert (reply.code, reply.json["data"]) == ("29002", None)


async def test_tasks_are_found_by_a_part_of_their_name(simulator, dezhu):
    assert {row["taskName"] for row in (await dezhu.page(query="-campaign")).rows} == {
        "steady-campaign",
        "stuck-campaign",
    }
    simulator.world.edit("stuck-campaign", Edit(do="rename", name="春节-campaign"))
    assert (await dezhu.page(query="春节-campaign")).total == 1
    assert (await dezhu.page(query="stuck")).total == 0


async def test_tasks_are_found_by_their_skill_group(dezhu):
    every = await dezhu.everything()
    wanted = every[0]["skillSetId"]
    expected = [row for row in every if row["skillSetId"] == wanted]

    assert (await dezhu.page(skillsetId=wanted, pageSize=100)).rows == expected


async def test_a_status_that_is_not_of_the_vendor_shows_in_an_unfiltered_reading(simulator, dezhu):
    simulator.world.edit("steady-campaign", Edit(do="set_status", status="unknown"))

    assert (await dezhu.page(query="steady-campaign")).rows[0]["taskStatus"] == 99


async def test_answers_carry_the_date_of_the_injected_clock(dezhu):
    assert (await dezhu.page()).headers["Date"] == "Wed, 18 Mar 2026 02:30:00 GMT"


async def test_the_envelope_is_that_of_the_sample(dezhu):
    sample = json.loads(
        '{"code": "10000", "message": "请求成功", "data": {"total": 1, "list": []}}'
    )
    document = (await dezhu.page()).json

    assert document.keys() == sample.keys()
    assert document["data"].keys() == sample["data"].keys()
    assert document["message"] == sample["message"]


def test_no_module_of_the_simulator_imports_another_part_of_the_exporter():
    folder = Path(__file__).parents[2] / "exporter" / "simulator"
    for module in folder.glob("*.py"):
        for line in module.read_text(encoding="utf-8").splitlines():
            if line.startswith(("from exporter", "import exporter")):
                assert line.startswith("from exporter.simulator"), module
