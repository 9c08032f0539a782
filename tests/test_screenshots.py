"""What the pictures are taken of, and that the preview's packages are pinned without addresses."""

import json
from dataclasses import replace

import pytest

from exporter.simulator.faults import FaultBook
from exporter.simulator.population import Place
from exporter.simulator.scenario import apply_scenario, read_scenario
from exporter.simulator.world import Selector, World
from tools.screenshots.__main__ import until
from tools.screenshots.camera import PREVIEW, notes
from tools.screenshots.shots import (
    Scene,
    dashboard_files,
    dashboard_shots,
    page_shots,
)
from tools.screenshots.stage import Plot, simulated, thresholds_for
from tools.screenshots.story import STORY
from tools.thresholds import Periods


def scene(**changed):
    values = {
        "preview_url": "http://127.0.0.1:5173",
        "last_seconds": 600,
        "until": 1_800_000_045,
        "scrape_seconds": 5,
        "theme": "dark",
        "variables": {},
    }
    return Scene(**values | changed)


def read(name):
    return json.loads((PREVIEW / name).read_text(encoding="utf-8"))


def test_each_dashboard_and_language_has_a_picture_of_its_own(tmp_path):
    for language in ("en", "zh"):
        (tmp_path / language).mkdir()
        (tmp_path / language / "overview.json").touch()

    shots = list(dashboard_shots(dashboard_files(tmp_path), scene()))

    assert [shot.file for shot in shots] == ["overview-en.png", "overview-zh.png"]
    assert {(shot.width, shot.height) for shot in shots} == {(1600, None)}


def test_what_is_chosen_on_a_dashboard_is_in_its_address():
    chosen = {"zh/task.json": {"task_id": "7 a"}}

    one, other = dashboard_shots(["en/task.json", "zh/task.json"], scene(variables=chosen))

    assert "var-" not in one.url
    assert other.url.endswith("&theme=dark&last=600s&to=1800000045&scrape=5&var-task_id=7+a")


def test_the_page_is_taken_on_a_desk_and_on_a_phone():
    shots = list(page_shots("http://127.0.0.1:9877"))

    assert [(shot.file, shot.width) for shot in shots] == [
        ("page-1200.png", 1200),
        ("page-400.png", 400),
    ]


def test_an_empty_or_failed_panel_is_told_with_its_picture():
    answer = {
        "file": "/somewhere/overview-en.png",
        "outcomes": [
            {"panel": "Running", "empty": False},
            {"panel": "Failed", "empty": True},
            {"panel": "Rate", "error": "parse error"},
        ],
    }

    told = notes(answer)

    assert told == ["overview-en.png: Failed: no data", "overview-en.png: Rate: parse error"]


@pytest.mark.parametrize(("minutes", "share"), [(12, 0.1), (120, 1), (600, 1)])
def test_rules_look_back_as_far_as_the_history_lets_them(minutes, share):
    periods = thresholds_for(minutes).periods

    assert periods.share == pytest.approx(Periods().share * share)


@pytest.mark.parametrize("second", range(60))
def test_a_picture_ends_lately_and_not_near_a_whole_minute(second):
    now = 1_800_000_000 + second + 0.5

    end = until(now)

    assert 0 <= now - end < 60
    assert end % 60 == 45


def test_the_story_names_only_campaigns_that_there_are_and_tells_of_three_troubles():
    plot = Plot(tasks=40, seed=1, speed=2.0, scenario=STORY, rules={})
    options = replace(simulated(plot), clock=lambda: 1_800_000_000.0)
    places = [Place("dezhu", "one", ""), Place("aliyun", "other", "i-1")]
    world = World(options, places)

    apply_scenario(read_scenario(plot.scenario), world, FaultBook())
    world.advance(900)

    may_call = [view for view in world.tasks() if view.status == "running" and view.dialling]
    late = world.task("will-miss-its-end")
    left = late.values["customers"] - late.values["completed"] - late.values["failed"]
    assert world.missed == []
    assert [view.name for view in world.tasks() if view.status == "failed"] == ["execution-error"]
    assert [view.vendor for view in world.tasks(Selector(name="stuck-campaign"))] == [
        *("dezhu", "aliyun"),
    ]
    assert not world.task("stuck-campaign", vendor="dezhu").dialling
    assert left / 0.5 > late.end_at - world.now
    assert len(may_call) > 20


def test_the_lock_of_the_preview_holds_no_address_of_a_registry():
    packages = read("package-lock.json")["packages"]

    addresses = [name for name, package in packages.items() if "resolved" in package]

    assert addresses == []


def test_all_packages_of_grafana_are_of_one_exact_version():
    versions = read("package.json")["dependencies"]

    grafana = {version for name, version in versions.items() if name.startswith("@grafana/")}

    assert len(grafana) == 1
    assert grafana.pop()[0].isdigit()
