import asyncio
import hashlib
import uuid

import pytest

from exporter.simulator import AccessChange, Edit

otherwise = pytest.mark.parametrize

LISTED = {
    "TotalJobs",
    "TotalCompleted",
    "Scheduling",
    "ExecutingNum",
    "FailedNum",
    "PausedNum",
    "CancelledNum",
}
DESCRIBED = {
    "TotalJobs",
    "TotalCompleted",
    "Scheduling",
    "Executing",
    "Failed",
    "Paused",
    "Cancelled",
}


async def test_a_signed_request_gets_the_envelope_of_success(aliyun):
    reply = await aliyun.call("ListInstances")

    assert reply.status == 200
    envelope = reply.json
    assert (envelope["Code"], envelope["Success"], envelope["HttpStatusCode"]) == ("OK", True, 200)
    assert [one["MaxConcurrentConversation"] for one in reply.rows] == [100, 150]


async def test_instances_come_in_pages(aliyun):
    first = await aliyun.call("ListInstances", {"PageNumber": 1, "PageSize": 1})
    second = await aliyun.call("ListInstances", {"PageNumber": 2, "PageSize": 1})

    assert first.total == second.total == 2
    assert first.rows != second.rows


async def test_a_wrong_secret_is_refused(aliyun):
    reply = await aliyun.call("ListInstances", secret="wrong")

    assert (reply.status, reply.code) == (400, "SignatureDoesNotMatch")
    assert "Recommend" in reply.json


async def test_a_query_that_was_not_signed_is_refused(aliyun):
    headers = aliyun.headers("ListInstances", "")

    assert (await aliyun.send("PageSize=5", headers)).code == "SignatureDoesNotMatch"


async def test_values_that_need_quoting_are_verified(aliyun, instance):
    reply = await aliyun.groups(instance, SearchText="满意 a+b*c~d/e")

    assert (reply.code, reply.total) == ("OK", 0)


async def test_a_post_with_an_empty_body_is_as_good_as_a_get(aliyun):
    assert (await aliyun.call("ListInstances", method="POST")).code == "OK"


async def test_parameters_may_come_as_a_form(aliyun):
    body = b"PageNumber=2&PageSize=1"
    digest = {"x-acs-content-sha256": hashlib.sha256(body).hexdigest()}
    headers = aliyun.headers("ListInstances", "", method="POST", change=digest)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    async with aliyun.session.post(aliyun.url, data=body, headers=headers) as response:
        document = await response.json()

    assert (document["PageNumber"], len(document["Instances"])) == (2, 1)


async def test_a_body_of_another_hash_is_refused(aliyun):
    change = {"x-acs-content-sha256": "0" * 64}

    assert (await aliyun.call("ListInstances", change=change)).code == "SignatureDoesNotMatch"


@otherwise(
    ("header", "code"),
    [
        ("host", "MissingHost"),
        ("x-acs-action", "MissingAction"),
        ("x-acs-content-sha256", "MissingContentSha256"),
        ("x-acs-date", "MissingDate"),
        ("x-acs-signature-nonce", "MissingSignatureNonce"),
        ("x-acs-version", "MissingVersion"),
    ],
)
async def test_a_header_that_must_be_signed_is_missed(aliyun, header, code):
    reply = await aliyun.call("ListInstances", leave_out=(header,))

    assert (reply.status, reply.code) == (400, code)


async def test_a_request_without_authorization_is_refused(aliyun):
    headers = aliyun.headers("ListInstances", "")
    del headers["Authorization"]

    assert (await aliyun.send("", headers)).code == "MissingAuthorization"
    headers["Authorization"] = "Basic abc"
    assert (await aliyun.send("", headers)).code == "IncompleteSignature"


async def test_a_nonce_is_good_once(aliyun, simulator):
    headers = aliyun.headers("ListInstances", "")

    assert (await aliyun.send("", headers)).code == "OK"
    assert (await aliyun.send("", headers)).code == "SignatureNonceUsed"
    first, second = simulator.requests
    assert first.nonce == second.nonce == headers["x-acs-signature-nonce"]
    assert (first.outcome, second.outcome) == ("OK", "SignatureNonceUsed")


@otherwise("skew", [-901, 902])
async def test_a_clock_that_is_far_off_is_refused(aliyun, skew):
    assert (await aliyun.call("ListInstances", skew=skew)).code == "InvalidTimeStamp.Expired"


async def test_a_date_of_another_format_is_refused(aliyun):
    change = {"x-acs-date": "yesterday"}

    assert (await aliyun.call("ListInstances", change=change)).code == "InvalidTimeStamp.Format"


async def test_an_unknown_access_key_is_refused(aliyun):
    headers = aliyun.headers("ListInstances", "")
    headers["Authorization"] = headers["Authorization"].replace("Credential=", "Credential=x")

    assert (await aliyun.send("", headers)).code == "InvalidAccessKeyId.NotFound"


@otherwise("changes", [{"sts": True}])
async def test_temporary_credentials_need_their_token(aliyun, simulator):
    token = "x-acs-security-token"
    assert (await aliyun.call("ListInstances")).code == "OK"
    assert (await aliyun.call("ListInstances", leave_out=(token,))).code == "MissingSecurityToken"
    other = await aliyun.call("ListInstances", change={token: "other"})
    assert other.code == "InvalidSecurityToken.MismatchWithAccessKey"

    simulator.change_access(AccessChange(account="aliyun-demo", token_expired=True))
    assert (await aliyun.call("ListInstances")).code == "InvalidSecurityToken.Expired"


async def test_there_is_no_action_named_get_job_group(aliyun):
    reply = await aliyun.call("GetJobGroup")

    assert (reply.status, reply.code) == (404, "InvalidAction.NotFound")


async def test_another_version_is_refused(aliyun):
    reply = await aliyun.call("ListInstances", change={"x-acs-version": "2025-11-11"})

    assert reply.code == "NoSuchVersion"


async def test_who_does_not_ask_for_json_gets_xml(aliyun):
    headers = aliyun.headers("ListInstances", "") | {"accept": "*/*"}

    assert (await aliyun.send("", headers)).headers["Content-Type"] == "text/xml"


async def test_a_permission_is_denied_for_one_action_alone(aliyun, simulator, instance):
    simulator.change_access(AccessChange(account="aliyun-demo", deny=["ListInstances"]))

    reply = await aliyun.call("ListInstances")
    assert (reply.status, reply.code) == (403, "Forbidden.RAM")
    assert (await aliyun.groups(instance)).code == "OK"

    simulator.change_access(AccessChange(account="aliyun-demo", allow=["ListInstances"]))
    assert (await aliyun.call("ListInstances")).code == "OK"


@otherwise(
    ("change", "code"),
    [
        ({"InstanceId": ""}, "MissingInstanceId"),
        ({"PageSize": ""}, "MissingPageSize"),
        ({"PageNumber": ""}, "MissingPageNumber"),
        ({"PageSize": 101}, "InvalidParameter"),
        ({"PageNumber": 0}, "InvalidParameter"),
        ({"PageNumber": "one"}, "InvalidParameter"),
        ({"JobGroupStatusFilter": "Sleeping"}, "InvalidParameter"),
        ({"InstanceId": "nowhere"}, "NotExist.Instance"),
    ],
)
async def test_a_list_request_with_a_mistake_is_refused(aliyun, instance, change, code):
    given = {"InstanceId": instance, "PageNumber": 1, "PageSize": 100} | change

    assert (await aliyun.call("ListJobGroups", given)).code == code


async def test_a_group_that_does_not_exist_is_a_business_error(aliyun, instance):
    reply = await aliyun.group(instance, str(uuid.uuid4()))

    assert (reply.status, reply.code, reply.json["Success"]) == (404, "NotExist.JobGroup", False)


async def test_list_and_description_name_the_counts_differently_and_agree(aliyun, instance):
    for row in (await aliyun.groups(instance)).rows:
        group = (await aliyun.group(instance, row["JobGroupId"])).json["JobGroup"]
        listed, described = row["Progress"], group["Progress"]
        assert listed.keys() >= LISTED
        assert described.keys() >= DESCRIBED
        assert not listed.keys() & (DESCRIBED - LISTED)
        pairs = ((name, name.removesuffix("Num")) for name in LISTED)
        assert all(listed[one] == described[other] for one, other in pairs)
        assert group["Status"] == row["Status"]
        # The states add up in the simulator, whatever the vendor does.
        assert listed["TotalJobs"] == sum(listed[name] for name in LISTED - {"TotalJobs"})


async def test_a_description_has_the_shapes_of_the_sample(aliyun, instance, simulator):
    task = simulator.world.task("steady-campaign", vendor="aliyun")
    group = (await aliyun.group(instance, task.task_id)).json["JobGroup"]

    assert group["ModifyTime"].isdecimal()
    assert group["CallingNumbers"][0].startswith('["')
    assert group["Strategy"]["WorkingTime"] == [{"BeginTime": "00:00:00", "EndTime": "23:59:59"}]
    assert group["Strategy"]["EndTime"] == int(task.end_at * 1000)
    assert group["RecallStrategy"].keys() == {
        "EmptyNumberIgnore",
        "InArrearsIgnore",
        "OutOfServiceIgnore",
    }


async def test_days_of_the_week_come_as_json_text_inside_a_list(aliyun, instance):
    rows = (await aliyun.groups(instance)).rows
    groups = [(await aliyun.group(instance, row["JobGroupId"])).json["JobGroup"] for row in rows]
    kinds = {group["Strategy"]["RepeatBy"] for group in groups}

    assert kinds == {"Once", "Day", "Week"}
    assert any(group["Strategy"]["RepeatDays"] == ["[1,2,3,4,5]"] for group in groups)


async def test_the_status_filter_is_a_comma_list(aliyun, instance):
    every = (await aliyun.groups(instance)).rows
    wanted = {"Executing", "Paused"}
    reply = await aliyun.groups(instance, JobGroupStatusFilter="Executing,Paused")

    assert reply.rows == [row for row in every if row["Status"] in wanted]
    assert {row["Status"] for row in reply.rows} == wanted


async def test_the_time_filter_is_on_the_creation_time(aliyun, instance):
    every = (await aliyun.groups(instance)).rows
    middle = every[len(every) // 2]["CreationTime"]

    newer = (await aliyun.groups(instance, StartTime=middle)).rows
    older = (await aliyun.groups(instance, EndTime=middle)).rows
    assert newer == [row for row in every if row["CreationTime"] >= middle]
    assert older == [row for row in every if row["CreationTime"] < middle]


async def test_groups_come_in_pages_newest_first(aliyun, instance):
    every = (await aliyun.groups(instance)).rows
    pages = [(await aliyun.groups(instance, page, 6)).rows for page in (1, 2, 3, 4)]

    assert [row for page in pages for row in page] == every
    assert (await aliyun.groups(instance, 9, 6)).rows == []
    created = [row["CreationTime"] for row in every]
    assert created == sorted(created, reverse=True)


@otherwise("changes", [{"past_last_page": "last"}])
async def test_past_the_last_page_the_last_groups_may_come_again(aliyun, instance):
    last = (await aliyun.groups(instance, 3, 8)).rows

    assert (await aliyun.groups(instance, 7, 8)).rows == last


@otherwise("changes", [{"aliyun_accounts": 2, "tasks": 8}])
async def test_an_account_does_not_see_the_instances_of_another(aliyun, simulator, instance):
    aliyun.account = simulator.accounts[-1]

    assert (await aliyun.groups(instance)).code == "NotExist.Instance"
    assert (await aliyun.groups(simulator.instances("aliyun-demo-2")[0])).total == 2


async def test_concurrency_is_that_of_the_running_groups(aliyun, simulator, instance):
    simulator.world.advance(60)
    report = (await aliyun.call("GetRealtimeConcurrencyReport")).json["Reports"]
    used = [row for row in report["List"] if row["InstanceId"] == instance]
    now = (await aliyun.call("GetCurrentConcurrency", {"InstanceId": instance})).json
    quota = (await aliyun.call("GetConcurrentConversationQuota")).json

    assert now["CurrentConcurrency"] == sum(row["OccupiedConcurrencyCount"] for row in used) > 0
    assert now["MaxConcurrentConversation"] == 100
    assert (quota["MaxConcurrent"], quota["RemainingConcurrent"]) == (500, 250)
    post = await aliyun.call("GetRealtimeConcurrencyReport", method="POST")
    assert post.code == "UnsupportedHTTPMethod"


@otherwise("changes", [{"tasks": 200, "finished_share": 0.0}])
async def test_calls_of_the_groups_are_bounded_by_their_limits_and_that_of_the_instance(
    aliyun, simulator, instance
):
    simulator.world.advance(60)
    report = (await aliyun.call("GetRealtimeConcurrencyReport", {"InstanceId": instance})).json
    now = (await aliyun.call("GetCurrentConcurrency", {"InstanceId": instance})).json
    tasks = {task.task_id: task for task in simulator.world.tasks()}

    rows = report["Reports"]["List"]
    running = [task for task in tasks.values() if task.status == "running"]
    assert sum(task.values.get("executing", 0) for task in running if task.scope == instance) > 100
    assert now["CurrentConcurrency"] == now["MaxConcurrentConversation"] == 100
    assert sum(row["OccupiedConcurrencyCount"] for row in rows) == 100
    for row in rows:
        assert row["MaxConcurrencyLimit"] == tasks[row["JobGroupId"]].lines
        assert row["OccupiedConcurrencyCount"] <= row["MaxConcurrencyLimit"]


async def test_a_report_can_be_of_one_group(aliyun, simulator, instance):
    task = simulator.world.task("steady-campaign", vendor="aliyun")
    given = {"InstanceId": instance, "JobGroupId": task.task_id}
    report = (await aliyun.call("GetRealtimeConcurrencyReport", given)).json["Reports"]

    assert [row["JobGroupName"] for row in report["List"]] == ["steady-campaign"]


async def test_the_modify_time_follows_the_status_and_not_the_dialling(aliyun, simulator, instance):
    async def modified() -> str:
        reply = await aliyun.groups(instance, SearchText="steady-campaign")
        return reply.rows[0]["ModifyTime"]

    before = await modified()
    simulator.world.advance(60)
    assert await modified() == before
    simulator.world.edit("steady-campaign", Edit(do="pause"))
    assert int(await modified()) == int(simulator.world.now * 1000)


@otherwise("changes", [{"latency": 0.01}])
async def test_answers_may_take_their_time(aliyun):
    start = asyncio.get_running_loop().time()
    await aliyun.call("ListInstances")

    assert asyncio.get_running_loop().time() - start >= 0.01
