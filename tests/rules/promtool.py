"""Cases to a file of promtool, and promtool of both generations to run it."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.making import Series

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "prometheus" / "rules"
RECORDING_FILE = "outbound-recording.yml"
ALERT_FILES = ("outbound-jobs.yml", "outbound-trust.yml")
RUNBOOKS = "https://github.com/outbound-exporter/outbound-exporter/blob/main/docs/runbooks.md"
_RECORDED = re.compile(r"[a-z_]+:[a-z_]+:[a-z0-9_]+")
PROMTOOLS = {
    "2": "promtool",
    "3": str(ROOT / ".programs" / "prometheus-3" / "usr" / "bin" / "promtool"),
}

both_generations = pytest.mark.parametrize(
    "promtool", [pytest.param("2", marks=pytest.mark.binary("promtool")), "3"]
)


@dataclass(frozen=True, kw_only=True)
class Firing:
    """One alert that fires, whole: all labels but its name, and all texts."""

    labels: Mapping[str, str]
    summary: str
    description: str
    summary_zh: str
    description_zh: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """What must fire, and what not, at minutes of one course of events."""

    alert: str
    title: str
    series: Series
    fires: Mapping[int, Firing | tuple[Firing, ...]] = field(default_factory=dict)
    silent: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Value:
    """What an expression gives: label sets to values. Nothing: an empty mapping."""

    title: str
    series: Series
    minute: int
    expr: str
    gives: Mapping[str, float]


@cache
def rules(name: str) -> dict[str, Any]:
    """A committed rule file, parsed."""
    parsed: dict[str, Any] = yaml.safe_load((RULES / name).read_text(encoding="utf-8"))
    return parsed


def alerts() -> tuple[dict[str, Any], ...]:
    """All alerting rules."""
    groups = [group for name in ALERT_FILES for group in rules(name)["groups"]]
    return tuple(rule for group in groups for rule in group["rules"])


def records() -> tuple[dict[str, Any], ...]:
    """All recording rules, in the order in which they are evaluated."""
    return tuple(r for g in rules(RECORDING_FILE)["groups"] for r in g["rules"])


def built_on(*expressions: str) -> list[dict[str, Any]]:
    """The recording rules that these use, one through the other; all others only take time."""
    needed = [name for expression in expressions for name in _RECORDED.findall(expression)]
    for rule in reversed(records()):
        if rule["record"] in needed:
            needed += _RECORDED.findall(rule["expr"])
    return [rule for rule in records() if rule["record"] in needed]


def run(promtool: str, *arguments: str) -> str:
    """The output of promtool; fails the test, with that output, if it ends with an error."""
    program = PROMTOOLS[promtool]
    if promtool == "3" and not Path(program).exists():
        pytest.skip("no promtool of Prometheus 3: run .ci/prometheus-3")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def check_alert(promtool: str, folder: Path, alert: str, cases: Iterable[Case]) -> None:
    """Hold one alert, as it is committed, against these cases."""
    found = [rule for rule in alerts() if rule["alert"] == alert]
    _check(promtool, folder, built_on(found[0]["expr"]), found, [_course(case) for case in cases])


def check_values(promtool: str, folder: Path, values: Sequence[Value]) -> None:
    """Hold the recording rules, as they are committed, against what these expressions give."""
    by_course: dict[str, list[Value]] = {}
    for value in values:
        by_course.setdefault(json.dumps(value.series), []).append(value)
    tests = [_answers(asked) for asked in by_course.values()]
    _check(promtool, folder, built_on(*(value.expr for value in values)), [], tests)


def _check(
    promtool: str,
    folder: Path,
    recording: list[dict[str, Any]],
    alerting: list[dict[str, Any]],
    tests: list[dict[str, Any]],
) -> None:
    named = [("records", recording), ("alerts", alerting)]
    groups = [{"name": name, "rules": kept} for name, kept in named if kept]
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        # Left out, an alert would be evaluated before or after what it is built on.
        "group_eval_order": [group["name"] for group in groups],
        "tests": tests,
    }
    # JSON is YAML, and a hundred times faster to write.
    (folder / "rules.yml").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    file = folder / "cases.yml"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    run(promtool, "test", "rules", str(file))


def _inputs(title: str, series: Series) -> dict[str, Any]:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    return {"name": title, "interval": "1m", "input_series": inputs}


def _answers(asked: Sequence[Value]) -> dict[str, Any]:
    """What several expressions give of the same series, which are then evaluated once."""
    expected = [
        {
            "expr": value.expr,
            "eval_time": f"{value.minute}m",
            "exp_samples": [
                {"labels": key, "value": sample} for key, sample in value.gives.items()
            ],
        }
        for value in asked
    ]
    title = "; ".join(value.title for value in asked)
    return _inputs(title, asked[0].series) | {"promql_expr_test": expected}


def _course(case: Case) -> dict[str, Any]:
    expected = dict(case.fires) | dict.fromkeys(case.silent, ())
    return _inputs(case.title, case.series) | {
        "alert_rule_test": [
            {
                "alertname": case.alert,
                "eval_time": f"{minute}m",
                "exp_alerts": [_alert(case.alert, one) for one in _tuple(firing)],
            }
            for minute, firing in sorted(expected.items())
        ]
    }


def _tuple(firing: Firing | tuple[Firing, ...]) -> tuple[Firing, ...]:
    return firing if isinstance(firing, tuple) else (firing,)


def _alert(name: str, firing: Firing) -> dict[str, object]:
    return {
        "exp_labels": dict(firing.labels),
        "exp_annotations": {
            "summary": firing.summary,
            "description": firing.description,
            "summary_zh": firing.summary_zh,
            "description_zh": firing.description_zh,
            "runbook_url": f"{RUNBOOKS}#{name.lower()}",
        },
    }
