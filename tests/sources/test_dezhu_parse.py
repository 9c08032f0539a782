"""From the vendor's bytes to tasks, and to errors with their reason."""

import json
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.domain import Info, Progress, Redial, Schedule, Settings, Status, Task, Window
from exporter.errors import PollError, Reason
from exporter.reply import TRANSPORT_CODES, Reply
from exporter.source import Page
from exporter.sources.dezhu.answer import CODES
from exporter.sources.dezhu.parse import read_page
from tests.sources.strategies import ANYTHING, encoded, objects, outcome

SHANGHAI = ZoneInfo("Asia/Shanghai")


def page_of(body, *, status=200, headers=None, zone=SHANGHAI) -> Page:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_page(Reply(status=status, headers=headers or {}, body=raw), zone)


def envelope(*rows, **changes):
    return {"code": "10000", "data": {"total": len(rows), "list": list(rows)} | changes}


def task_of(zone=SHANGHAI, **fields) -> Task:
    page = page_of(envelope({"taskId": 7, "taskStatus": 3} | fields), zone=zone)
    return page.tasks[0]


def error_of(body, **reply) -> PollError:
    with pytest.raises(PollError) as caught:
        page_of(body, **reply)
    return caught.value


def test_sample_gives_the_exact_task(samples):
    schedule = Schedule(
        zone="Asia/Shanghai",
        start=1600531200.0,
        end=1604073600.0,
        windows=(Window(41760, 77700),),
    )

    assert page_of(samples["dezhu-task-page"]) == Page(
        tasks=(
            Task(
                id="1618",
                name="autotest050",
                status=Status.RUNNING,
                info=Info(
                    task_type="automatic",
                    skill_group_id="1495152791910144",
                    number_group_id="1070678044124425",
                    dialing_strategy="ratio",
                ),
                progress=Progress(
                    customers=10,
                    completed=10,
                    connected=5,
                    reported_progress=1.0,
                    reported_connected=0.5,
                ),
                schedule=schedule,
                settings=Settings(
                    max_ringing=20.0,
                    after_call_work=10.0,
                    dialing_multiplier=1.0,
                    caller_display_strategy=True,
                    redial=(Redial("default", enabled=True, interval=300.0, max_attempts=1),),
                ),
                aged_from=1604073600.0,
                rank=1618.0,
            ),
        ),
        total=1,
    )


def turned(value):
    """Every number as text, every text that is a number as a number."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [turned(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    return int(value) if value.isdigit() else value


def test_numbers_as_text_and_text_as_numbers_give_the_same_task(samples):
    body = samples["dezhu-task-page"]

    assert page_of(turned(json.loads(body))) == page_of(body)


def test_task_with_an_id_alone_has_nothing_else():
    task = task_of()

    assert task == Task(
        id="7", name="", status=Status.RUNNING, settings=Settings(), schedule=None, rank=7.0
    )


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_text_are_absent_and_not_unknown(empty):
    names = [
        *("taskName", "taskType", "taskExecStartDate", "taskExecEndDate", "skillSetId"),
        *("skillSetName", "outboundNumberGroupId", "strategyDisplaySwitch", "sendNumberStrategy"),
        *("multiplyPower", "abandonmentRate", "maxRingingDuration", "acw", "customerAmount"),
        *("completedCount", "connectedCount", "connectPercentage", "taskProgress"),
    ]

    assert task_of(**dict.fromkeys(names, empty)) == task_of()


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (1, Status.NOT_STARTED),
        (2, Status.PAUSED),
        (3, Status.RUNNING),
        (4, Status.COMPLETED),
        (5, Status.EXPIRED),
        (6, Status.FAILED),
        ("4", Status.COMPLETED),
        (4.0, Status.COMPLETED),
    ],
)
def test_status_is_mapped(number, status):
    task = task_of(taskStatus=number)

    assert (task.status, task.unknown) == (status, ())


@pytest.mark.parametrize("value", [0, 7, -1, "x", "", None, True, 3.5, [], {}, "３", 10**30])
def test_other_status_is_unknown_and_named(value):
    task = task_of(taskStatus=value)

    assert (task.status, task.unknown) == (Status.UNKNOWN, ("taskStatus",))


GOOD = [
    ("taskType", 1, "info.task_type", "automatic"),
    ("taskType", "2", "info.task_type", "manual"),
    ("skillSetName", "售后", "info.skill_group_name", "售后"),
    ("skillSetId", 15, "info.skill_group_id", "15"),
    ("skillSetId", 15.0, "info.skill_group_id", "15"),
    ("sendNumberStrategy", 1, "info.dialing_strategy", "predictive"),
    ("strategyDisplaySwitch", 0, "settings.caller_display_strategy", False),
    ("strategyDisplaySwitch", "1", "settings.caller_display_strategy", True),
    ("strategyDisplaySwitch", "True", "settings.caller_display_strategy", True),
    ("acw", 0, "settings.after_call_work", 0.0),
    ("acw", " 12.5 ", "settings.after_call_work", 12.5),
    ("maxRingingDuration", 20.0, "settings.max_ringing", 20.0),
    ("customerAmount", "10", "progress.customers", 10),
    ("customerAmount", "1e3", "progress.customers", 1000),
    ("customerAmount", 10.0, "progress.customers", 10),
    ("completedCount", 0, "progress.completed", 0),
    ("connectPercentage", "50.00%", "progress.reported_connected", 0.5),
    ("connectPercentage", "50.00", "progress.reported_connected", 0.5),
    ("connectPercentage", "12.5 %", "progress.reported_connected", 0.125),
    ("taskProgress", 25, "progress.reported_progress", 0.25),
    ("taskProgress", 12.5, "progress.reported_progress", 0.125),
]


def reached(task, path):
    for name in path.split("."):
        task = getattr(task, name)
    return task


@pytest.mark.parametrize(("field", "value", "path", "expected"), GOOD)
def test_value_is_read(field, value, path, expected):
    task = task_of(**{field: value})

    assert reached(task, path) == expected
    assert task.unknown == ()


BAD = [
    ("taskType", "info.task_type", ""),
    ("skillSetId", "info.skill_group_id", ""),
    ("sendNumberStrategy", "info.dialing_strategy", ""),
    ("strategyDisplaySwitch", "settings.caller_display_strategy", None),
    ("acw", "settings.after_call_work", None),
    ("maxRingingDuration", "settings.max_ringing", None),
    ("customerAmount", "progress.customers", None),
    ("completedCount", "progress.completed", None),
    ("connectedCount", "progress.connected", None),
    ("connectPercentage", "progress.reported_connected", None),
    ("taskProgress", "progress.reported_progress", None),
    ("outboundPhoneGroups", "settings.redial", ()),
    ("taskAgents", "agents", ()),
    ("taskExecTimes", "schedule", None),
    ("taskExecStartDate", "schedule", None),
    ("taskExecEndDate", "schedule", None),
]


@pytest.mark.parametrize(("field", "path", "nothing"), BAD)
@pytest.mark.parametrize("value", [{"a": 1}, [[1]], -1.5])
def test_bad_field_is_dropped_alone_and_named(field, path, nothing, value):
    task = task_of(**{field: value, "taskName": "kept"})

    assert reached(task, path) == nothing
    assert task.unknown == (field,)
    assert (task.name, task.status) == ("kept", Status.RUNNING)


@pytest.mark.parametrize(
    "value", [-1, "-1", "abc", "1_000", "１０", 1.5, 2**60, 10**400, "NaN", "inf", "1e999", "0x10"]
)
def test_count_that_is_none_is_dropped(value):
    task = task_of(customerAmount=value)

    assert task.progress.customers is None
    assert task.unknown == ("customerAmount",)


@pytest.mark.parametrize("number", [b"1e999", b"NaN", b"-Infinity", b"9" * 5000])
def test_number_out_of_range_costs_its_field_and_not_the_page(number):
    body = b'{"code":"10000","data":{"total":1,"list":[{"taskId":7,"taskStatus":3,"acw":%s}]}}'

    task = page_of(body % number).tasks[0]

    assert task.settings.after_call_work is None
    assert task.unknown == ("acw",)


@pytest.mark.parametrize(
    ("name", "read"),
    [(b"cut \\ud83d", "cut ?"), (b"cut \xf0\x9f", "cut \ufffd"), (b"a\tb", None)],
)
def test_name_cut_within_an_emoji_does_not_cost_the_page(name, read):
    body = b'{"code":"10000","data":{"total":1,"list":[{"taskId":7,"taskName":"%s"}]}}' % name

    if read is None:
        assert error_of(body).reason is Reason.PROTOCOL
    else:
        assert page_of(body).tasks[0].name == read


@pytest.mark.parametrize(
    ("strategy", "multiplier", "abandonment"),
    [(0, 2.0, None), (1, None, 0.03), (None, None, None), (2, None, None)],
)
def test_only_the_figure_of_the_strategy_in_force_is_given(strategy, multiplier, abandonment):
    task = task_of(sendNumberStrategy=strategy, multiplyPower=2, abandonmentRate=3)

    assert task.settings.dialing_multiplier == multiplier
    assert task.settings.target_abandonment == abandonment


def batches(*groups):
    task = task_of(outboundPhoneGroups=list(groups))
    return [redial.batch for redial in task.settings.redial], task.unknown


def test_batch_is_named_by_its_identity_or_by_its_place():
    first, second = {"identify": "a"}, {"identify": "b"}

    assert batches(first, second) == (["a", "b"], ())
    assert batches(first, {}, {"identify": ""}, {"identify": None}) == (["a", "#2", "#3", "#4"], ())
    assert batches(first, first, first) == (["a", "#2", "#3"], ())
    assert batches({"identify": "#2"}, {}, {"identify": 3}) == (["#2", "##2", "3"], ())
    assert batches(first, {"identify": []}) == (["a", "#2"], ("outboundPhoneGroups.identify",))
    assert batches(first, 5) == (["a"], ("outboundPhoneGroups",))


def test_batches_and_agents_that_would_show_alike_are_kept_apart():
    long = "a" * 300
    assert batches({"identify": "13800000001"}, {"identify": "13800000002"}) == (
        ["138********", "#2"],
        (),
    )
    assert batches({"identify": long + "1"}, {"identify": long + "2"}) == (
        ["a" * 255 + "…", "#2"],
        (),
    )
    agents = [{"agentId": long + "1", "assignNum": 1}, {"agentId": long + "2", "assignNum": 2}]
    assert task_of(taskAgents=agents).agents == (("a" * 255 + "…", 1),)


def test_redial_settings_are_read_one_by_one():
    group = {"identify": "a", "autoOutboundSwitch": "0", "autoOutboundInterval": "5"}
    task = task_of(outboundPhoneGroups=[{**group, "autoOutboundTimes": -3}])

    assert task.settings.redial == (Redial("a", enabled=False, interval=300.0, max_attempts=None),)
    assert task.unknown == ("outboundPhoneGroups.autoOutboundTimes",)


def test_first_of_two_entries_of_an_agent_is_kept():
    agents = [
        {"agentId": "a", "assignNum": 3},
        {"agentId": 5, "assignNum": "4"},
        {"agentId": "a", "assignNum": 9},
        {"agentId": "b", "assignNum": None},
    ]
    task = task_of(taskAgents=agents)

    assert task.agents == (("a", 3), ("5", 4))
    assert task.unknown == ("taskAgents.agentId",)


def test_agent_without_an_id_is_dropped_and_named():
    task = task_of(taskAgents=[{"assignNum": 3}, {"agentId": "b", "assignNum": 1}])

    assert task.agents == (("b", 1),)
    assert task.unknown == ("taskAgents.agentId",)


def times(start, end):
    return {"taskExecTimeStartStr": start, "taskExecTimeEndStr": end}


def test_windows_are_read_and_bad_ones_dropped_and_named():
    task = task_of(
        taskExecTimes=[
            times("09:00:00", "12:00:00"),
            times("13:30", "18:00"),
            times("22:00:00", "02:00:00"),
            times("20:00:00", "24:00:00"),
            *(times("9 o'clock", "10:00:00"), times(None, "10:00:00"), times("10:00:00", 11)),
            *(times("25:00:00", "26:00:00"), times("24:00:00", "01:00:00"), times("9:60", "10:00")),
        ]
    )

    assert task.schedule == Schedule(
        zone="Asia/Shanghai",
        windows=(
            Window(32400, 43200),
            Window(48600, 64800),
            Window(79200, 7200),
            Window(72000, 86400),
        ),
    )
    assert task.unknown == ("taskExecTimes",)


def test_days_begin_at_midnight_of_the_zone():
    days = {"taskExecStartDate": "2024-03-10", "taskExecEndDate": "2024-03-10"}

    berlin = task_of(zone=ZoneInfo("Europe/Berlin"), **days).schedule
    new_york = task_of(zone=ZoneInfo("America/New_York"), **days).schedule

    assert (berlin.start, berlin.end) == (1710025200.0, 1710111600.0)
    assert new_york.end - new_york.start == 23 * 3600
    assert new_york.zone == "America/New_York"


@pytest.mark.parametrize(
    "day", ["20200920", "2020-W38-7", "2020-02-30", "soon", 20200920, "2020-9-2"]
)
def test_day_that_is_none_is_dropped_and_named(day):
    task = task_of(taskExecStartDate=day, taskExecEndDate="2020-09-20")

    assert task.schedule.start is None
    assert task.schedule.end == task.aged_from == 1600617600.0
    assert task.unknown == ("taskExecStartDate",)


def test_last_day_of_the_calendar_is_an_end():
    task = task_of(taskExecEndDate="9999-12-31")

    assert task.schedule.end == 253402185600.0
    assert task.unknown == ()


@pytest.mark.parametrize(
    "row", [{}, {"taskId": None}, {"taskId": ""}, {"taskId": []}, None, 5, "x"]
)
def test_row_without_an_id_is_counted_and_dropped(row):
    page = page_of(envelope({"taskId": 1, "taskStatus": 3}, row))

    assert [task.id for task in page.tasks] == ["1"]
    assert (page.nameless, page.total) == (1, 2)


@pytest.mark.parametrize(
    ("task_id", "text", "rank"),
    [(1618, "1618", 1618.0), ("1618", "1618", 1618.0), ("x-1", "x-1", 0.0), (2.0, "2", 2.0)],
)
def test_id_is_text_and_its_number_the_rank(task_id, text, rank):
    task = task_of(taskId=task_id)

    assert (task.id, task.rank) == (text, rank)


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({"total": 5}, 5),
        ({"total": "5"}, 5),
        ({"total": None}, None),
        ({"total": 0}, None),
        ({"total": 5.0}, 5),
    ],
)
def test_total_may_be_text_or_missing(changes, total):
    assert page_of(envelope({"taskId": 1}, **changes)).total == total


def test_total_may_be_left_out():
    assert page_of({"code": 10000, "data": {"list": []}}) == Page((), None)


@pytest.mark.parametrize(
    "data", [{"total": 0, "list": None}, {"total": "0"}, {"total": 0, "list": []}]
)
def test_no_list_with_a_total_of_0_is_empty(data):
    assert page_of({"code": "10000", "data": data}) == Page((), 0)


MALFORMED = [
    (b"", "not JSON"),
    (b"OK", "not JSON"),
    (b"<html></html>", "not JSON"),
    (b'{"code":"10000","data":{"total":1,"list":[{"taskId":', "not JSON"),
    (b'{"code":' + b"[" * 5000, "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b"[]", "not a JSON object"),
    (b"null", "not a JSON object"),
    (b'"10000"', "not a JSON object"),
    (b"{}", "code"),
    (b'{"code":null}', "code"),
    (b'{"code":[10000]}', "code"),
    (b'{"code":"77777"}', "unknown code"),
    (b'{"code":"10000"}', "data: "),
    (b'{"code":"10000","data":null}', "data: "),
    (b'{"code":"10000","data":[]}', "data: "),
    (b'{"code":"10000","data":"x"}', "data: "),
    (b'{"code":"10000","data":{}}', "data.list: "),
    (b'{"code":"10000","data":{"total":1,"list":null}}', "data.list: "),
    (b'{"code":"10000","data":{"total":null,"list":null}}', "data.list: "),
    (b'{"code":"10000","data":{"total":1,"list":{}}}', "data.list: "),
    (b'{"code":"10000","data":{"total":0,"list":"x"}}', "data.list: "),
    (b'{"code":"10000","data":{"total":-1,"list":[]}}', "data.total: "),
    (b'{"code":"10000","data":{"total":1e999,"list":[]}}', "data.total: "),
    (b'{"code":"10000","data":"' + b"\\ud800" * 100_000, "not JSON"),
    (b'{"code":"10000","data":{"total":"many","list":[]}}', "data.total: "),
    (b'{"code":"10000","data":{"total":true,"list":[]}}', "data.total: "),
    (b'{"code":"10000","data":{"total":[1],"list":[]}}', "data.total: "),
]


@pytest.mark.parametrize(("body", "message"), MALFORMED)
def test_answer_of_another_shape_is_a_protocol_error_that_names_the_key(body, message):
    error = error_of(body)

    assert (error.reason, error.code) == (Reason.PROTOCOL, "malformed")
    assert message in error.message


REASONS = [
    ("10001", Reason.AUTH),
    ("10002", Reason.AUTH),
    ("20001", Reason.UNAVAILABLE),
    ("29002", Reason.CONFIG),
    ("29008", Reason.UNAVAILABLE),
]


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("as_number", [False, True])
@pytest.mark.parametrize(("code", "reason"), REASONS)
def test_code_of_the_vendor_decides_before_http(code, reason, as_number, status):
    body = {"code": int(code) if as_number else code, "message": "s3cr3t 13800000000"}
    error = error_of(body, status=status, headers={"retry-after": "7"})

    assert (error.reason, error.code, error.retry_after) == (reason, code, 7.0)
    assert "s3cr3t" not in str(error)
    assert CODES[code] is reason


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (302, Reason.CONFIG, "http_3xx"),
        (400, Reason.CONFIG, "http_4xx"),
        (401, Reason.AUTH, "http_401"),
        (403, Reason.PERMISSION, "http_403"),
        (404, Reason.CONFIG, "http_404"),
        (429, Reason.RATE_LIMITED, "http_429"),
        (500, Reason.UNAVAILABLE, "http_500"),
        (502, Reason.UNAVAILABLE, "http_502"),
        (520, Reason.UNAVAILABLE, "http_5xx"),
    ],
)
@pytest.mark.parametrize(
    "body", [b"<html>s3cr3t</html>", b"", b"[]", b'{"code":"10000"}', b'{"code":"9"}', b'{"a":{}}']
)
def test_without_a_known_code_http_decides(body, status, reason, code):
    error = error_of(body, status=status)

    assert (error.reason, error.code) == (reason, code)
    assert "s3cr3t" not in str(error)


ROWS = objects(
    [
        *("taskId", "taskName", "taskType", "taskStatus", "taskExecStartDate", "taskExecEndDate"),
        *("taskExecTimes", "skillSetId", "strategyDisplaySwitch", "sendNumberStrategy"),
        *("multiplyPower", "abandonmentRate", "maxRingingDuration", "acw", "customerAmount"),
        *("outboundPhoneGroups", "taskAgents", "connectPercentage", "taskProgress"),
    ],
    taskId=st.integers(1, 9),
    taskExecTimes=st.lists(objects(["taskExecTimeStartStr", "taskExecTimeEndStr"]), max_size=3),
    outboundPhoneGroups=st.lists(
        objects(["identify", "autoOutboundSwitch", "autoOutboundInterval", "autoOutboundTimes"]),
        max_size=3,
    ),
    taskAgents=st.lists(objects(["agentId", "assignNum"]), max_size=3),
)
ENVELOPES = objects(
    ["code", "data"],
    code=st.sampled_from(["10000", 10000]),
    data=objects(
        ["total", "list"], total=st.integers(0, 3), list=st.lists(ROWS | ANYTHING, max_size=3)
    ),
)
STATUSES = st.sampled_from([200, 204, 302, 400, 401, 429, 502])
FRAGMENTS = st.lists(
    st.sampled_from([b'{"code":"10000","data":', b'{"total":1,"list":[', b'{"taskId":1}', b"]}}"])
    | st.binary(max_size=6)
).map(b"".join)


@given(body=st.binary(max_size=80) | FRAGMENTS | encoded(ENVELOPES), status=STATUSES)
def test_nothing_but_a_poll_error_leaves_whatever_is_sent(body, status):
    result = outcome(lambda: page_of(body, status=status))

    if isinstance(result, PollError):
        assert result.reason is (CODES | TRANSPORT_CODES).get(result.code, result.reason)
    else:
        assert all(task.id for task in result.tasks)
        msgspec.json.encode(result)


@given(rows=st.lists(ROWS, max_size=3))
def test_rows_of_any_content_are_tasks_or_counted(rows):
    page = page_of(msgspec.json.encode(envelope(*rows)))

    assert len(page.tasks) + page.nameless == len(rows)
