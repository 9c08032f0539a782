"""The manifest of the Prometheus operator holds the rules of `prometheus/rules`, and no others."""

import pytest
import yaml

from tests.deploy.files import ROOT, RULES, loaded
from tests.deploy.programs import run
from tests.servers.versions import VERSIONS
from tools.prometheus_rule import main, prometheus_rule
from tools.rules import rule_files
from tools.thresholds import Thresholds

FILE = ROOT / "deploy/kubernetes/prometheus-operator/prometheusrule.yaml"
# `kubectl apply` keeps the whole object in an annotation, which may be so long.
ANNOTATION_BYTES = 262144


def test_the_committed_manifest_is_current():
    assert FILE.read_text(encoding="utf-8") == prometheus_rule(rule_files(Thresholds()))
    assert main(["--check"]) == 0


def test_it_has_the_groups_of_every_rule_file():
    files = [loaded(file) for file in sorted(RULES.glob("*.yml"))]
    groups = {group["name"]: group for file in files for group in file["groups"]}

    held = loaded(FILE)["spec"]["groups"]

    assert {group["name"]: group for group in held} == groups
    assert len(held) == len(groups)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_either_prometheus_accepts_its_rules(version, tmp_path):
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(loaded(FILE)["spec"]), encoding="utf-8")

    done = run(version.promtool, "check", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_small_enough_to_be_applied_in_any_way():
    assert FILE.stat().st_size < ANNOTATION_BYTES


def test_a_manifest_that_is_not_current_is_told_and_made_anew(tmp_path, capsys):
    file = tmp_path / "rule.yaml"

    assert main(["--check"], file=file) == 1
    assert "make rules" in capsys.readouterr().err
    assert main([], file=file) == 0
    assert main(["--check"], file=file) == 0


def test_a_rule_file_without_groups_is_refused():
    with pytest.raises(ValueError, match=r"odd\.yml"):
        prometheus_rule({"odd.yml": "# nothing\n"})
