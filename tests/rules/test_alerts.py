"""Every alert on the promtool of Prometheus 2 and 3: when it fires, and when it must not.

A case is a course of events, a sample a minute, and what is told at some of its minutes, with all
labels and texts. The names of cases say what is being lived through.
"""

from pathlib import Path

import pytest

from tests.rules import (
    cases_accounts,
    cases_end,
    cases_exporter,
    cases_hours,
    cases_pace,
    cases_shares,
    cases_states,
)
from tests.rules.promtool import Case, alerts, both_generations, check_alert

CASES: tuple[Case, ...] = (
    *cases_accounts.CASES,
    *cases_end.CASES,
    *cases_exporter.CASES,
    *cases_hours.CASES,
    *cases_pace.CASES,
    *cases_shares.CASES,
    *cases_states.CASES,
)
ALERTS = [rule["alert"] for rule in alerts()]


@pytest.mark.timeout(60)
@both_generations
@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_only_then(
    alert: str, promtool: str, tmp_path: Path
) -> None:
    cases = [case for case in CASES if case.alert == alert]
    check_alert(promtool, tmp_path, alert, cases)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tried_on_trouble_and_on_a_healthy_course_of_events(alert: str) -> None:
    cases = [case for case in CASES if case.alert == alert]

    assert any(case.fires for case in cases), "no case in which it fires"
    assert any(not case.fires and case.silent for case in cases), "no case in which it never fires"


def test_no_two_cases_of_an_alert_have_the_same_title() -> None:
    titles = [(case.alert, case.title) for case in CASES]

    assert len(titles) == len(set(titles))
