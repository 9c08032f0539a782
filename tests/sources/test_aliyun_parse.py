"""From the vendor's bytes to tasks, and to errors with their reason."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.domain import Info, Progress, Schedule, Scope, Settings, Status, Task, Window
from exporter.errors import PollError, Reason, ScopeGone
from exporter.reply import TRANSPORT_CODES, Reply
from exporter.source import Page
from exporter.sources.aliyun.answer import CODES, known_code
from exporter.sources.aliyun.job_group import STATUSES
from exporter.sources.aliyun.parse import (
    InstancePage,
    read_detail,
    read_instances,
    read_page,
)
from exporter.sources.aliyun.schedule import flattened
from exporter.sources.aliyun.well_formed import read_rows
from tests.sources.strategies import ANYTHING, encoded, objects, outcome

ZONE = "Asia/Shanghai"


def reply_of(body, *, status=200, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=headers or {}, body=raw)


def page_of(body, *, clock_offset=None, **reply) -> Page:
    return read_page(reply_of(body, **reply), clock_offset=clock_offset)


def ok(**payload):
    return {"HttpStatusCode": 200, "Code": "OK", "Success": True} | payload


def listing(*rows, total=None):
    return ok(JobGroups={"TotalCount": len(rows) if total is None else total, "List": list(rows)})


def listed(**fields) -> Task:
    return page_of(listing({"JobGroupId": "g", "Status": "Executing"} | fields)).tasks[0]


def described(body, *, job_group_id="g", **reply) -> Task | None:
    return read_detail(
        reply_of(body, **reply), job_group_id=job_group_id, zone=ZONE, clock_offset=None
    )


def detail(**fields) -> Task:
    return described(ok(JobGroup={"JobGroupId": "g", "Status": "Executing"} | fields))


def error_of(body, read=page_of, **reply) -> PollError:
    with pytest.raises(PollError) as caught:
        read(body, **reply)
    return caught.value


SAMPLE_ID = "46a9ad0c-3e11-44da-a9a7-2c21bf5ce185"


def test_sample_gives_the_exact_task(samples):
    task = described(samples["aliyun-describe-job-group"], job_group_id=SAMPLE_ID)

    assert task == Task(
        id=SAMPLE_ID,
        name="催收作业组",
        status=Status.COMPLETED,
        info=Info(
            script_id="49f00b0d-78ac-4d51-91de-a9e8e92b8470",
            script_name="催收话术",
            script_version="49f00b0d-78ac-4d51-91de-a9e8e92b8470",
            priority="1",
        ),
        progress=Progress(
            customers=10,
            completed=2,
            executing=2,
            failed=0,
            scheduling=5,
            paused=0,
            cancelled=0,
        ),
        schedule=Schedule(
            zone=ZONE,
            start=1578881227.404,
            end=1579881227.404,
            windows=(Window(32400, 43200),),
        ),
        settings=Settings(
            max_ringing=30.0,
            max_attempts_per_day=2,
            min_attempt_interval=600.0,
            recall_ignored=(
                ("empty_number", False),
                ("in_arrears", False),
                ("out_of_service", False),
            ),
            repeatable=False,
            calling_numbers=1,
            recall_calling_numbers=1,
            min_concurrency=1,
        ),
        created=1578881227.404,
        modified=1578881227.404,
        aged_from=1578881227.404,
        rank=1578881227.404,
    )


def test_no_part_of_a_calling_number_is_kept(samples):
    task = described(samples["aliyun-describe-job-group"], job_group_id=SAMPLE_ID)

    assert "1****6" not in repr(task)


def test_row_of_a_list_has_counts_and_no_details():
    task = listed(
        JobGroupName="n",
        CreationTime=1578881227404,
        ModifyTime="1578881228000",
        ScriptId="s",
        ScriptName="script",
        ScriptVersion="v",
        MinConcurrency=3,
        TotalCallNum=17,
        Progress={
            "TotalJobs": 10,
            "TotalCompleted": 2,
            "Scheduling": 5,
            "ExecutingNum": 1,
            "FailedNum": 3,
            "PausedNum": 4,
            "CancelledNum": 6,
        },
        Strategy={"StartTime": 1578881227404, "EndTime": 1579881227404},
    )

    assert task == Task(
        id="g",
        name="n",
        status=Status.RUNNING,
        info=Info(script_id="s", script_name="script", script_version="v"),
        progress=Progress(
            customers=10,
            completed=2,
            scheduling=5,
            executing=1,
            failed=3,
            paused=4,
            cancelled=6,
            calls=17,
        ),
        created=1578881227.404,
        modified=1578881228.0,
        aged_from=1578881228.0,
        rank=1578881227.404,
    )


def test_counts_are_read_by_the_names_of_their_action():
    of_list = {"ExecutingNum": 1, "FailedNum": 2, "PausedNum": 3, "CancelledNum": 4}
    of_detail = {"Executing": 5, "Failed": 6, "Paused": 7, "Cancelled": 8}

    assert listed(Progress=of_list | of_detail).progress == Progress(
        executing=1, failed=2, paused=3, cancelled=4
    )
    assert detail(Progress=of_list | of_detail).progress == Progress(
        executing=5, failed=6, paused=7, cancelled=8
    )
    assert listed(Progress=of_detail).progress == Progress()


@pytest.mark.parametrize("progress", [None, {}])
def test_absent_counts_are_absent_and_never_0(progress):
    task = listed(Progress=progress)

    assert (task.progress, task.unknown) == (Progress(), ())


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Draft", Status.DRAFT),
        ("Initializing", Status.INITIALIZING),
        ("Scheduling", Status.SCHEDULING),
        ("Executing", Status.RUNNING),
        ("Completed", Status.COMPLETED),
        ("Paused", Status.PAUSED),
        ("Failed", Status.FAILED),
        ("Cancelled", Status.CANCELLED),
    ],
)
def test_status_is_mapped(text, status):
    assert listed(Status=text).status is status
    assert listed(Status=text).unknown == ()


@pytest.mark.parametrize("value", ["Archived", "", None, 3, True, [], {}])
def test_other_status_is_unknown_and_named(value):
    task = listed(Status=value)

    assert (task.status, task.unknown) == (Status.UNKNOWN, ("Status",))


@pytest.mark.parametrize(
    ("fields", "aged_from"),
    [
        ({"ModifyTime": "3000", "CreationTime": 1000, "Strategy": {"EndTime": 2000}}, 3.0),
        ({"CreationTime": "1000", "Strategy": {"EndTime": "2000"}}, 2.0),
        ({"ModifyTime": "", "CreationTime": 1000, "Strategy": None}, 1.0),
        ({}, None),
    ],
)
def test_age_counts_from_the_change_else_the_end_else_the_creation(fields, aged_from):
    assert listed(**fields).aged_from == aged_from
    assert detail(**fields).aged_from == aged_from
    assert listed(**fields).unknown == ()


@pytest.mark.parametrize("value", ["soon", -1, 0, 10**18, [1], True])
def test_time_that_is_none_is_dropped_and_named(value):
    task = listed(CreationTime=value, ModifyTime=value)

    assert (task.created, task.modified, task.rank) == (None, None, 0.0)
    assert task.unknown == ("CreationTime", "ModifyTime")


WORKING = [{"BeginTime": "09:00:00", "EndTime": "12:00"}]
NINE_TO_TWELVE = (Window(32400, 43200),)


def strategy(**fields):
    task = detail(Strategy={"EndTime": 2000, "WorkingTime": WORKING} | fields)
    return task.schedule, task.unknown


@pytest.mark.parametrize("rhythm", ["Once", "once", "Day", "DAY", None, ""])
def test_every_day_is_open_without_a_rhythm_of_days(rhythm):
    assert strategy(RepeatBy=rhythm, RepeatDays=["[1]"]) == (
        Schedule(zone=ZONE, end=2.0, windows=NINE_TO_TWELVE),
        (),
    )


@pytest.mark.parametrize(
    "days", [["[1,2,0]"], ["1", "2", "0"], [1, 2, 0], "[1,2,0]", [[1, 2], 0], ['["1","2","0"]']]
)
def test_days_of_the_week_are_read_in_every_form(days):
    assert strategy(RepeatBy="Week", RepeatDays=days) == (
        Schedule(zone=ZONE, end=2.0, windows=NINE_TO_TWELVE, weekdays=frozenset({0, 1, 2})),
        (),
    )


def test_days_of_the_month_are_read():
    assert strategy(RepeatBy="month", RepeatDays=["[1,31]"]) == (
        Schedule(zone=ZONE, end=2.0, windows=NINE_TO_TWELVE, month_days=frozenset({1, 31})),
        (),
    )


@pytest.mark.parametrize(
    ("rhythm", "days", "left"),
    [
        ("Week", [1, 7], {1}),
        ("Week", [1, "x"], {1}),
        ("Month", [0, 3], {3}),
        ("Month", [3, 32], {3}),
    ],
)
def test_day_out_of_range_is_dropped_and_named(rhythm, days, left):
    schedule, unknown = strategy(RepeatBy=rhythm, RepeatDays=days)

    assert (schedule.weekdays or schedule.month_days) == frozenset(left)
    assert unknown == ("Strategy.RepeatDays",)


@pytest.mark.parametrize("days", [None, [], "", "x", ["[1,"], {}, 3, ["[]"], [9]])
def test_rhythm_of_days_without_its_days_has_no_windows(days):
    assert strategy(RepeatBy="Week", RepeatDays=days) == (
        Schedule(zone=ZONE, end=2.0),
        ("Strategy.RepeatDays",),
    )


@pytest.mark.parametrize("rhythm", ["Year", 5, {"a": 1}])
def test_unknown_rhythm_has_no_windows_and_is_named(rhythm):
    if isinstance(rhythm, dict):
        assert strategy(RepeatBy=rhythm)[1] == ("Strategy.RepeatBy",)
        return
    assert strategy(RepeatBy=rhythm) == (Schedule(zone=ZONE, end=2.0), ("Strategy.RepeatBy",))


def test_bad_window_is_dropped_and_named():
    schedule, unknown = strategy(WorkingTime=[*WORKING, {"BeginTime": "9"}, "x"])

    assert schedule.windows == NINE_TO_TWELVE
    assert unknown == ("Strategy.WorkingTime",)


@pytest.mark.parametrize("fields", [{}, {"Strategy": None}, {"Strategy": {}}])
def test_without_any_time_there_is_no_schedule_and_yet_settings(fields):
    task = detail(**fields)

    assert (task.schedule, task.settings) == (None, Settings())


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (['["1****6"]'], 1),
        (['["1****6","1****7"]', "1****8"], 3),
        (["1****6"], 1),
        ([], 0),
        (["[]"], 0),
        ('["1****6"]', 1),
        ([13800000000], 1),
        (None, None),
        ("", None),
    ],
)
def test_calling_numbers_are_counted(value, count):
    task = detail(CallingNumbers=value, RecallCallingNumbers=value)

    assert task.settings.calling_numbers == count
    assert task.settings.recall_calling_numbers == count
    assert task.unknown == ()


@pytest.mark.parametrize("value", ["1****6", {"a": 1}, 5, ["[1,"], [[[[[[1]]]]]]])
def test_calling_numbers_that_are_no_list_are_dropped_and_named(value):
    task = detail(CallingNumbers=value)

    assert task.settings.calling_numbers is None
    assert task.unknown == ("CallingNumbers",)


DETAIL_FIELDS = [
    ("RingingDuration", "max_ringing"),
    ("MinConcurrency", "min_concurrency"),
    ("Strategy.MaxAttemptsPerDay", "max_attempts_per_day"),
    ("Strategy.MinAttemptInterval", "min_attempt_interval"),
    ("Strategy.Repeatable", "repeatable"),
]


@pytest.mark.parametrize(("field", "name"), DETAIL_FIELDS)
@pytest.mark.parametrize("value", [-1, "x", [1], {"a": 1}])
def test_bad_setting_is_dropped_alone_and_named(field, name, value):
    outer, _, inner = field.partition(".")
    task = detail(**{outer: {inner: value} if inner else value}, JobGroupName="kept")

    assert getattr(task.settings, name) is None
    assert task.unknown == (field,)
    assert task.name == "kept"


def test_settings_as_text_are_read():
    task = detail(
        RingingDuration="30",
        MinConcurrency="2",
        Priority=1,
        Strategy={"MinAttemptInterval": "10", "Repeatable": "true"},
        RecallStrategy={"EmptyNumberIgnore": 1, "InArrearsIgnore": None, "OutOfServiceIgnore": "?"},
    )

    assert task.settings == Settings(
        max_ringing=30.0,
        min_concurrency=2,
        min_attempt_interval=600.0,
        repeatable=True,
        recall_ignored=(("empty_number", True),),
    )
    assert task.info.priority == "1"
    assert task.unknown == ("RecallStrategy.OutOfServiceIgnore",)


@pytest.mark.parametrize(
    "row", [{}, {"JobGroupId": ""}, {"JobGroupId": None}, {"JobGroupId": {}}, None, 5]
)
def test_row_without_an_id_is_counted_and_dropped(row):
    page = page_of(listing({"JobGroupId": "g", "Status": "Draft"}, row))

    assert [task.id for task in page.tasks] == ["g"]
    assert (page.nameless, page.total) == (1, 2)


def test_total_of_0_beside_rows_is_no_total():
    assert page_of(listing({"JobGroupId": "g"}, total=0)).total is None
    assert page_of(listing({"JobGroupId": "g"}, total="3")).total == 3
    assert page_of(listing(total=0)) == Page((), 0)


def test_no_list_with_a_total_of_0_is_empty():
    assert page_of(ok(JobGroups={"TotalCount": 0, "List": None})) == Page((), 0)


def test_instances_are_scopes_with_their_names():
    body = ok(
        Instances=[
            {"InstanceId": "i-1", "InstanceName": "one"},
            {"InstanceId": 2},
            {"InstanceName": "no id"},
            None,
        ],
        TotalCount=0,
    )

    assert read_instances(reply_of(body), clock_offset=None) == InstancePage(
        scopes=(Scope("i-1", "one"), Scope("2", "")), rows=4, total=None
    )


def instances_of(body, **reply):
    return read_instances(reply_of(body, **reply), clock_offset=None)


@pytest.mark.parametrize(
    ("read", "payload", "message"),
    [
        (page_of, {}, "JobGroups: "),
        (page_of, {"JobGroups": []}, "JobGroups: "),
        (page_of, {"JobGroups": {"TotalCount": 1, "List": None}}, "JobGroups.List: "),
        (page_of, {"JobGroups": {"TotalCount": 1, "List": {}}}, "JobGroups.List: "),
        (page_of, {"JobGroups": {"TotalCount": "x", "List": []}}, "JobGroups.TotalCount: "),
        (instances_of, {}, "Instances: "),
        (instances_of, {"Instances": {}}, "Instances: "),
        (instances_of, {"Instances": [], "TotalCount": -1}, "TotalCount: "),
        (described, {}, "JobGroup: "),
        (described, {"JobGroup": []}, "JobGroup: "),
        (described, {"JobGroup": {}}, "JobGroup.JobGroupId: "),
        (described, {"JobGroup": {"JobGroupId": "another"}}, "JobGroup.JobGroupId: "),
    ],
)
def test_payload_of_another_shape_is_a_protocol_error_that_names_the_key(read, payload, message):
    error = error_of(ok(**payload), read)

    assert (error.reason, error.code) == (Reason.PROTOCOL, "malformed")
    assert error.message.startswith(message)


@pytest.mark.parametrize("read", [page_of, instances_of, described])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"<?xml version='1.0'?><Error/>", "not JSON"),
        (b'{"Code":"OK","JobGroups":{"List":[{"JobGroupId"', "not JSON"),
        (b'{"Code":' + b"[" * 5000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "Code: "),
        (b'{"Code":{}}', "Code: "),
        (b'{"Success":true}', "Code: "),
        (b'{"Code":"Whatever","Success":false}', "unknown code"),
        (b'{"Code":"OK","Success":false}', "unknown code"),
        (b'{"Code":"OK","Success":"false"}', "unknown code"),
    ],
)
def test_answer_that_is_no_envelope_is_a_protocol_error(read, body, message):
    error = error_of(body, read)

    assert (error.reason, error.code) == (Reason.PROTOCOL, "malformed")
    assert message in error.message


REASONS = [
    ("InvalidAccessKeyId.NotFound", Reason.AUTH, "InvalidAccessKeyId.NotFound"),
    ("InvalidAccessKeyId.Inactive", Reason.AUTH, "InvalidAccessKeyId.Inactive"),
    ("InvalidAccessKeyId.Other", Reason.AUTH, "InvalidAccessKeyId"),
    ("SignatureDoesNotMatch", Reason.AUTH, "SignatureDoesNotMatch"),
    ("IncompleteSignature", Reason.AUTH, "IncompleteSignature"),
    ("InvalidSecurityToken.Expired", Reason.AUTH, "InvalidSecurityToken.Expired"),
    ("InvalidSecurityToken.Malformed", Reason.AUTH, "InvalidSecurityToken.Malformed"),
    (
        "InvalidSecurityToken.MismatchWithAccessKey",
        Reason.AUTH,
        "InvalidSecurityToken.MismatchWithAccessKey",
    ),
    ("InvalidSecurityToken.New", Reason.AUTH, "InvalidSecurityToken"),
    ("MissingSecurityToken", Reason.AUTH, "MissingSecurityToken"),
    ("AuthenticationFail", Reason.AUTH, "AuthenticationFail"),
    ("AuthenticationFail.OIDCToken.Expired", Reason.AUTH, "AuthenticationFail"),
    ("InvalidTimeStamp.Expired", Reason.CLOCK, "InvalidTimeStamp.Expired"),
    ("InvalidTimeStamp.Format", Reason.CLOCK, "InvalidTimeStamp.Format"),
    ("InvalidTimestamp.Expired", Reason.CLOCK, "InvalidTimeStamp.Expired"),
    ("InvalidTimeStamp.New", Reason.CLOCK, "InvalidTimeStamp"),
    ("IllegalTimestamp", Reason.CLOCK, "IllegalTimestamp"),
    ("Forbidden", Reason.PERMISSION, "Forbidden"),
    ("Forbidden.RAM", Reason.PERMISSION, "Forbidden.RAM"),
    ("Forbidden.RAMSTS", Reason.PERMISSION, "Forbidden.RAMSTS"),
    ("Forbidden.RiskControl", Reason.PERMISSION, "Forbidden.RiskControl"),
    ("Forbidden.New", Reason.PERMISSION, "Forbidden"),
    ("NoPermission", Reason.PERMISSION, "NoPermission"),
    ("Throttling", Reason.RATE_LIMITED, "Throttling"),
    ("Throttling.User", Reason.RATE_LIMITED, "Throttling.User"),
    ("Throttling.Api", Reason.RATE_LIMITED, "Throttling.Api"),
    ("Throttling.New", Reason.RATE_LIMITED, "Throttling"),
    ("InternalError", Reason.UNAVAILABLE, "InternalError"),
    ("UnknownError", Reason.UNAVAILABLE, "UnknownError"),
    ("ServiceUnavailable", Reason.UNAVAILABLE, "ServiceUnavailable"),
    ("ServiceTimeout", Reason.UNAVAILABLE, "ServiceTimeout"),
    ("SignatureNonceUsed", Reason.UNAVAILABLE, "SignatureNonceUsed"),
    ("InvalidApi.NotFound", Reason.CONFIG, "InvalidApi.NotFound"),
    ("InvalidAction.NotFound", Reason.CONFIG, "InvalidAction.NotFound"),
    ("InvalidProduct.NotFound", Reason.CONFIG, "InvalidProduct.NotFound"),
    ("NoSuchVersion", Reason.CONFIG, "NoSuchVersion"),
    ("UnsupportedHTTPMethod", Reason.CONFIG, "UnsupportedHTTPMethod"),
    ("InvalidParameter", Reason.CONFIG, "InvalidParameter"),
    ("InvalidParameter.InstanceId", Reason.CONFIG, "InvalidParameter"),
    ("MissingParameter", Reason.CONFIG, "MissingParameter"),
    ("MissingInstanceId", Reason.CONFIG, "MissingParameter"),
    ("NotExist.Instance", Reason.CONFIG, "NotExist.Instance"),
    ("NotExist.JobGroup", Reason.CONFIG, "NotExist.JobGroup"),
]


@pytest.mark.parametrize("key", ["Code", "code"])
@pytest.mark.parametrize("status", [200, 400, 403, 503])
@pytest.mark.parametrize(("code", "reason", "label"), REASONS)
def test_code_of_the_vendor_decides_before_http(code, reason, label, status, key):
    body = {key: code, "Message": "s3cr3t", "Recommend": "s3cr3t", "Success": False}
    error = error_of(body, status=status, headers={"x-acs-retry-after": "1500"})

    assert (error.reason, error.code, error.retry_after) == (reason, label, 1.5)
    assert CODES[label] is reason
    assert "s3cr3t" not in str(error)


def test_every_code_is_in_the_table():
    assert {label for _, _, label in REASONS} == set(CODES)


@pytest.mark.parametrize(
    "code", ["", "OK", "NotExist.Script", "ForbiddenX", "SomethingNew", "x" * 99]
)
def test_other_codes_are_not_known(code):
    assert known_code(code) is None


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (302, Reason.CONFIG, "http_3xx"),
        (400, Reason.CONFIG, "http_4xx"),
        (401, Reason.AUTH, "http_401"),
        (403, Reason.PERMISSION, "http_403"),
        (429, Reason.RATE_LIMITED, "http_429"),
        (502, Reason.UNAVAILABLE, "http_502"),
    ],
)
@pytest.mark.parametrize(
    "body", [b"<Error>s3cr3t</Error>", b"", b"[]", b'{"Code":"New"}', b'{"Code":"OK"}', b"{}"]
)
def test_without_a_known_code_http_decides(body, status, reason, code):
    error = error_of(body, status=status)

    assert (error.reason, error.code) == (reason, code)


@pytest.mark.parametrize(
    ("offset", "named"), [(-1200.0, "-1200 s"), (7.0, "+7 s"), (None, "unknown")]
)
def test_error_of_the_clock_names_the_offset_and_the_cure(offset, named):
    error = error_of({"Code": "InvalidTimeStamp.Expired"}, status=400, clock_offset=offset)

    assert named in error.message
    assert "NTP" in error.message


def test_job_group_that_is_gone_is_none():
    body = {"Code": "NotExist.JobGroup", "Success": False}

    assert described(body, status=404) is None
    assert described(body) is None


@pytest.mark.parametrize("read", [page_of, described])
def test_instance_that_is_gone_says_so(read):
    error = error_of({"Code": "NotExist.Instance"}, read, status=404)

    assert isinstance(error, ScopeGone)
    assert error.reason is Reason.CONFIG


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ([1, "[2,3]", ["4"]], [1, 2, 3, "4"]),
        ('["[1]"]', [1]),
        ([], []),
        ("1", None),
        (None, None),
        (["[\ud800]"], None),
    ],
)
def test_lists_that_hold_json_text_are_flattened(value, flat):
    assert flattened(value) == flat


ROW_FIELDS = (
    *("JobGroupId", "JobGroupName", "Status", "ScriptId", "CreationTime", "ModifyTime"),
    *("TotalCallNum", "Progress", "Strategy", "Priority", "RingingDuration", "MinConcurrency"),
    *("CallingNumbers", "RecallCallingNumbers", "RecallStrategy"),
)
ROWS = objects(
    ROW_FIELDS,
    JobGroupId=st.sampled_from(["g", "h"]),
    Progress=objects(["TotalJobs", "ExecutingNum", "Executing", "Failed"]),
    Strategy=objects(
        ["StartTime", "EndTime", "WorkingTime", "RepeatBy", "RepeatDays", "Repeatable"],
        RepeatBy=st.sampled_from(["Once", "Week", "Month"]),
        WorkingTime=st.lists(objects(["BeginTime", "EndTime"]), max_size=2),
        RepeatDays=st.lists(st.integers(0, 40) | ANYTHING, max_size=3),
    ),
    RecallStrategy=objects(["EmptyNumberIgnore"]),
)
ENVELOPES = objects(
    ["Code", "code", "Success", "JobGroups", "JobGroup", "Instances", "TotalCount"],
    Code=st.sampled_from(["OK", "OK", "Throttling.Foo", "NotExist.Instance"]),
    Success=st.just(value=True),
    JobGroups=objects(
        ["TotalCount", "List"], TotalCount=st.integers(0, 3), List=st.lists(ROWS, max_size=3)
    ),
    JobGroup=ROWS,
    Instances=st.lists(objects(["InstanceId", "InstanceName"]), max_size=3),
)


@pytest.mark.parametrize("read", [page_of, instances_of, described])
@given(
    body=st.binary(max_size=60) | encoded(ENVELOPES),
    status=st.sampled_from([200, 302, 400, 401, 429, 502]),
)
def test_nothing_but_a_poll_error_leaves_whatever_is_sent(read, body, status):
    result = outcome(lambda: read(body, status=status))

    if isinstance(result, PollError):
        assert result.reason is (CODES | TRANSPORT_CODES).get(result.code, result.reason)
    else:
        msgspec.json.encode(result)


@given(row=ROWS)
def test_job_group_of_any_content_is_a_task(row):
    body = msgspec.json.encode(ok(JobGroup=row | {"JobGroupId": "g"}))

    assert described(body).id == "g"


LIST_COUNTS = ("ExecutingNum", "FailedNum", "PausedNum", "CancelledNum")
COUNTS = st.integers(0, 9) | st.none()
MOMENTS = st.sampled_from([None, 1, 1_578_965_079_000, 253_402_214_400_000, 253_402_214_400_001, 0])
NEARLY_WELL_FORMED = st.fixed_dictionaries(
    {"JobGroupId": st.sampled_from(["g", "h", ""]), "Status": st.sampled_from([*STATUSES, "New"])},
    optional={
        "JobGroupName": st.text(max_size=4) | st.none(),
        "ScriptId": st.sampled_from(["s", "", None, 7]),
        "CreationTime": MOMENTS,
        "ModifyTime": MOMENTS.map(lambda value: None if value is None else str(value))
        | st.sampled_from(["", "01", "1.5", "99999999999999"]),
        "TotalCallNum": COUNTS | st.just(2**53 + 1) | st.just(-1),
        "Progress": st.none()
        | st.dictionaries(
            st.sampled_from(["TotalJobs", "TotalCompleted", "Scheduling", *LIST_COUNTS]), COUNTS
        ),
        "Strategy": st.none() | st.fixed_dictionaries({}, optional={"EndTime": MOMENTS}),
        "Unheard": ANYTHING,
    },
)


@given(rows=st.lists(NEARLY_WELL_FORMED, max_size=3))
def test_both_ways_to_read_a_page_make_the_same_tasks(rows):
    groups = {"TotalCount": len(rows), "List": rows}
    fast = read_rows(msgspec.json.encode(ok(JobGroups=groups)))
    # A truth value as text is one that only the careful way takes.
    careful = page_of(msgspec.json.encode(ok(JobGroups=groups) | {"Success": "true"}))

    if fast is not None:
        assert fast[0] == careful.tasks


def test_a_page_as_documented_is_read_the_fast_way():
    row = {"JobGroupId": "g", "Status": "Executing", "ModifyTime": "1578965079000"}
    body = msgspec.json.encode(ok(JobGroups={"TotalCount": 1, "List": [row]}))

    assert read_rows(body) is not None


@pytest.mark.parametrize(
    "field", [{"Status": "New"}, {"JobGroupId": 7}, {"Progress": {"TotalJobs": "5"}}]
)
def test_one_value_of_another_kind_leaves_its_page_to_the_careful_way(field):
    row = {"JobGroupId": "g", "Status": "Executing", **field}
    body = msgspec.json.encode(ok(JobGroups={"TotalCount": 1, "List": [row]}))

    assert read_rows(body) is None
    assert len(page_of(body).tasks) == 1
