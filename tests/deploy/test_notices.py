"""The sample in a real Alertmanager: what is left out, what waits, and what is sent."""

import json
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.deploy.files import DEMO, ROBOTS, SAMPLE, TEMPLATES, loaded
from tests.deploy.receiving import receivers
from tests.servers.alertmanager import Alertmanager, alertmanager
from tests.servers.process import fetch
from tests.servers.versions import NEXT, VERSIONS

EXPORTER = {"job": "outbound-exporter", "instance": "exporter:9877"}
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
NOW = datetime.now(ZoneInfo("Asia/Shanghai"))


def span(*, now: bool) -> dict:
    """Two whole months that are, or are not, now, in the form of the sample."""
    first = NOW.month - 1 + (0 if now else 5)
    return {
        "years": [f"{NOW.year}:{NOW.year + 1}"],
        "months": [MONTHS[first % 12], MONTHS[(first + 1) % 12]],
        "days_of_month": ["1:-1"],
        "location": "Asia/Shanghai",
    }


def hurried(node):
    """The routes with waits that a test can afford; what may be muted is due first."""
    if isinstance(node, dict):
        waits = {"group_wait": "50ms" if "mute_time_intervals" in node else "600ms"}
        node = {key: hurried(value) for key, value in node.items()}
        return node | waits if "receiver" in node else node
    return [hurried(each) for each in node] if isinstance(node, list) else node


def redirected(document, url):
    """The receivers with their own addresses, but on loopback."""
    for receiver in document["receivers"]:
        for config in receiver.get("webhook_configs", ()):
            config.pop("url_file", None)
            config["url"] = f"{url}/{receiver['name']}"
        for config in receiver.get("wechat_configs", ()):
            config["api_url"] = f"{url}/wecom/"
    return document


@contextmanager
def running(version, folder, file, url="", intervals=None):
    document = redirected(loaded(file), url)
    document["route"] = hurried(document["route"])
    document["templates"] = [f"{TEMPLATES}/*.tmpl"] if "templates" in document else []
    for interval in document["time_intervals"]:
        if interval["name"] in (intervals or {}):
            interval["time_intervals"] = [intervals[interval["name"]]]
    config = yaml.safe_dump(document, allow_unicode=True)
    with alertmanager(version.alertmanager, config, folder=folder) as server:
        yield server


def post(server: Alertmanager, *alerts: dict) -> None:
    status, body = fetch(f"{server.url}/api/v2/alerts", body=json.dumps(alerts).encode())
    assert status == 200, body


def alert(name, severity="warning", area="jobs", *, annotations=None, **labels):
    labels = EXPORTER | {"alertname": name, "severity": severity, "area": area} | labels
    return {"labels": labels, "annotations": annotations or {}}


def task(name, account, severity="warning", task_id="1", **labels):
    return alert(name, severity, platform="dezhu", account=account, task_id=task_id, **labels)


def trust(name, account, severity="warning", **labels):
    return alert(name, severity, "trust", platform="dezhu", account=account, **labels)


@pytest.fixture(scope="module", params=VERSIONS, ids=str)
def quiet(request, tmp_path_factory):
    """It sends nothing; inhibition is that of the sample."""
    with running(request.param, tmp_path_factory.mktemp("quiet"), DEMO) as server:
        yield server


def inhibited(server: Alertmanager, cause: dict, others: list[dict]) -> list[bool]:
    """Which of the others are inhibited once the cause is known."""
    post(server, *others)
    post(server, cause)

    def states():
        known = {
            tuple(sorted(one["labels"].items())): one["status"]["inhibitedBy"]
            for one in server.alerts()
        }
        return [known.get(tuple(sorted(each["labels"].items()))) for each in others]

    server.process.until(lambda: any(states()))
    return [bool(each) for each in states()]


@pytest.mark.parametrize("cause", ["OutboundAccountDown", "OutboundAccountRefused"])
def test_an_account_that_cannot_be_read_hides_the_alerts_on_its_tasks(quiet, cause):
    mine = f"mine-{cause}"

    hidden = inhibited(
        quiet,
        trust(cause, mine, "critical"),
        [
            task("OutboundTaskStalled", mine),
            task("OutboundActivityOutsideWindow", mine, "critical"),
            trust("OutboundDataStale", mine),
            task("OutboundTaskStalled", f"another-{cause}"),
            task("OutboundTaskStalled", mine, job="test-exporter"),
            trust("OutboundClockOffset", mine),
        ],
    )

    assert hidden == [True, True, True, False, False, False]


def test_an_account_that_is_refused_is_not_told_as_down_too(quiet):
    hidden = inhibited(
        quiet,
        trust("OutboundAccountRefused", "refused", "critical"),
        [trust("OutboundAccountDown", "refused"), trust("OutboundAccountDown", "well")],
    )

    assert hidden == [True, False]


def test_an_exporter_that_is_down_hides_everything_that_it_told(quiet):
    where = {"instance": "shard-0:9877"}

    hidden = inhibited(
        quiet,
        alert("OutboundExporterDown", "critical", "trust", **where),
        [
            task("OutboundTaskFailed", "gone", "critical", **where),
            trust("OutboundAccountDown", "gone", "critical", **where),
            task("OutboundTaskFailed", "another", "critical", instance="shard-1:9877"),
            alert("SomethingElse", **where),
        ],
    )

    assert hidden == [True, True, False, False]


@pytest.mark.parametrize(
    ("cause", "follows", "stays"),
    [
        ("OutboundFailedShareCritical", "OutboundFailedShareHigh", "OutboundTaskStalled"),
        ("OutboundFailedShareCritical", "OutboundFailedShareAbovePast", "OutboundTaskStalled"),
        ("OutboundTaskExpiredUnfinished", "OutboundTaskWillMissEnd", "OutboundFailedShareHigh"),
    ],
)
def test_the_worse_of_two_alerts_on_a_task_hides_the_other(quiet, cause, follows, stays):
    mine = f"{cause}-{follows}"

    hidden = inhibited(
        quiet,
        task(cause, mine, "critical"),
        [task(follows, mine), task(follows, mine, task_id="2"), task(stays, mine)],
    )

    assert hidden == [True, False, False]


def test_a_failed_task_hides_its_warnings_and_nothing_critical(quiet):
    hidden = inhibited(
        quiet,
        task("OutboundTaskFailed", "failed", "critical"),
        [
            task("OutboundTaskPausedLong", "failed", "info"),
            task("OutboundFailedShareHigh", "failed"),
            task("OutboundActivityOutsideWindow", "failed", "critical"),
            task("OutboundFailedShareHigh", "failed", task_id="2"),
        ],
    )

    assert hidden == [True, True, False, False]


KINDS = [
    task("OutboundTaskStalled", "a"),
    task("OutboundTaskPausedLong", "a", "info"),
    trust("OutboundDataStale", "a"),
    task("OutboundActivityOutsideWindow", "a", "critical"),
]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize(
    ("holiday", "working", "told"),
    [
        ("fixed-holidays", True, {"OutboundDataStale"}),
        ("holidays-2027", True, {"OutboundDataStale"}),
        (None, False, {"OutboundDataStale", "OutboundTaskStalled"}),
        (None, True, {"OutboundDataStale", "OutboundTaskStalled", "OutboundTaskPausedLong"}),
    ],
    ids=["fixed holiday", "holiday of the year", "night", "working hours"],
)
def test_campaigns_wait_for_a_working_day_and_the_rest_does_not(
    version, holiday, working, told, tmp_path
):
    intervals = {
        name: span(now=name == holiday) for name in ("fixed-holidays", "holidays-2027")
    } | {"working-hours": span(now=working)}
    with (
        receivers() as got,
        running(version, tmp_path, SAMPLE, url=got.url, intervals=intervals) as server,
    ):
        post(server, *KINDS)
        # Due last, when what is muted would have come.
        got.wait(lambda call: call.path == "/wecom/message/send")
        got.wait(lambda call: "OutboundDataStale" in call.alerts)
        for name in told:
            got.wait(lambda call, name=name: name in call.alerts)

    assert {name for call in got.calls for name in call.alerts} == told


ANNOTATIONS = {
    "summary": "A task is stalled.",
    "summary_zh": "任务停滞。",
    "description": 'Task "名单 <1>" of a: nothing moves.',
    "description_zh": "账户 a 的任务“名单 <1>”没有进展。\n第二行",
    "runbook_url": "https://example.com/runbooks.md#outboundtaskstalled",
}
TOLD = (
    "任务停滞。\n级别：严重\n\n告警中 1 条：\n"
    "- 账户 a 的任务“名单 <1>”没有进展。\n第二行\n\n"
    "处理手册：https://example.com/runbooks.md#outboundtaskstalled"
)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_an_application_of_wecom_gets_markdown_in_chinese(version, tmp_path):
    with receivers() as got, running(version, tmp_path, SAMPLE, url=got.url) as server:
        post(server, task("OutboundTaskStalled", "a", "critical", annotations=ANNOTATIONS))
        body = got.wait(lambda call: call.path == "/wecom/message/send").body

    assert body["msgtype"] == "markdown"
    assert body["markdown"]["content"].rstrip() == (f"**【告警】OutboundTaskStalled · a**\n{TOLD}")


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_the_relay_of_dingtalk_gets_the_alerts_of_one_account_as_one(version, tmp_path):
    with receivers() as got, running(version, tmp_path, SAMPLE, url=got.url) as server:
        others = [task("OutboundTaskStalled", "a", task_id=str(number)) for number in range(3)]
        post(server, *others, task("OutboundTaskStalled", "b"))
        first = got.wait(lambda call: call.body["groupLabels"]["account"] == "a").body
        second = got.wait(lambda call: call.body["groupLabels"]["account"] == "b").body

    assert [len(body["alerts"]) for body in (first, second)] == [3, 1]
    assert first["receiver"] == "campaigns-dingtalk"


@pytest.mark.parametrize("version", [param for param in VERSIONS if NEXT in param.values], ids=str)
def test_robots_get_their_own_form_from_an_address_in_a_file(version, tmp_path):
    document = loaded(ROBOTS)
    with receivers() as got:
        for receiver in document["receivers"]:
            (config,) = receiver["webhook_configs"]
            assert config.keys() == {"send_resolved", "url_file", "payload"}
            file = tmp_path / receiver["name"]
            # As an editor or a shell writes it, with the end of the line.
            file.write_text(f"{got.url}/{receiver['name']}\n", encoding="utf-8")
            config["url_file"] = str(file)
        document["route"] = hurried(document["route"])
        document["time_intervals"] = [
            {"name": one["name"], "time_intervals": [span(now=False)]}
            for one in document["time_intervals"]
        ]
        document["templates"] = [f"{TEMPLATES}/*.tmpl"]
        config = yaml.safe_dump(document, allow_unicode=True)
        with alertmanager(version.alertmanager, config, folder=tmp_path / "run") as server:
            post(
                server,
                task("OutboundTaskStalled", "a", "critical", annotations=ANNOTATIONS),
                task("OutboundTaskStalled", "a", annotations=ANNOTATIONS),
                trust("OutboundTaskStalled", "a", annotations=ANNOTATIONS),
            )
            names = ("on-call-wecom", "campaigns-dingtalk", "monitoring-feishu")
            wecom, dingtalk, feishu = (
                got.wait(lambda call, name=name: call.path == f"/{name}").body for name in names
            )

    title = "【告警】OutboundTaskStalled · a"
    less = TOLD.replace("严重", "警告")
    assert wecom == {"msgtype": "markdown", "markdown": {"content": f"**{title}**\n{TOLD}"}}
    assert dingtalk == {
        "msgtype": "markdown",
        "markdown": {"title": title, "text": f"**{title}**\n{less}"},
    }
    assert feishu == {"msg_type": "text", "content": {"text": f"{title}\n{less}"}}
