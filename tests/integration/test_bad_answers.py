"""Whatever a vendor answers: the loop lives, the others go on, the last good values stay."""

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from exporter.simulator import AccessChange, Fault
from exporter.simulator.accounts import _key_pair
from tests.integration._drive import (
    INTERVAL_SECONDS,
    MARKER,
    TWO_OF,
    codes,
    driven,
    label_of,
    of,
    one,
    reasons,
    written,
)
from tests.integration._front import Handler, answering, endless, front, saying, silent

SLOW_RETRY_SECONDS = 300.0
VICTIM = {"dezhu": "dezhu-demo", "aliyun": "aliyun-demo"}
OTHER = {"dezhu": "dezhu-demo-2", "aliyun": "aliyun-demo-2"}
ADDRESS = {"dezhu": "base_url", "aliyun": "endpoint"}
BOTH = ("dezhu", "aliyun")


@dataclass(frozen=True)
class Trouble:
    """What goes wrong and how it has to show: reason, code of the self-metrics, words."""

    name: str
    reason: str
    code: str
    words: str
    fault: dict = field(default_factory=dict)
    raw: Handler | None = None
    """Instead of a fault."""
    account: dict = field(default_factory=dict)
    """Settings of the account in trouble."""


def code(name, reason, words, *, label="", **fault):
    """A code of the vendor; its message is a marker that must show nowhere."""
    whole = {"kind": "code", "code": name, "message": f"{MARKER} 鉴权", **fault}
    return Trouble(name, reason, label or name, words, whole)


def http(status, reason, label, **fault):
    whole = {"kind": "status", "http_status": status, "body": f"<h1>{MARKER}</h1>", **fault}
    return Trouble(f"html-{status}", reason, label, f"HTTP {status}", whole)


def json(name, body, words):
    """An answer of HTTP 200 that is not what was agreed."""
    body = body.replace("MARKER", MARKER).encode()
    return Trouble(name, "protocol", "malformed", words, raw=answering(body))


DEZHU = [
    code("10001", "auth", "authentication failed"),
    code("10002", "auth", "no public key is uploaded"),
    code("20001", "unavailable", "the request failed"),
    code("29002", "config", "check page_size and page_parameter"),
    code("29008", "unavailable", "a fault in its system"),
    code("77777", "protocol", "unknown code", label="malformed"),
    code("88888", "config", "HTTP 404", label="http_404", http_status=404),
    json("list-missing", '{"code":"10000","data":{"total":2},"m":"MARKER"}', "data.list"),
    json("no-data", '{"code":"10000","m":"MARKER"}', "data: expected an object"),
    json("data-is-a-list", '{"code":"10000","data":[]}', "data: expected an object"),
    json("total-is-text", '{"code":"10000","data":{"total":"x","list":[]}}', "data.total"),
    json("total-is-negative", '{"code":"10000","data":{"total":-1,"list":[]}}', "data.total"),
    json("total-is-vast", '{"code":"10000","data":{"total":1e999,"list":[]}}', "data.total"),
    json("code-is-an-object", '{"code":{"MARKER":1},"data":null}', "code: expected text"),
    json("no-code", '{"message":"MARKER"}', "code: expected text"),
]
ALIYUN = [
    code("InvalidAccessKeyId.NotFound", "auth", "check the access key"),
    code("SignatureDoesNotMatch", "auth", "check the access key"),
    code("Throttling.User", "rate_limited", "lower budget.requests_per_second"),
    code("Throttling.Api", "rate_limited", "lower", http_status=429),
    code("Throttling.Made.Up", "rate_limited", "lower", label="Throttling"),
    code("Forbidden.RAM", "permission", "grant the outboundbot permission"),
    code("NoPermission", "permission", "grant", http_status=200),
    code("InvalidTimeStamp.Expired", "clock", "NTP"),
    code("InternalError", "unavailable", "InternalError: tried again"),
    Trouble(
        "success-is-false-on-200",
        "unavailable",
        "ServiceUnavailable",
        "ServiceUnavailable",
        {"kind": "code", "code": "ServiceUnavailable", "http_status": 200, "message": MARKER},
    ),
    Trouble(
        "success-is-false-beside-ok",
        "protocol",
        "malformed",
        "unknown code",
        {"kind": "code", "code": "OK", "http_status": 200, "message": MARKER},
    ),
    code("SignatureNonceUsed", "unavailable", "SignatureNonceUsed"),
    code("InvalidAction.NotFound", "config", "check endpoint"),
    code("Made.Up", "protocol", "unknown code", label="malformed", http_status=200),
    json("no-code", '{"Message":"MARKER"}', "Code: expected text"),
    json("no-payload", '{"Code":"OK","Success":true,"m":"MARKER"}', "expected"),
]
ANY = [
    http(502, "unavailable", "http_502"),
    http(500, "unavailable", "http_500"),
    http(401, "auth", "http_401"),
    http(403, "permission", "http_403"),
    http(404, "config", "http_404"),
    http(429, "rate_limited", "http_429", headers={"Retry-After": "2"}),
    http(418, "config", "http_4xx"),
    http(599, "unavailable", "http_5xx"),
    http(302, "config", "http_3xx", headers={"Location": "http://127.0.0.1:1/"}),
    Trouble("garbage", "protocol", "malformed", "not JSON", {"kind": "garbage"}),
    Trouble("truncated", "protocol", "malformed", "not JSON", {"kind": "truncated"}),
    Trouble("wrong-types", "protocol", "malformed", "expected", {"kind": "wrong_types"}),
    Trouble(
        "list-null-of-7",
        "protocol",
        "malformed",
        "expected a list",
        {"kind": "list_null", "total": 7},
    ),
    Trouble("huge", "protocol", "too_large", "larger than 8 MiB", {"kind": "huge"}),
    Trouble("gzip-bomb", "protocol", "too_large", "larger than 8 MiB", {"kind": "gzip_bomb"}),
    Trouble("close-midway", "unavailable", "connection", "half way", {"kind": "close_midway"}),
    Trouble("reset", "unavailable", "connection", "the connection broke", {"kind": "reset"}),
    Trouble(
        "hang",
        "unavailable",
        "timeout",
        "within the account's timeout",
        {"kind": "hang"},
        account={"timeout": "200ms"},
    ),
    Trouble(
        "silence",
        "unavailable",
        "timeout",
        "within the account's timeout",
        raw=silent,
        account={"timeout": "200ms"},
    ),
    Trouble("endless-body", "protocol", "too_large", "larger than 8 MiB", raw=endless),
    Trouble("no-answer", "unavailable", "connection", "connection broke", raw=saying(b"")),
    Trouble(
        "closed-at-once",
        "unavailable",
        "connection",
        "connection broke",
        raw=saying(b"", listen=False),
    ),
    Trouble(
        "half-a-head", "unavailable", "connection", "broke", raw=saying(b"HTTP/1.1 200 OK\r\nA: ")
    ),
    Trouble(
        "ssh",
        "protocol",
        "malformed",
        "the answer is not HTTP",
        raw=saying(b"SSH-2.0-" + MARKER.encode() + b"\r\n"),
    ),
    Trouble(
        "endless-header",
        "protocol",
        "malformed",
        "the answer is not HTTP",
        raw=saying(b"HTTP/1.1 200 OK\r\nA: " + MARKER.encode() * 10_000 + b"\r\n\r\n"),
    ),
    Trouble(
        "not-gzip",
        "protocol",
        "malformed",
        "not valid gzip",
        raw=answering(MARKER.encode(), headers=b"Content-Encoding: gzip\r\n"),
    ),
    Trouble(
        "half-a-gzip",
        "protocol",
        "malformed",
        "gzip",
        raw=answering(bytes.fromhex("1f8b08000000000000ff"), headers=b"Content-Encoding: gzip\r\n"),
    ),
    Trouble(
        "bad-chunks",
        "protocol",
        "malformed",
        "not HTTP",
        raw=saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nMARKER"),
    ),
    json("a-list", f'["{MARKER}"]', "not a JSON object"),
    json("null", "null", "not a JSON object"),
    json("text", f'"{MARKER}"', "not a JSON object"),
    json("nothing", "", "not JSON"),
    json("deep", "[" * 100_000, "JSON"),
    json("not-utf-8", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "JSON"),
]
PAGING = {
    "kind": "endless",
    "repeat": {"kind": "repeat_page"},
    "same": {"kind": "endless", "same_page": True},
    "fresh": {"kind": "endless"},
}
CASES = [
    pytest.param(vendor, trouble, id=f"{vendor}-{trouble.name}")
    for vendor, troubles in (("dezhu", DEZHU + ANY), ("aliyun", ALIYUN + ANY))
    for trouble in troubles
]


class Patient:
    """A world of two accounts, one of which is sent through a front."""

    def __init__(self, drive, vendor, before):
        self.drive = drive
        self.victim, self.other, self.front = VICTIM[vendor], OTHER[vendor], before
        self.good = drive.tasks(self.victim)
        self.seen = drive.last_success(self.other)

    async def fails(self, reason, expected_codes, words):
        """It fails, as it should, alone, and keeps its last good values."""
        drive, victim, other = self.drive, self.victim, self.other
        await drive.until(lambda: drive.up(victim) is False, within=INTERVAL_SECONDS + 15)
        # The other account's tiers are due within the same seconds.
        await drive.until(self.other_went_on, within=3)
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account=victim) == 0
        assert reasons(metrics, victim) == {reason}
        assert codes(metrics, victim) == expected_codes
        assert words in await drive.page()
        assert drive.tasks(victim) == self.good, "the last good values stay"
        assert one(metrics, "outbound_account_up", account=other) == 1
        assert reasons(metrics, other) == set()
        assert codes(metrics, other) == set()
        assert not drive.lines("bug")

    def other_went_on(self):
        after = self.drive.last_success(self.other)
        return all(after[tier] > self.seen[tier] for tier in after)

    async def recovers(self, reason):
        """The next poll that is due works, and nothing is left of the failure."""
        drive, victim = self.drive, self.victim
        slow = reason in {"auth", "permission"}
        wait = (SLOW_RETRY_SECONDS if slow else INTERVAL_SECONDS) + 1
        await drive.until(lambda: drive.up(victim) is True, within=wait)
        await drive.until(lambda: not drive.state(victim).failures, within=1)
        assert reasons(await drive.metrics(), victim) == set()
        assert drive.tasks(victim) == self.good
        assert drive.lines("poll recovered", account=victim)
        assert not drive.lines("bug")
        await drive.assert_nothing_leaks()


async def admitted(stack, vendor, account=None, **changes):
    """A world that has been polled once, and the account that will be in trouble."""
    before = await stack.enter_async_context(front())

    def text(simulator):
        before.target = simulator.dezhu_url if vendor == "dezhu" else simulator.aliyun_url

        def change(accounts):
            accounts[VICTIM[vendor]].update({ADDRESS[vendor]: before.url, **(account or {})})
            for name, keys in changes.items():
                accounts[name].update(keys)

        return written(simulator, change)

    drive = await stack.enter_async_context(driven(options=TWO_OF[vendor], text=text))
    await drive.polled()
    made = Patient(drive, vendor, before)
    assert len({label_of(series, "task_id") for series in made.good}) == 12
    return made


@pytest.mark.parametrize(("vendor", "trouble"), CASES)
async def test_a_bad_answer_costs_one_account_its_polls_and_nothing_else(vendor, trouble):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor, trouble.account)
        faults = patient.drive.simulator.faults
        if trouble.raw is None:
            faults.set(Fault(account=patient.victim, **trouble.fault))
        else:
            await patient.front.use(trouble.raw)
        await patient.fails(trouble.reason, {(trouble.reason, trouble.code)}, trouble.words)
        faults.clear()
        await patient.front.use(None)
        await patient.recovers(trouble.reason)


@pytest.mark.parametrize("vendor", BOTH)
async def test_each_code_that_a_call_may_fail_with_is_there_from_the_start(vendor):
    # A first failure is then an increase, which a rate sees.
    troubles = ANY + (DEZHU if vendor == "dezhu" else ALIYUN)
    async with driven(options={**TWO_OF[vendor], "tasks": 2}) as drive:
        rows = of(
            await drive.metrics(), "outbound_exporter_api_failures_total", account=VICTIM[vendor]
        )
        known = {(sample.labels["reason"], sample.labels["code"]) for sample in rows}
        assert {sample.value for sample in rows} == {0}
        assert {(trouble.reason, trouble.code) for trouble in troubles} - known == set()


@pytest.mark.parametrize("vendor", BOTH)
@pytest.mark.parametrize("kind", ["repeat", "same", "fresh"])
async def test_paging_that_never_ends_is_ended(vendor, kind):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor, {"page_size": 3})
        drive = patient.drive
        operation = "page" if vendor == "dezhu" else "ListJobGroups"
        drive.simulator.requests.clear()
        drive.simulator.faults.set(
            Fault(account=patient.victim, operation=operation, **PAGING[kind])
        )
        # Not a call failed, only the reading of them all: there is no code to count.
        await patient.fails("protocol", set(), "paging does not end")
        calls = [row for row in drive.simulator.requests if row.account == patient.victim]
        assert len(calls) < 150
        drive.simulator.faults.clear()
        await patient.recovers("protocol")


@pytest.fixture
def key_file(tmp_path):
    """A file with the private key that the first simulated Dezhu account will have."""
    file = tmp_path / "dezhu.pem"
    file.write_text(_key_pair(0)[0])
    return file


async def test_a_wrong_private_key_is_told_and_the_right_one_taken_from_its_file(key_file):
    def text(simulator):
        def change(accounts):
            del accounts["dezhu-demo"]["private_key"]
            accounts["dezhu-demo"]["private_key_file"] = str(key_file)

        return written(simulator, change)

    async with driven(options=TWO_OF["dezhu"], text=text) as drive:
        await drive.polled()
        patient = Patient(drive, "dezhu", None)
        mine, other = drive.simulator.accounts
        await asyncio.to_thread(key_file.write_text, other.private_key + "\n")
        await patient.fails("auth", {("auth", "10001")}, "authentication failed")
        await asyncio.to_thread(key_file.write_text, mine.private_key)
        await patient.recovers("auth")


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("the-right-secret-4712\n")
    return file


async def test_a_wrong_access_key_secret_is_told_and_the_right_one_taken_from_its_file(
    secret_file,
):
    def text(simulator):
        def change(accounts):
            credentials = accounts["aliyun-demo"]["credentials"]
            del credentials["access_key_secret"]
            credentials["access_key_secret_file"] = str(secret_file)
            known = simulator._directory.by_access_key
            known[credentials["access_key_id"]] = dataclasses.replace(
                known[credentials["access_key_id"]], access_key_secret="the-right-secret-4712"
            )

        return written(simulator, change)

    async with driven(options=TWO_OF["aliyun"], text=text) as drive:
        await drive.polled()
        patient = Patient(drive, "aliyun", None)
        await asyncio.to_thread(secret_file.write_text, "a-wrong-secret-0815\n")
        code = "SignatureDoesNotMatch"
        await patient.fails("auth", {("auth", code)}, "check the access key")
        await asyncio.to_thread(secret_file.write_text, "the-right-secret-4712\n")
        await patient.recovers("auth")
        await drive.assert_nothing_leaks("a-wrong-secret-0815", "the-right-secret-4712")


async def test_an_app_id_that_nobody_knows_is_an_authentication_failure():
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, "dezhu")
        known = patient.drive.simulator._directory.by_app_id
        mine = next(key for key, row in known.items() if row.name == patient.victim)
        account = known.pop(mine)
        await patient.fails("auth", {("auth", "10001")}, "check app_id")
        known[mine] = account
        await patient.recovers("auth")


async def test_an_access_key_id_that_nobody_knows_is_an_authentication_failure():
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, "aliyun")
        known = patient.drive.simulator._directory.by_access_key
        mine = next(key for key, row in known.items() if row.name == patient.victim)
        account = known.pop(mine)
        await patient.fails(
            "auth", {("auth", "InvalidAccessKeyId.NotFound")}, "InvalidAccessKeyId.NotFound"
        )
        known[mine] = account
        await patient.recovers("auth")


async def test_a_public_key_that_was_taken_away_is_told():
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, "dezhu")
        change = patient.drive.simulator.change_access
        change(AccessChange(account=patient.victim, public_key=False))
        await patient.fails("auth", {("auth", "10002")}, "upload the one of the private key")
        change(AccessChange(account=patient.victim, public_key=True))
        await patient.recovers("auth")


async def test_a_message_about_the_clock_names_the_offset():
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, "aliyun")
        drive, victim = patient.drive, patient.victim
        # Ours goes wrong by 20 minutes for this account: its calls are refused by the real check.
        drive.simulator.faults.set(Fault(kind="date_skew", account=victim, seconds=1200))
        drive.simulator.faults.set(
            Fault(kind="code", account=victim, code="InvalidTimeStamp.Expired")
        )
        await patient.fails("clock", {("clock", "InvalidTimeStamp.Expired")}, "+1200 s")
        assert one(await drive.metrics(), "outbound_account_clock_offset_seconds", account=victim)
        drive.simulator.faults.clear()
        await patient.recovers("clock")


async def test_an_instance_that_is_gone_takes_its_tasks_with_it_and_brings_them_back():
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, "aliyun")
        drive, victim, good = patient.drive, patient.victim, patient.good
        drive.simulator.faults.set(
            Fault(kind="code", account=victim, code="NotExist.Instance", operation="ListJobGroups")
        )
        patient.good = {}
        await patient.fails("config", {("config", "NotExist.Instance")}, "ids under instances")
        drive.simulator.faults.clear()
        patient.good = good
        await drive.until(lambda: drive.is_whole(victim), within=INTERVAL_SECONDS + 1)
        await patient.recovers("config")


async def test_a_nonce_that_was_used_once_is_signed_again_and_costs_nothing():
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, "aliyun")
        drive, victim = patient.drive, patient.victim
        drive.simulator.requests.clear()
        drive.simulator.faults.set(
            Fault(kind="code", account=victim, code="SignatureNonceUsed", times=1)
        )
        await drive.forward(INTERVAL_SECONDS + 1)
        assert drive.up(victim) is True
        assert reasons(await drive.metrics(), victim) == set()
        retries = of(await drive.metrics(), "outbound_exporter_api_retries_total", account=victim)
        assert sum(sample.value for sample in retries) == 1
        nonces = [row.nonce for row in drive.simulator.requests]
        assert len(set(nonces)) == len(nonces), "each call has a nonce of its own"
        assert drive.tasks(victim) == patient.good
        await drive.assert_nothing_leaks()


@pytest.mark.parametrize("vendor", BOTH)
async def test_a_page_that_fails_once_is_asked_for_again_within_the_poll(vendor):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor)
        drive, victim = patient.drive, patient.victim
        operation = "page" if vendor == "dezhu" else "ListJobGroups"
        drive.simulator.faults.set(
            Fault(kind="status", account=victim, operation=operation, http_status=502, times=1)
        )
        downs = []
        await drive.until(
            lambda: downs.append(drive.up(victim)) or patient.other_went_on(),
            within=INTERVAL_SECONDS + 2,
        )
        await drive.forward(2)
        assert set(downs) == {True}
        assert codes(await drive.metrics(), victim) == {("unavailable", "http_502")}
        assert reasons(await drive.metrics(), victim) == set()


@pytest.mark.parametrize("vendor", BOTH)
async def test_a_null_list_of_none_is_an_empty_list(vendor):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor)
        drive, victim = patient.drive, patient.victim
        if vendor == "dezhu":
            drive.simulator.faults.set(Fault(kind="list_null", account=victim, total=0))
        else:
            lists = {"account": victim, "operation": "ListJobGroups"}
            drive.simulator.faults.set(Fault(kind="list_null", total=0, **lists))
            # Whoever has gone from the lists is looked up by its id.
            details = {"account": victim, "operation": "DescribeJobGroup"}
            drive.simulator.faults.set(Fault(kind="code", code="NotExist.JobGroup", **details))
        await drive.until(lambda: not drive.tasks(victim), within=3 * INTERVAL_SECONDS)
        assert drive.up(victim) is True
        assert reasons(await drive.metrics(), victim) == set()
        drive.simulator.faults.clear()
        await drive.until(
            lambda: drive.is_whole(victim) and drive.tasks(victim) == patient.good,
            within=2 * INTERVAL_SECONDS,
        )


async def test_an_account_without_instances_is_up_and_has_no_tasks():
    async with driven(options=TWO_OF["aliyun"]) as drive:
        drive.simulator.faults.set(
            Fault(kind="empty", account="aliyun-demo", operation="ListInstances")
        )
        await drive.forward(5)
        assert drive.tasks("aliyun-demo") == {}
        assert (await drive.world.get("/-/ready"))[0] == 200
        assert reasons(await drive.metrics(), "aliyun-demo") == set()
        # All there is to try was tried and worked: that is up, and not "not polled yet".
        assert drive.world.value("outbound_account_up", account="aliyun-demo") == 1


@pytest.mark.parametrize(("vendor", "field"), [("dezhu", "taskStatus"), ("aliyun", "Status")])
async def test_a_status_nobody_knows_is_shown_as_unknown_counted_and_logged_once(vendor, field):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor)
        drive, victim = patient.drive, patient.victim
        drive.simulator.faults.set(Fault(kind="unknown_status", account=victim))
        await drive.forward(3 * INTERVAL_SECONDS + 2)
        metrics = await drive.metrics()
        assert drive.up(victim) is True
        statuses = {
            sample.labels["status"] for sample in of(metrics, "outbound_task_info", account=victim)
        }
        assert statuses == {"unknown"}
        assert one(metrics, "outbound_account_tasks", account=victim, status="unknown") == 12
        counted = one(
            metrics, "outbound_exporter_unknown_values_total", account=victim, field=field
        )
        assert counted >= 12
        assert len(drive.lines("unknown value", account=victim)) == 1
        drive.simulator.faults.clear()
        await drive.until(lambda: drive.tasks(victim) == patient.good, within=2 * INTERVAL_SECONDS)


@pytest.mark.parametrize("vendor", BOTH)
async def test_a_row_without_an_id_is_left_out_and_the_others_stay(vendor):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor)
        drive, victim = patient.drive, patient.victim
        operation = "page" if vendor == "dezhu" else "ListJobGroups"
        drive.simulator.faults.set(Fault(kind="no_id", account=victim, operation=operation, rows=1))
        await drive.forward(2 * INTERVAL_SECONDS + 2)
        assert drive.up(victim) is True
        assert reasons(await drive.metrics(), victim) == set()
        left = drive.tasks(victim)
        assert left
        assert left.items() <= patient.good.items()
        drive.simulator.faults.clear()
        await drive.until(
            lambda: drive.is_whole(victim) and drive.tasks(victim) == patient.good,
            within=2 * INTERVAL_SECONDS,
        )


@pytest.mark.parametrize("vendor", BOTH)
async def test_fields_of_other_types_are_read_or_left_out_and_nothing_fails(vendor):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor)
        drive, victim = patient.drive, patient.victim
        drive.simulator.faults.set(Fault(kind="field_types", account=victim))
        await drive.forward(2 * INTERVAL_SECONDS + 2)
        assert drive.up(victim) is True
        assert reasons(await drive.metrics(), victim) == set()
        assert not drive.lines("bug")
        customers = {
            key: value
            for key, value in patient.good.items()
            if key.startswith("outbound_task_customers{")
        }
        assert customers.items() <= drive.tasks(victim).items()


# Staleness

TIER_SECONDS = {"active": 20, "idle": 40, "finished": 60}
STALE_SECONDS = 30
ACTIVE = {"running", "scheduling", "initializing"}
FINISHED = {"completed", "expired", "cancelled"}


def tiers_shown(drive, account):
    statuses = {label_of(series, "status") for series in drive.tasks(account)} - {""}
    return {
        "active" if status in ACTIVE else "finished" if status in FINISHED else "idle"
        for status in statuses
    }


@pytest.mark.parametrize("vendor", BOTH)
async def test_series_vanish_an_interval_and_stale_after_past_the_last_good_reading(vendor):
    async with AsyncExitStack() as stack:
        refresh = {tier: f"{seconds}s" for tier, seconds in TIER_SECONDS.items()}

        def text(simulator):
            return written(
                simulator,
                lambda accounts: accounts[VICTIM[vendor]].update(
                    refresh=refresh, stale_after=f"{STALE_SECONDS}s"
                ),
            )

        drive = await stack.enter_async_context(driven(options=TWO_OF[vendor], text=text))
        await drive.polled()
        victim, good = VICTIM[vendor], drive.tasks(VICTIM[vendor])
        vendor_series = {name for name, _ in drive.world.series()}
        last = drive.last_success(victim)
        drive.simulator.faults.set(Fault(kind="status", account=victim, http_status=502))
        for tier, later in (
            ("active", {"idle", "finished"}),
            ("idle", {"finished"}),
            ("finished", set()),
        ):
            vanishes = last[tier] + TIER_SECONDS[tier] + STALE_SECONDS
            await drive.forward(vanishes - drive.clock.now() - 1)
            assert tiers_shown(drive, victim) == {tier, *later}, f"{tier} a second too early"
            await drive.forward(2)
            assert tiers_shown(drive, victim) == later, f"{tier} a second too late"
        series = drive.world.series()
        mine = {name for name, labels in series if ("account", victim) in labels}
        assert not {name for name in mine if name.startswith("outbound_task_")}
        assert mine == {
            name
            for name in vendor_series
            if name.startswith(("outbound_account_", "outbound_instance_"))
            and "_concurrency" not in name
        } - (
            {
                "outbound_instance_up",
                "outbound_account_details_outstanding",
                "outbound_account_collector_up",
            }
            if vendor == "dezhu"
            else set()
        )
        assert drive.world.value("outbound_account_up", account=victim) == 0
        assert sum(drive.world.values("outbound_account_tasks", account=victim).values()) == 0
        # What was true once is still told: when it was.
        stamps = drive.world.values(
            "outbound_account_last_success_timestamp_seconds", account=victim
        )
        assert set(stamps.values()) == set(last.values())
        assert drive.up(OTHER[vendor]) is True
        assert drive.tasks(OTHER[vendor])

        drive.simulator.faults.clear()
        await drive.until(
            lambda: drive.is_whole(victim) and drive.tasks(victim) == good,
            within=TIER_SECONDS["finished"] + 2,
        )


# The first poll

FIRST = [
    ("dezhu", {"kind": "code", "code": "10001"}, "auth", "authentication failed"),
    ("dezhu", {"kind": "status", "http_status": 502}, "unavailable", "HTTP 502"),
    ("dezhu", {"kind": "garbage"}, "protocol", "not JSON"),
    ("aliyun", {"kind": "code", "code": "SignatureDoesNotMatch"}, "auth", "access key"),
    ("aliyun", {"kind": "code", "code": "Forbidden.RAM"}, "permission", "grant"),
    (
        "aliyun",
        {"kind": "status", "http_status": 503, "operation": "ListJobGroups"},
        "unavailable",
        "HTTP 503",
    ),
]


@pytest.mark.parametrize(("vendor", "fault", "reason", "words"), FIRST)
async def test_a_first_poll_that_fails_leaves_no_series_yet_readiness_comes(
    vendor, fault, reason, words
):
    # The second account, whose first poll waits for the clock: what is true before it can be seen.
    victim = OTHER[vendor]

    def text(simulator):
        simulator.faults.set(Fault(account=victim, **fault))
        return written(simulator)

    async with driven(options=TWO_OF[vendor], text=text) as drive:
        assert (await drive.world.get("/-/ready"))[0] == 503
        assert drive.world.value("outbound_account_up", account=victim) is None
        await drive.until(
            lambda: drive.up(victim) is False and drive.world.exporter.ready(), within=10
        )
        assert (await drive.world.get("/-/ready"))[0] == 200
        assert drive.tasks(victim) == {}
        metrics = await drive.metrics()
        assert one(metrics, "outbound_account_up", account=victim) == 0
        name = "outbound_account_last_success_timestamp_seconds"
        assert of(metrics, name, account=victim) == []
        assert reasons(await drive.metrics(), victim) == {reason}
        page = await drive.page()
        assert words in page
        assert victim in page
        drive.simulator.faults.clear()
        await drive.until(lambda: drive.is_whole(victim), within=SLOW_RETRY_SECONDS + 30)
        assert drive.tasks(victim)
        assert reasons(await drive.metrics(), victim) == set()
        assert (await drive.world.get("/-/ready"))[0] == 200
        await drive.assert_nothing_leaks()


async def test_readiness_does_not_wait_for_a_vendor_that_never_answers_longer_than_30_s():
    async with AsyncExitStack() as stack:
        before = await stack.enter_async_context(front(silent))

        def text(simulator):
            return written(
                simulator,
                lambda accounts: accounts["dezhu-demo"].update(base_url=before.url),
            )

        drive = await stack.enter_async_context(driven(options={"tasks": 4}, text=text))
        assert (await drive.world.get("/-/ready"))[0] == 503
        await drive.clock.advance(29)
        assert (await drive.world.get("/-/ready"))[0] == 503
        await drive.clock.advance(1.5)
        assert (await drive.world.get("/-/ready"))[0] == 200


# The log


@pytest.mark.parametrize("vendor", BOTH)
async def test_twenty_failing_polls_are_one_line_in_the_log_and_the_recovery_another(vendor):
    async with AsyncExitStack() as stack:
        patient = await admitted(stack, vendor)
        drive, victim = patient.drive, patient.victim
        operation = "page" if vendor == "dezhu" else "ListJobGroups"

        def trouble(code):
            return Fault(kind="code", code=code, account=victim, operation=operation)

        first, second = (
            ("29002", "10001") if vendor == "dezhu" else ("InvalidParameter", "Forbidden.RAM")
        )
        drive.simulator.faults.set(trouble(first))
        before = len(drive.simulator.requests)
        await drive.forward(20 * INTERVAL_SECONDS)
        polls = [
            row
            for row in list(drive.simulator.requests)[before:]
            if row.account == victim and row.operation == operation
        ]
        assert len(polls) >= 3 * 19, "each tier was polled that often"
        warnings = drive.lines("poll failed", account=victim, level="warning")
        assert [(row["reason"], row["code"]) for row in warnings] == [("config", first)]
        assert drive.lines(account=victim) == warnings

        drive.simulator.faults.clear()
        drive.simulator.faults.set(trouble(second))
        await drive.forward(2 * INTERVAL_SECONDS)
        codes = [row["code"] for row in drive.lines("poll failed", account=victim)]
        assert codes == [first, second]

        drive.simulator.faults.clear()
        await drive.forward(SLOW_RETRY_SECONDS + 2 * INTERVAL_SECONDS)
        assert drive.up(victim) is True
        assert len(drive.lines("poll failed", account=victim)) == 2
        recovered = drive.lines("poll recovered", account=victim)
        assert [row["level"] for row in recovered] == ["info"]
        assert not drive.lines("poll failed", account=OTHER[vendor])
        await drive.assert_nothing_leaks()
