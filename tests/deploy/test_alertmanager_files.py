"""The Alertmanager files: accepted by the real programs, of one mind, and without secrets."""

import json
import re
from pathlib import Path

import pytest

from tests.deploy.files import DEMO, ROBOTS, SAMPLE, TEMPLATES, alerts, loaded
from tests.deploy.programs import AMTOOLS, NEXT_AMTOOL, run


def rendered(amtool: str, template: str, data: dict, folder: Path) -> str:
    file = folder / "data.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    done = run(
        amtool,
        "template",
        "render",
        f"--template.glob={TEMPLATES}/*.tmpl",
        f'--template.text={{{{ template "{template}" . }}}}',
        f"--template.data={file}",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def notice(status: str, alerts: list[dict], **common) -> dict:
    group = {"alertname": "OutboundTaskStalled", "platform": "dezhu", "account": "collections"}
    return {"Status": status, "GroupLabels": group, "Alerts": alerts} | common


def alert(status: str, text: str) -> dict:
    return {"Status": status, "Annotations": {"description": text, "description_zh": text}}


@pytest.mark.parametrize("amtool", AMTOOLS)
@pytest.mark.parametrize("file", [SAMPLE, DEMO], ids=lambda file: file.stem)
def test_either_version_accepts_the_sample_and_the_demo(amtool, file):
    done = run(amtool, "check-config", file)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 inhibit rules" in done.stdout


@pytest.mark.parametrize("amtool", NEXT_AMTOOL)
def test_the_newer_version_accepts_robots_that_are_called_directly(amtool):
    done = run(amtool, "check-config", ROBOTS)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("other", [ROBOTS, DEMO], ids=lambda file: file.stem)
def test_the_files_differ_in_nothing_but_their_receivers(other):
    sample, document = loaded(SAMPLE), loaded(other)

    for key in ("route", "inhibit_rules", "time_intervals"):
        assert document[key] == sample[key]
    names = [[one["name"] for one in each["receivers"]] for each in (sample, document)]
    assert names[0] == names[1]
    assert set(document) - set(sample) == set()


def destination(labels: dict[str, str]) -> str:
    if labels["severity"] == "critical":
        return "on-call-wecom"
    return {"jobs": "campaigns-dingtalk", "trust": "monitoring-feishu"}[labels["area"]]


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_each_alert_goes_to_those_who_can_act(amtool):
    kinds = {tuple(sorted(labels.items())) for labels in alerts().values()}

    assert {dict(kind)["area"] for kind in kinds} == {"jobs", "trust"}
    assert {dict(kind)["severity"] for kind in kinds} == {"critical", "warning", "info"}
    for name, labels in alerts().items():
        pairs = [f"{key}={value}" for key, value in ({"alertname": name} | labels).items()]
        done = run(amtool, "config", "routes", "test", f"--config.file={SAMPLE}", *pairs)

        assert (name, done.stdout.strip()) == (name, destination(labels)), done.stderr


def test_what_inhibits_and_what_is_inhibited_exists():
    known = alerts()
    matchers = [
        matcher
        for rule in loaded(SAMPLE)["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
    ]

    named = {name for matcher in matchers for name in re.findall(r"Outbound\w+", matcher)}
    assert named <= known.keys()
    assert all(name.startswith("Outbound") for name in known)


def test_alerts_are_grouped_by_name_and_account():
    assert loaded(SAMPLE)["route"]["group_by"] == ["alertname", "platform", "account"]


def test_only_what_can_wait_is_kept_back_on_holidays():
    routes = loaded(SAMPLE)["route"]["routes"]
    waiting = [route for route in routes if "mute_time_intervals" in route]
    names = {one["name"] for one in loaded(SAMPLE)["time_intervals"]}

    assert [route["matchers"] for route in routes if route not in waiting] == [
        ['severity="critical"'],
        ['area="trust"'],
    ]
    assert all('area="jobs"' in route["matchers"] for route in waiting)
    used = {
        name
        for route in waiting
        for key in ("mute_time_intervals", "active_time_intervals")
        for name in route.get(key, ())
    }
    assert used == names


def test_holidays_are_those_of_the_country_whatever_the_clock_of_the_server():
    spans = [span for one in loaded(SAMPLE)["time_intervals"] for span in one["time_intervals"]]

    assert {span["location"] for span in spans} == {"Asia/Shanghai"}


def test_tasks_of_another_exporter_are_never_inhibited():
    rules = loaded(SAMPLE)["inhibit_rules"]

    assert all("job" in rule["equal"] for rule in rules)
    about_tasks = [rule for rule in rules if "task_id" in rule["equal"]]
    assert all({"platform", "account"} <= set(rule["equal"]) for rule in about_tasks)


def test_no_address_or_secret_of_a_robot_is_in_a_file():
    for file in (SAMPLE, ROBOTS, DEMO):
        text = file.read_text(encoding="utf-8")

        assert not re.search(r"access_token|[?&]key=|/hook/|SEC\w{8}", text)
        secrets = re.findall(r"^\s*api_secret: (.*)$", text, re.MULTILINE)
        assert all(secret.startswith("EXAMPLE") for secret in secrets)
        hosts = set(re.findall(r"^\s*url: https?://([^/:]+)", text, re.MULTILINE))
        # Names of services, none of them in the public domain name system.
        assert not [host for host in hosts if "." in host]


def test_every_template_that_is_used_exists():
    defined = set(
        re.findall(r'define "([\w.]+)"', (TEMPLATES / "outbound.tmpl").read_text(encoding="utf-8"))
    )

    used = set()
    for file in (SAMPLE, ROBOTS, TEMPLATES / "outbound.tmpl"):
        used |= set(re.findall(r'template "([\w.]+)"', file.read_text(encoding="utf-8")))
    assert used <= defined
    assert {name for name in defined if name.endswith(".zh")} == {
        name.removesuffix("en") + "zh" for name in defined if name.endswith(".en")
    }


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_a_message_tells_what_fires_in_either_language(amtool, tmp_path):
    data = notice(
        "firing",
        [
            {
                "Status": "firing",
                "Annotations": {"description": "No progress.", "description_zh": "没有进展。"},
            }
        ],
        CommonLabels={"severity": "warning"},
        CommonAnnotations={
            "summary": "A task is stalled.",
            "summary_zh": "任务停滞。",
            "runbook_url": "https://example.com/r#x",
        },
    )

    assert rendered(amtool, "outbound.markdown.en", data, tmp_path) == (
        "**[FIRING] OutboundTaskStalled · collections**\n"
        "A task is stalled.\n"
        "Severity: warning\n"
        "\n"
        "Firing, 1:\n"
        "- No progress.\n"
        "\n"
        "Runbook: https://example.com/r#x"
    )
    assert rendered(amtool, "outbound.text.zh", data, tmp_path) == (
        "【告警】OutboundTaskStalled · collections\n"
        "任务停滞。\n"
        "级别：警告\n"
        "\n"
        "告警中 1 条：\n"
        "- 没有进展。\n"
        "\n"
        "处理手册：https://example.com/r#x"
    )


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_a_message_tells_what_is_over(amtool, tmp_path):
    over = notice("resolved", [alert("resolved", "T1")])
    partly = notice("firing", [alert("firing", "T2"), alert("resolved", "T1")])

    assert rendered(amtool, "outbound.markdown.zh", over, tmp_path) == (
        "**【恢复】OutboundTaskStalled · collections**\n\n已恢复 1 条：\n- T1\n"
    )
    assert rendered(amtool, "outbound.markdown.en", partly, tmp_path) == (
        "**[FIRING] OutboundTaskStalled · collections**\n\nFiring, 1:\n- T2\nResolved, 1\n"
    )


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_many_alerts_are_counted_and_three_are_told(amtool, tmp_path):
    data = notice("firing", [alert("firing", f"T{number}") for number in range(5)])

    text = rendered(amtool, "outbound.text.en", data, tmp_path)

    assert re.findall(r"^- (T\d)$", text, re.MULTILINE) == ["T0", "T1", "T2"]
    assert "- 5 in all" in text


@pytest.mark.parametrize("amtool", AMTOOLS)
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("count", [1, 9])
def test_no_message_is_too_long_for_wecom(amtool, language, count, tmp_path):
    long = "外" * 600
    data = notice(
        "firing",
        [alert("firing", long) for _ in range(count)] + [alert("resolved", long)] * count,
        CommonLabels={"severity": "critical"},
        CommonAnnotations={
            "summary": "x" * 300,
            "summary_zh": long,
            "runbook_url": "https://example.com/" + "r" * 130,
        },
    )
    data["GroupLabels"] |= {"alertname": "O" * 34, "account": long}

    text = rendered(amtool, f"outbound.markdown.{language}", data, tmp_path)

    assert 1200 < len(text.encode()) <= 2048
