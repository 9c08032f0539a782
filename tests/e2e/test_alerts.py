"""Every alert fires for its trouble and ends when that is mended."""

import pytest
import yaml

from tests.e2e.conftest import SCENARIOS
from tests.e2e.periods import THRESHOLDS
from tests.servers.versions import VERSIONS
from tools.rules import rule_files

ON_EACH_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=str)


def alert_rules() -> dict[str, dict]:
    files = [yaml.safe_load(text) for text in rule_files(THRESHOLDS).values()]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def test_every_alert_has_a_scenario():
    assert {scenario.alert for scenario in SCENARIOS} == alert_rules().keys()


@pytest.mark.timeout(1200)
@ON_EACH_VERSION
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_an_alert_fires_for_its_trouble_and_ends_with_it(proof, told, version, scenario):
    outcome = proof.director.outcome(scenario, proof.stacks[version])

    told.append(f"{scenario.name} on {version}: {outcome}")
    assert outcome.firing is not None, "no notice"
    assert outcome.resolved is not None, "no notice of its end"
    rule = alert_rules()[scenario.alert]
    for notice in (outcome.firing, outcome.resolved):
        assert rule["labels"].items() <= notice.labels.items()
        assert notice.annotations.keys() == rule["annotations"].keys()
        texts = "".join(notice.annotations.values())
        assert "{{" not in texts
        assert "<no value>" not in texts


@pytest.mark.timeout(1200)
@ON_EACH_VERSION
def test_no_rule_fails(proof, version):
    proof.director.finish()

    rules = proof.stacks[version].prometheus.rules()

    assert [(rule["name"], rule["lastError"]) for rule in rules if rule.get("lastError")] == []
    assert {rule["health"] for rule in rules} == {"ok"}
