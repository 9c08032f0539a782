"""Three actions and the list of instances, from the vendor's bytes to calls at the same time."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.domain import Concurrency, Scope
from exporter.errors import PollError, Reason, ScopeGone
from exporter.reply import TRANSPORT_CODES, Reply
from exporter.source import ConcurrencyPage
from exporter.sources.aliyun.answer import CODES
from exporter.sources.aliyun.concurrency import (
    listed_concurrency,
    read_current,
    read_quota,
    read_report,
)
from exporter.sources.aliyun.source import ALIYUN
from tests.sources.serving import Answer, Vendor
from tests.sources.strategies import ANYTHING, encoded, objects, outcome

SCOPE = Scope("i-1", "one")
OPERATIONS = (
    "GetRealtimeConcurrencyReport",
    "GetCurrentConcurrency",
    "GetConcurrentConversationQuota",
)


def reply_of(body, *, status=200):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers={}, body=raw)


def ok(**payload):
    return {"HttpStatusCode": 200, "Code": "OK", "Success": True} | payload


def report(*rows, total=None):
    return ok(Reports={"TotalCount": len(rows) if total is None else total, "List": list(rows)})


def report_of(body, **reply):
    return read_report(reply_of(body, **reply), clock_offset=None)


def current_of(body, **reply):
    return read_current(reply_of(body, **reply), clock_offset=None)


def quota_of(body, **reply):
    return read_quota(reply_of(body, **reply), clock_offset=None)


READERS = (report_of, current_of, quota_of)


def test_report_is_read_row_by_row():
    row = {
        "InstanceId": "i-1",
        "InstanceName": "one",
        "JobGroupId": "g",
        "JobGroupName": "group",
        "OccupiedConcurrencyCount": 3,
        "MaxConcurrencyLimit": 20,
        "MinConcurrencyLimit": 1,
        "ReportDate": 1760000000000,
    }

    page = report_of(report(row, row | {"JobGroupId": 8, "OccupiedConcurrencyCount": 0}, total=7))

    assert page == ConcurrencyPage(
        (("g", Concurrency(current=3, limit=20)), ("8", Concurrency(current=0, limit=20))),
        rows=2,
        total=7,
    )


def test_current_and_quota_are_read():
    current = ok(InstanceId="i-1", CurrentConcurrency=0, MaxConcurrentConversation="100")
    quota = ok(MaxConcurrent=500, RemainingConcurrent=250)

    assert current_of(current) == Concurrency(current=0, limit=100)
    assert quota_of(quota) == Concurrency(limit=500, remaining=250)


@pytest.mark.parametrize("absent", [{}, {"value": None}, {"value": ""}])
def test_what_is_absent_null_or_empty_is_none_and_not_unknown(absent):
    def of(*names):
        return {name: value for value in absent.values() for name in names}

    row = of("OccupiedConcurrencyCount", "MaxConcurrencyLimit")

    assert report_of(report(row | {"JobGroupId": "g"})).tasks == (("g", Concurrency()),)
    assert current_of(ok(**of("CurrentConcurrency", "MaxConcurrentConversation"))) == Concurrency()
    assert quota_of(ok(**of("MaxConcurrent", "RemainingConcurrent"))) == Concurrency()


@pytest.mark.parametrize("bad", [-1, 1.5, "many", [], {}, True, "1e400"])
def test_value_that_cannot_be_read_costs_its_field_and_is_named(bad):
    row = {"JobGroupId": "g", "OccupiedConcurrencyCount": bad, "MaxConcurrencyLimit": 9}
    current = ok(CurrentConcurrency=bad, MaxConcurrentConversation=9)
    quota = ok(MaxConcurrent=9, RemainingConcurrent=bad)

    assert report_of(report(row)).tasks[0][1] == Concurrency(
        limit=9, unknown=("OccupiedConcurrencyCount",)
    )
    assert current_of(current) == Concurrency(limit=9, unknown=("CurrentConcurrency",))
    assert quota_of(quota) == Concurrency(limit=9, unknown=("RemainingConcurrent",))


@pytest.mark.parametrize("row", [{}, {"JobGroupId": None}, {"JobGroupId": []}, None, 5, "g", []])
def test_row_without_an_id_is_dropped_and_counted_as_a_row(row):
    page = report_of(report(row, {"JobGroupId": "g"}))

    assert [task_id for task_id, _ in page.tasks] == ["g"]
    assert (page.rows, page.total) == (2, 2)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"List": [], "TotalCount": 0}, ConcurrencyPage((), rows=0, total=0)),
        ({"List": None, "TotalCount": 0}, ConcurrencyPage((), rows=0, total=0)),
        ({"List": []}, ConcurrencyPage((), rows=0, total=None)),
        # The vendor's samples show paging figures of 0 beside rows.
        (
            {"List": [{"JobGroupId": "g"}], "TotalCount": 0},
            ConcurrencyPage((("g", Concurrency()),), rows=1, total=None),
        ),
    ],
)
def test_report_may_be_empty_or_without_a_total(payload, expected):
    assert report_of(ok(Reports=payload)) == expected


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "Reports: expected an object"),
        ({"Reports": None}, "Reports: expected an object"),
        ({"Reports": []}, "Reports: expected an object"),
        ({"Reports": {"TotalCount": 1}}, "Reports.List: expected a list"),
        ({"Reports": {"List": {}}}, "Reports.List: expected a list"),
        ({"Reports": {"List": [], "TotalCount": "x"}}, "Reports.TotalCount: expected a number"),
    ],
)
def test_report_of_another_shape_is_a_protocol_error_that_names_the_path(payload, message):
    with pytest.raises(PollError) as caught:
        report_of(ok(**payload))

    assert (caught.value.reason, caught.value.message) == (Reason.PROTOCOL, message)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("Forbidden.RAM", 403, Reason.PERMISSION),
        ("NoPermission", 200, Reason.PERMISSION),
        ("Throttling.User", 400, Reason.RATE_LIMITED),
        ("InvalidAction.NotFound", 404, Reason.CONFIG),
    ],
)
def test_error_has_its_reason(read, code, status, reason):
    with pytest.raises(PollError) as caught:
        read({"Code": code, "Success": False}, status=status)

    assert caught.value.reason is reason


@pytest.mark.parametrize("read", [report_of, current_of])
def test_instance_that_is_gone_says_so(read):
    with pytest.raises(ScopeGone):
        read({"Code": "NotExist.Instance", "Success": False}, status=404)


def test_row_of_an_instance_tells_its_limit():
    assert listed_concurrency({"MaxConcurrentConversation": 60}) == Concurrency(limit=60)
    assert listed_concurrency({"MaxConcurrentConversation": "x"}) == Concurrency(
        unknown=("MaxConcurrentConversation",)
    )
    assert listed_concurrency({"InstanceId": "i"}) is None


ROWS = objects(["JobGroupId", "OccupiedConcurrencyCount", "MaxConcurrencyLimit"])
ENVELOPES = objects(
    [
        *("Code", "Success", "Reports", "CurrentConcurrency", "MaxConcurrentConversation"),
        *("MaxConcurrent", "RemainingConcurrent"),
    ],
    Code=st.sampled_from(["OK", "OK", "OK", "Throttling.Foo", "NotExist.Instance"]),
    Success=st.just(value=True),
    Reports=objects(
        ["TotalCount", "List"],
        TotalCount=st.integers(0, 3),
        List=st.lists(ROWS | ANYTHING, max_size=3),
    ),
)


@pytest.mark.parametrize("read", READERS)
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


@given(rows=st.lists(ROWS | ANYTHING, max_size=5))
def test_rows_of_any_content_are_calls_that_can_be_shown(rows):
    page = report_of(msgspec.json.encode(report(*rows)))

    assert page.rows == len(rows)
    for task_id, one in page.tasks:
        assert task_id
        assert all(value is None or value >= 0 for value in (one.current, one.limit))


# What is asked


def listed(*rows):
    return Answer(ok(Instances=list(rows), TotalCount=len(rows)))


def test_the_actions_are_in_the_closed_list_of_operations():
    assert set(OPERATIONS) <= set(ALIYUN.operations)


async def test_each_question_is_one_signed_get_with_its_own_parameters(aliyun):
    vendor = Vendor(
        Answer(report({"JobGroupId": "g"})),
        Answer(ok(CurrentConcurrency=1)),
        Answer(ok(MaxConcurrent=2)),
    )
    source = (await aliyun(vendor, page_size=50)).concurrency

    page = await source.tasks(SCOPE, 3)
    assert page.tasks == (("g", Concurrency()),)
    assert await source.scope(SCOPE) == Concurrency(current=1)
    assert await source.account() == Concurrency(limit=2)

    assert tuple(asked.headers["x-acs-action"] for asked in vendor.asked) == OPERATIONS
    assert [asked.query for asked in vendor.asked] == [
        {"InstanceId": "i-1", "PageNumber": "3", "PageSize": "50"},
        {"InstanceId": "i-1"},
        {},
    ]


async def test_limits_of_the_listed_instances_are_known_without_a_call(aliyun):
    vendor = Vendor(
        listed(
            {"InstanceId": "i-1", "MaxConcurrentConversation": 60},
            {"InstanceId": "i-2"},
            {"MaxConcurrentConversation": 5},
        ),
        listed({"InstanceId": "i-2", "MaxConcurrentConversation": 70}),
    )
    opened = await aliyun(vendor)
    assert opened.concurrency.listed(SCOPE) is None

    await opened.scopes()
    assert opened.concurrency.listed(SCOPE) == Concurrency(limit=60)
    assert opened.concurrency.listed(Scope("i-2")) is None

    await opened.scopes()
    assert opened.concurrency.listed(SCOPE) is None
    assert opened.concurrency.listed(Scope("i-2")) == Concurrency(limit=70)
    assert len(vendor.asked) == 2


async def test_configured_instances_have_no_limit_of_a_list(aliyun):
    vendor = Vendor(listed())
    opened = await aliyun(vendor, instances=("i-1",))

    assert await opened.scopes() == (Scope("i-1"),)
    assert opened.concurrency.listed(SCOPE) is None
    assert vendor.asked == []
