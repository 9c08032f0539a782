"""The rules of grafana/dashboard-linter: our dashboards keep them, and each finds its mistake."""

import copy

import pytest
import yaml

from tests.dashboards.boards import FILES, FOLDER, board, panel
from tools.dashboards.lint import RULES, exceptions_of, is_excluded, lint

EXCEPTIONS = (FOLDER / ".lint").read_text(encoding="utf-8")
LEFT = ("template-instance-rule", "target-instance-rule")


@pytest.mark.parametrize("file", FILES)
def test_our_dashboards_keep_the_rules(file):
    exceptions = exceptions_of(EXCEPTIONS)

    assert [one for one in lint(board(file)) if not is_excluded(one, exceptions)] == []


def test_every_exception_is_needed_and_has_a_reason():
    found = {(one.rule, one.dashboard) for file in FILES for one in lint(board(file))}
    exclusions = yaml.safe_load(EXCEPTIONS)["exclusions"]

    for rule, exception in exclusions.items():
        assert rule in RULES
        assert exception["reason"]
        for entry in exception.get("entries", [{}]):
            assert any(
                one == rule and entry.get("dashboard", title) == title for one, title in found
            )


def _variable(document, name):
    (found,) = (one for one in document["templating"]["list"] if one["name"] == name)
    return found


def _stat(document):
    return panel(document, "Campaigns failed")


def _query(document, expression):
    _stat(document)["targets"][0]["expr"] = expression


JOB = '{job=~"$job"}'
MISTAKES = [
    ("template-datasource-rule", lambda d: _variable(d, "datasource").update(name="ds")),
    ("template-datasource-rule", lambda d: _variable(d, "datasource").update(label="Source")),
    (
        "template-datasource-rule",
        lambda d: d["templating"]["list"].remove(_variable(d, "datasource")),
    ),
    ("template-job-rule", lambda d: _variable(d, "job").update(multi=False)),
    ("template-job-rule", lambda d: _variable(d, "job").update(allValue=".*")),
    ("template-job-rule", lambda d: _variable(d, "job").update(label="job")),
    ("template-job-rule", lambda d: _variable(d, "job")["datasource"].update(uid="abc")),
    ("template-job-rule", lambda d: d["templating"]["list"].remove(_variable(d, "job"))),
    ("template-label-promql-rule", lambda d: _variable(d, "job").update(query="up")),
    (
        "template-label-promql-rule",
        lambda d: _variable(d, "job").update(query="label_values(up{, job)"),
    ),
    ("template-on-time-change-reload-rule", lambda d: _variable(d, "account").update(refresh=1)),
    ("panel-datasource-rule", lambda d: _stat(d)["datasource"].update(uid="abc")),
    ("panel-datasource-rule", lambda d: _stat(d)["targets"][0]["datasource"].update(uid="abc")),
    ("panel-title-description-rule", lambda d: _stat(d).update(title="")),
    ("panel-title-description-rule", lambda d: _stat(d).update(description="")),
    ("panel-units-rule", lambda d: _stat(d)["fieldConfig"]["defaults"].update(unit="seconds")),
    ("panel-units-rule", lambda d: _stat(d)["fieldConfig"]["defaults"].pop("unit")),
    ("panel-no-targets-rule", lambda d: _stat(d).update(targets=[])),
    ("target-promql-rule", lambda d: _query(d, f"sum(up{JOB}")),
    ("target-promql-rule", lambda d: _query(d, f"rate(up{JOB})")),
    ("target-promql-rule", lambda d: _query(d, "")),
    ("target-rate-interval-rule", lambda d: _query(d, f"rate(x{JOB}[5m])")),
    ("target-rate-interval-rule", lambda d: _query(d, f"sum(irate(x{JOB}[1m]))")),
    ("target-job-rule", lambda d: _query(d, "up")),
    ("target-job-rule", lambda d: _query(d, 'up{job="$job"}')),
    ("target-job-rule", lambda d: _query(d, f"up{JOB} and on (job) down")),
    ("target-counter-agg-rule", lambda d: _query(d, f"sum(x_total{JOB})")),
    ("target-counter-agg-rule", lambda d: _query(d, f"delta(x_total{JOB}[1m])")),
    ("uneditable-dashboard", lambda d: d.update(editable=True)),
    ("uneditable-dashboard", lambda d: d.pop("editable")),
]


@pytest.mark.parametrize(("rule", "mistake"), MISTAKES)
def test_a_rule_finds_its_mistake_and_only_that(rule, mistake):
    document = board("en/overview.json")
    before = {(one.rule, one.panel) for one in lint(document)}
    mistake(document)

    # Without a job or a data source there is more than one thing to say.
    new = {one.rule for one in lint(document) if (one.rule, one.panel) not in before}

    assert rule in new
    assert new - {"template-job-rule", *LEFT} <= {rule}


def test_every_rule_is_seen_to_find_something():
    assert {rule for rule, _ in MISTAKES} | set(LEFT) == set(RULES)


def test_the_instance_rules_find_nothing_where_there_is_an_instance():
    document = board("en/overview.json")
    instance = copy.deepcopy(_variable(document, "job"))
    instance.update(name="instance", label="Instance")
    document["templating"]["list"].append(instance)
    one = _stat(document)
    one["targets"][0]["expr"] = 'up{job=~"$job",instance=~"$instance"}'

    found = lint(document)

    assert "template-instance-rule" not in {violation.rule for violation in found}
    assert one["title"] not in {violation.panel for violation in found}


def test_an_exception_holds_for_exactly_what_it_names():
    document = board("en/overview.json")
    _query(document, "up")
    (found,) = (one for one in lint(document) if one.rule == "target-job-rule")

    def excluded(entry):
        rules = {"exclusions": {found.rule: {"reason": "", "entries": [entry]}}}
        return is_excluded(found, rules)

    title = document["title"]
    assert excluded({"dashboard": title, "panel": "Campaigns failed"})
    assert excluded({"dashboard": title, "panel": "Campaigns failed", "targetIdx": "0"})
    assert not excluded({"dashboard": title, "panel": "Campaigns failed", "targetIdx": "1"})
    assert not excluded({"dashboard": title})
    assert not excluded({"dashboard": "another", "panel": "Campaigns failed"})
    assert not is_excluded(found, {"exclusions": {"panel-units-rule": None}})
    assert is_excluded(found, {"exclusions": {found.rule: None}})
