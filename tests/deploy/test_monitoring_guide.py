"""docs/monitoring.md says what the files do."""

import re

import pytest
import yaml

from tests.deploy.files import REAL, ROBOTS, ROOT, SAMPLE, TEMPLATES, loaded
from tests.deploy.programs import AMTOOLS, run

GUIDE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^#{2,3} (.*)\n((?:(?!#{2,3} ).*\n?)*)", GUIDE, re.MULTILINE))


def blocks(language):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", GUIDE, re.DOTALL | re.MULTILINE)


def rows(section):
    """The cells of each row below the head of a table."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text):
    return re.findall(r"`([^`]+)`", text)


def test_every_file_of_a_compose_command_exists():
    named = set(re.findall(r"-f (\S+\.yaml)", "".join(blocks("sh"))))

    assert {"compose.yaml", "compose.real.yaml"} <= named
    assert all((ROOT / name).exists() for name in named)


def test_the_secrets_it_makes_are_those_that_are_mounted():
    (script,) = [block for block in blocks("sh") if "secrets/exporter" in block]
    mounted = set(re.findall(r"\./(secrets/[\w/-]+):", REAL.read_text(encoding="utf-8")))

    assert set(re.findall(r"chown (?:-R )?\d+ (\S+)", script)) == mounted
    robots = re.findall(r"url_file: /run/secrets/alertmanager/(\S+)", ROBOTS.read_text("utf-8"))
    assert set(robots) <= set(script.split())


def test_the_users_are_those_that_the_compose_file_tells():
    (script,) = [block for block in blocks("sh") if "secrets/exporter" in block]
    numbers = re.findall(r"chown (?:-R )?(\d+)", script)

    told = re.findall(r"readable for user (\d+)", REAL.read_text(encoding="utf-8"))
    assert sorted(numbers) == sorted(told)
    assert f"USER {numbers[0]}:" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_receivers_are_told_as_they_are_routed():
    routes = loaded(SAMPLE)["route"]["routes"]

    told = [quoted(where)[0] for _, where, _ in rows("Who is told what")]
    assert told == [route["receiver"] for route in routes]
    holidays = [answer == "yes" for _, _, answer in rows("Who is told what")]
    assert holidays == ["mute_time_intervals" not in route for route in routes]


def test_everything_that_inhibits_is_told():
    sources = {
        name
        for rule in loaded(SAMPLE)["inhibit_rules"]
        for matcher in rule["source_matchers"]
        for name in re.findall(r"Outbound\w+", matcher)
    }

    assert {name for cause, _ in rows("What is left out") for name in quoted(cause)} == sources


def test_templates_and_intervals_that_it_names_exist():
    defined = re.findall(r'define "([\w.]+)"', (TEMPLATES / "outbound.tmpl").read_text("utf-8"))
    intervals = {one["name"] for one in loaded(SAMPLE)["time_intervals"]}

    assert set(re.findall(r"`(outbound\.[\w.]+)`", GUIDE)) <= set(defined)
    assert intervals <= set(quoted(SECTIONS["Holidays"]))


@pytest.mark.parametrize("amtool", AMTOOLS)
def test_its_question_about_routes_has_an_answer(amtool):
    (script,) = [block for block in blocks("sh") if "routes test" in block]
    words = script.replace("\\\n", " ").split()[1:]
    words = [word.replace("=prometheus/", f"={ROOT}/prometheus/") for word in words]

    done = run(amtool, *words)

    assert (done.returncode, done.stdout.strip()) == (0, "campaigns-dingtalk"), done.stderr


def test_its_rule_files_are_found():
    (block,) = blocks("yaml")
    (pattern,) = yaml.safe_load(block)["rule_files"]

    assert list((ROOT / "prometheus").glob(pattern))
