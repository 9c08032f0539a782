"""Every alert has its runbook, in both languages, and what that names exists."""

import json
import re

import pytest

from tests.rules.labels import exposed, recorded
from tests.rules.promtool import ROOT, RUNBOOKS, alerts
from tools.dashboards.expressions import panels

ALERTS = [pytest.param(rule, id=rule["alert"]) for rule in alerts()]
RUNBOOK_FILE = ROOT / "docs" / "runbooks.md"
METRIC = re.compile(
    r"(?:[a-z_]+:)?outbound_(?:task|account|exporter|instance)_[a-z_]+(?::[a-z0-9_]+)?"
)


@pytest.mark.parametrize("rule", ALERTS)
def test_an_alert_has_a_runbook_in_both_languages(rule: dict[str, dict[str, str]]) -> None:
    name = str(rule["alert"])
    text = RUNBOOK_FILE.read_text(encoding="utf-8")
    # GitHub makes the anchor of a heading from its text, in lower case.
    section = re.search(rf"^### {name}\n(.*?)(?=^#{{2,3}} |\Z)", text, re.DOTALL | re.MULTILINE)

    assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS}#{name.lower()}"
    assert section, f"no heading ### {name} in docs/runbooks.md"
    for part in ("**Meaning.**", "**Causes.**", "**What to do.**"):
        assert part in section[1]
    for part in ("**含义。**", "**可能的原因。**", "**处理办法。**"):
        assert part in section[1]


def test_every_metric_that_a_runbook_names_exists() -> None:
    text = RUNBOOK_FILE.read_text(encoding="utf-8")
    known = exposed().keys() | recorded().keys()
    named = set(METRIC.findall(text))

    assert named
    assert named <= known


def test_runbooks_are_for_alerts_that_there_are() -> None:
    headings = re.findall(r"^### (\w+)$", RUNBOOK_FILE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(headings) == sorted(rule["alert"] for rule in alerts())


def test_every_link_within_the_runbooks_leads_somewhere() -> None:
    text = RUNBOOK_FILE.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    # As GitHub makes them: in lower case, blanks to hyphens, other signs left out.
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", text))

    assert linked
    assert linked <= anchors


WORDS = {"When something fails", "Prometheus", "Targets", "故障排查", "sample limit exceeded"}
DASHBOARDS = {"任务详情": "campaign", "exporter 运行状况": "exporter"}


def _titles(language: str) -> list[str]:
    """Of the panels of all dashboards; the same panel has the same place in both languages."""
    return [
        panel["title"]
        for file in sorted((ROOT / "grafana" / "dashboards" / language).glob("*.json"))
        for panel in panels(json.loads(file.read_text(encoding="utf-8")))
    ]


def _named(marked: str, start: str) -> list[list[str]]:
    """What stands in marks in each "what to do", words that are no panels left out."""
    lines = RUNBOOK_FILE.read_text(encoding="utf-8").splitlines()
    parts = [line.removeprefix(start) for line in lines if line.startswith(start)]
    return [[one for one in re.findall(marked, part) if one not in WORDS] for part in parts]


def test_every_panel_that_a_runbook_names_exists_and_is_the_same_one_in_both_languages() -> None:
    chinese_of = dict(zip(_titles("en"), _titles("zh"), strict=True))
    chinese_of |= {english: chinese for chinese, english in DASHBOARDS.items()}
    english = _named(r"(?<!\*)\*([^*]+)\*(?!\*)", "**What to do.**")
    chinese = _named("“([^”]+)”", "**处理办法。**")

    assert {one for part in english for one in part} - chinese_of.keys() == set()
    assert [sorted(chinese_of[one] for one in part) for part in english] == [
        sorted(part) for part in chinese
    ]
    assert sum(map(len, english)) > 10
