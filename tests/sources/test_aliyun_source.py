"""The source against a real server: what is asked and signed, and what becomes of the answer."""

import asyncio
import hashlib
import hmac
from email.utils import formatdate

import pytest

from exporter.clock import SystemClock
from exporter.domain import Scope, Status, Task
from exporter.errors import ConfigError, PollError, Reason, ScopeGone
from exporter.secret import Secret
from exporter.source import Abilities, Priority, Query
from exporter.sources.aliyun.options import AliyunOptions, CredentialOptions, JobGroupOptions
from exporter.sources.aliyun.source import ALIYUN
from tests.sources.serving import Answer, Vendor, account_of

SCOPE = Scope("i-1", "one")
ALL = Query(scope=SCOPE, statuses=None)
ACTIVE = Priority.ACTIVE


def ok(**payload):
    return Answer({"Code": "OK", "Success": True} | payload)


def listing(*rows, total=None):
    return ok(JobGroups={"TotalCount": len(rows) if total is None else total, "List": list(rows)})


def instances(*ids, total=0):
    rows = [{"InstanceId": one, "InstanceName": f"name of {one}"} for one in ids]
    return ok(Instances=rows, TotalCount=total)


def refusal(code, status=400):
    return Answer({"Code": code, "Message": "s3cr3t-message"}, status)


def group(group_id="g"):
    return Task(id=group_id, name="", status=Status.UNKNOWN)


def is_signed(asked, secret="s3cr3t-ak"):
    """Tell whether a vendor would accept the signature; shares nothing with the client."""
    scheme, _, rest = asked.headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    names = parts["SignedHeaders"].split(";")
    required = {"host", *(name for name in asked.headers if name.startswith("x-acs-"))}
    query = asked.raw_path.partition("?")[2]
    request = "\n".join(
        [
            *("GET", "/", query),
            *(f"{name}:{asked.headers[name]}" for name in names),
            *("", ";".join(names), hashlib.sha256(b"").hexdigest()),
        ]
    )
    text = f"{scheme}\n{hashlib.sha256(request.encode()).hexdigest()}"
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return required == set(names) and parts["Signature"] == expected


async def failures(telemetry, operation, reason, code):
    labels = {"platform": "aliyun", "account": "a", "operation": operation}
    return await asyncio.to_thread(
        telemetry.registry.get_sample_value,
        "outbound_exporter_api_failures_total",
        labels | {"reason": reason, "code": code},
    )


async def test_request_is_what_the_vendor_documents(aliyun):
    vendor = Vendor(listing())
    source = await aliyun(vendor)
    query = Query(
        scope=Scope("i 1/催*~"),
        statuses=frozenset({Status.RUNNING, Status.DRAFT}),
        created_since=1600000000.25,
        page_size=7,
    )

    await source.page(query, 3, priority=ACTIVE)

    (asked,) = vendor.asked
    assert asked.path == "/"
    assert asked.query == {
        "InstanceId": "i 1/催*~",
        "PageNumber": "3",
        "PageSize": "7",
        "JobGroupStatusFilter": "Draft,Executing",
        "StartTime": "1600000000250",
    }
    assert asked.headers["x-acs-action"] == "ListJobGroups"
    assert asked.headers["x-acs-version"] == "2019-12-26"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["host"] == vendor.url.removeprefix("http://")
    assert "content-type" not in asked.headers
    assert is_signed(asked)


async def test_unfiltered_list_asks_for_no_status_and_no_time(aliyun):
    vendor = Vendor(listing())
    source = await aliyun(vendor, page_size=50)

    await source.page(ALL, 1, priority=ACTIVE)

    assert vendor.asked[0].query == {"InstanceId": "i-1", "PageNumber": "1", "PageSize": "50"}


async def test_each_request_has_a_nonce_of_its_own(aliyun):
    vendor = Vendor(listing())
    source = await aliyun(vendor)

    await source.page(ALL, 1, priority=ACTIVE)
    await source.page(ALL, 1, priority=ACTIVE)

    assert [asked.headers["x-acs-signature-nonce"] for asked in vendor.asked] == [
        "nonce-1",
        "nonce-2",
    ]


async def test_security_token_is_sent_and_signed(aliyun):
    vendor = Vendor(listing())
    credentials = CredentialOptions(
        type="sts",
        access_key_id="key-id",
        access_key_secret=Secret("s3cr3t-ak"),
        security_token=Secret("s3cr3t-token"),
    )
    source = await aliyun(vendor, credentials=credentials)

    await source.page(ALL, 1, priority=ACTIVE)

    assert vendor.asked[0].headers["x-acs-security-token"] == "s3cr3t-token"
    assert is_signed(vendor.asked[0])


async def test_abilities_are_those_of_the_vendor(aliyun):
    source = await aliyun(Vendor(listing()), page_size=20)

    assert source.abilities == Abilities(
        statuses=frozenset(
            {
                *(Status.DRAFT, Status.SCHEDULING, Status.RUNNING, Status.COMPLETED),
                *(Status.PAUSED, Status.FAILED, Status.CANCELLED, Status.INITIALIZING),
            }
        ),
        page_size=20,
        statuses_per_query=None,
        created_since=True,
        details=True,
        discovers=True,
    )


async def test_sample_is_read_from_the_wire(aliyun, samples):
    vendor = Vendor(Answer(samples["aliyun-describe-job-group"]))
    source = await aliyun(vendor)
    group_id = "46a9ad0c-3e11-44da-a9a7-2c21bf5ce185"

    task = await source.find(SCOPE, group(group_id), priority=Priority.DETAIL)

    assert task.progress.customers == 10
    assert task.schedule.zone == "Asia/Shanghai"
    assert vendor.asked[0].headers["x-acs-action"] == "DescribeJobGroup"
    assert vendor.asked[0].query == {"InstanceId": "i-1", "JobGroupId": group_id}


async def test_group_that_is_gone_is_none_and_no_failure(aliyun, telemetry):
    source = await aliyun(Vendor(refusal("NotExist.JobGroup", 404)), telemetry=telemetry)

    assert await source.find(SCOPE, group(), priority=ACTIVE) is None
    count = await failures(telemetry, "DescribeJobGroup", "config", "NotExist.JobGroup")
    assert count == 0.0


async def test_instance_that_is_gone_says_so(aliyun):
    source = await aliyun(Vendor(refusal("NotExist.Instance", 404)))

    for call in (
        source.page(ALL, 1, priority=ACTIVE),
        source.find(SCOPE, group(), priority=ACTIVE),
    ):
        with pytest.raises(ScopeGone) as caught:
            await call
        assert caught.value.reason is Reason.CONFIG


@pytest.mark.parametrize(
    ("answer", "reason", "code"),
    [
        (Answer(b"<html>502</html>", 502), Reason.UNAVAILABLE, "http_502"),
        (Answer(b"<?xml version='1.0'?><Error/>", 403), Reason.PERMISSION, "http_403"),
        (Answer(b"garbage"), Reason.PROTOCOL, "malformed"),
        (Answer({"Code": "Oops", "Success": False}), Reason.PROTOCOL, "malformed"),
        (Answer({"code": "Throttling.User"}, 400), Reason.RATE_LIMITED, "Throttling.User"),
        (Answer({"Code": "Forbidden.RAM"}, 403), Reason.PERMISSION, "Forbidden.RAM"),
        (Answer(b"", 302, {"Location": "/elsewhere"}), Reason.CONFIG, "http_3xx"),
    ],
)
async def test_failure_is_told_by_its_reason_and_counted(aliyun, telemetry, answer, reason, code):
    vendor = Vendor(answer)
    source = await aliyun(vendor, telemetry=telemetry)

    with pytest.raises(PollError) as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert (caught.value.reason, caught.value.code) == (reason, code)
    assert "s3cr3t" not in str(caught.value)
    assert len(vendor.asked) == 1
    assert await failures(telemetry, "ListJobGroups", reason.value, code) == 1.0


async def test_error_of_the_clock_names_the_offset(aliyun):
    answer = refusal("InvalidTimeStamp.Expired")
    answer.headers["Date"] = formatdate(SystemClock().now() - 1200, usegmt=True)
    source = await aliyun(Vendor(answer))

    with pytest.raises(PollError, match=r"by -1(199|200|201) s; set ours by NTP") as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert caught.value.reason is Reason.CLOCK


async def test_used_nonce_is_signed_anew_once(aliyun, telemetry):
    vendor = Vendor(refusal("SignatureNonceUsed"), listing({"JobGroupId": "g"}))
    source = await aliyun(vendor, telemetry=telemetry)

    page = await source.page(ALL, 1, priority=ACTIVE)

    assert [task.id for task in page.tasks] == ["g"]
    first, second = vendor.asked
    assert first.headers["x-acs-signature-nonce"] != second.headers["x-acs-signature-nonce"]
    assert is_signed(second)
    retries = await asyncio.to_thread(
        telemetry.registry.get_sample_value,
        "outbound_exporter_api_retries_total",
        {"platform": "aliyun", "account": "a", "operation": "ListJobGroups"},
    )
    assert retries == 1.0


async def test_nonce_that_is_used_twice_is_unavailable(aliyun):
    vendor = Vendor(refusal("SignatureNonceUsed"))
    source = await aliyun(vendor)

    with pytest.raises(PollError) as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert caught.value.reason is Reason.UNAVAILABLE
    assert len(vendor.asked) == 2


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cr3t-old\n")
    return file


def temporary(token_file):
    return CredentialOptions(
        type="sts",
        access_key_id="key-id",
        access_key_secret=Secret("s3cr3t-ak"),
        security_token_file=str(token_file),
    )


EXPIRED = refusal("InvalidSecurityToken.Expired", 403)


async def test_expired_token_is_renewed_once_from_its_file(aliyun, token_file):
    async def answer(asked):
        if asked.headers["x-acs-security-token"] == "s3cr3t-new":
            return listing()
        # Rotated while the call is under way.
        await asyncio.to_thread(token_file.write_text, "s3cr3t-new\n")
        return EXPIRED

    vendor = Vendor(by=answer)
    source = await aliyun(vendor, credentials=temporary(token_file))

    await source.page(ALL, 1, priority=ACTIVE)

    assert [asked.headers["x-acs-security-token"] for asked in vendor.asked] == [
        "s3cr3t-old",
        "s3cr3t-new",
    ]


async def test_expired_token_that_is_not_renewed_is_not_sent_again(aliyun, token_file):
    vendor = Vendor(EXPIRED)
    source = await aliyun(vendor, credentials=temporary(token_file))

    with pytest.raises(PollError) as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert (caught.value.reason, caught.value.code) == (
        Reason.AUTH,
        "InvalidSecurityToken.Expired",
    )
    assert len(vendor.asked) == 1
    assert "s3cr3t" not in str(caught.value)


async def test_token_file_that_vanishes_is_a_poll_error_without_a_call(aliyun, token_file):
    vendor = Vendor(listing())
    source = await aliyun(vendor, credentials=temporary(token_file))
    await asyncio.to_thread(token_file.unlink)

    with pytest.raises(PollError, match="security_token_file") as caught:
        await source.page(ALL, 1, priority=ACTIVE)

    assert caught.value.reason is Reason.CONFIG
    assert vendor.asked == []


async def test_configured_instances_are_scopes_without_a_call(aliyun):
    vendor = Vendor(listing())
    source = await aliyun(vendor, instances=("i-1", "i-2"))

    assert await source.scopes() == (Scope("i-1"), Scope("i-2"))
    assert source.fixed_tasks(Scope("i-1")) is None
    assert vendor.asked == []


async def test_configured_job_groups_are_all_that_is_read(aliyun):
    vendor = Vendor(listing())
    groups = [("i-1", "g-1"), ("i-2", "g-2"), ("i-1", "g-3")]
    source = await aliyun(
        vendor,
        job_groups=tuple(JobGroupOptions(instance_id=one, job_group_id=two) for one, two in groups),
    )

    assert await source.scopes() == (Scope("i-1"), Scope("i-2"))
    assert source.fixed_tasks(Scope("i-1")) == ("g-1", "g-3")
    assert source.fixed_tasks(Scope("i-2")) == ("g-2",)
    assert source.fixed_tasks(Scope("i-3")) == ()
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([instances()], []),
        ([instances("a")], ["a"]),
        ([instances("a", "b"), instances()], ["a", "b"]),
        ([instances("a", "b"), instances("c")], ["a", "b", "c"]),
        ([instances("a", "b", total=2)], ["a", "b"]),
        ([instances("a", total=3), instances("b", "c", total=3)], ["a", "b", "c"]),
        ([instances("a", total=3), instances(total=3)], ["a"]),
        ([instances("a", "b"), instances("a", "b")], ["a", "b"]),
        ([instances("a", "b", "c", "d", total=4)], ["a", "b", "c", "d"]),
    ],
)
async def test_instances_are_discovered_to_the_end_of_the_list(aliyun, answers, found):
    vendor = Vendor(*answers)
    source = await aliyun(vendor, page_size=2)

    assert await source.scopes() == tuple(Scope(one, f"name of {one}") for one in found)
    assert len(vendor.asked) == len(answers)
    assert [asked.query for asked in vendor.asked] == [
        {"PageNumber": str(number), "PageSize": "2"} for number in range(1, len(answers) + 1)
    ]
    assert vendor.asked[0].headers["x-acs-action"] == "ListInstances"


async def test_paging_of_instances_that_repeats_itself_is_a_protocol_error(aliyun):
    vendor = Vendor(instances("a", "b", total=9))
    source = await aliyun(vendor, page_size=2)

    with pytest.raises(PollError, match="TotalCount") as caught:
        await source.scopes()

    assert caught.value.reason is Reason.PROTOCOL
    assert len(vendor.asked) == 2


async def test_two_instances_with_one_id_are_a_protocol_error(aliyun):
    rows = [{"InstanceId": "a", "InstanceName": name} for name in ("mine", "yours")]
    source = await aliyun(Vendor(ok(Instances=rows, TotalCount=2)))

    with pytest.raises(PollError, match="two different instances have one InstanceId") as caught:
        await source.scopes()

    assert caught.value.reason is Reason.PROTOCOL


@pytest.mark.parametrize("beside", [{}, {"CreationTime": 2}])
async def test_an_instance_that_comes_twice_and_is_the_same_to_us_is_one_instance(aliyun, beside):
    row = {"InstanceId": "a", "InstanceName": "name of a", "CreationTime": 1}
    source = await aliyun(Vendor(ok(Instances=[row, row | beside], TotalCount=2)))

    assert await source.scopes() == (Scope("a", "name of a"),)


async def test_paging_of_instances_is_bounded(aliyun):
    async def answer(asked):
        return instances(asked.query["PageNumber"])

    vendor = Vendor(by=answer)
    source = await aliyun(vendor, page_size=1)

    with pytest.raises(PollError, match="does not end"):
        await source.scopes()

    assert len(vendor.asked) == 100


async def test_unusable_secret_is_refused_at_its_path(tmp_path):
    empty, odd = tmp_path / "empty", tmp_path / "odd"
    await asyncio.to_thread(empty.write_text, " \n")
    await asyncio.to_thread(odd.write_text, "s3cr3t\ntwo lines")
    base = {"type": "sts", "access_key_id": "key-id"}
    token = {"security_token": Secret("token")}
    cases = [
        (token | {"access_key_secret_file": str(tmp_path / "absent")}, "access_key_secret_file"),
        (token | {"access_key_secret_file": str(empty)}, "access_key_secret_file"),
        (token | {"access_key_secret": Secret("")}, "access_key_secret"),
        (
            {"access_key_secret": Secret("s"), "security_token_file": str(odd)},
            "security_token_file",
        ),
        ({"access_key_secret": Secret("s"), "security_token": Secret("")}, "security_token"),
    ]

    for keys, path in cases:
        options = AliyunOptions(credentials=CredentialOptions(**base, **keys))
        with pytest.raises(ConfigError) as caught:
            await ALIYUN.check(account_of(ALIYUN, options))
        assert caught.value.path == f"accounts[0].credentials.{path}"
        assert "s3cr3t" not in str(caught.value)


async def test_usable_secrets_pass_the_check(token_file):
    await ALIYUN.check(account_of(ALIYUN, AliyunOptions(credentials=temporary(token_file))))
