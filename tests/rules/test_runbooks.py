"""Every alert has its runbook, in both languages, and what that names exists."""

import re

import pytest

from tests.rules.labels import exposed, recorded
from tests.rules.promtool import ROOT, RUNBOOKS, alerts

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
