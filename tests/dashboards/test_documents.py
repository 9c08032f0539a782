"""The committed dashboards: current, well formed, and the same in both languages."""

import json
import re

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards.boards import FILES, FOLDER, NAMES, board, differences, nodes, panel
from tools.dashboards.__main__ import main
from tools.dashboards.expressions import panels
from tools.dashboards.files import dashboard_files
from tools.dashboards.promql import selectors
from tools.dashboards.units import UNITS
from tools.thresholds import Thresholds

KINDS = {"stat", "timeseries", "table", "bargauge"}


def test_the_committed_dashboards_are_what_the_generator_makes():
    assert {file: (FOLDER / file).read_text(encoding="utf-8") for file in FILES} == dict(
        dashboard_files(Thresholds())
    )
    assert {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*")} == set(FILES)


def test_check_tells_of_a_changed_a_missing_and_a_forgotten_file_and_writing_mends_them(
    tmp_path, capsys
):
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0

    (tmp_path / "en/task.json").write_text("{}")
    (tmp_path / "zh/task.json").unlink()
    (tmp_path / "en/old.json").write_text("{}")

    assert main(["--check"], tmp_path) == 1
    assert len(re.findall(r"(?:en|zh)/\w+\.json.*make dashboards", capsys.readouterr().err)) == 3
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert not (tmp_path / "en/old.json").exists()


@pytest.mark.parametrize("file", FILES)
def test_every_dashboard_has_what_dashboards_have_in_common(file):
    document = board(file)
    suffix = "-zh" if file.startswith("zh/") else ""

    assert document["uid"] == f"outbound-{file[3:-5]}{suffix}"
    assert document["schemaVersion"] == 39
    assert document["editable"] is False
    assert document["graphTooltip"] == 1
    assert document["refresh"] == "30s"
    assert document["time"] == {"from": "now-6h", "to": "now"}
    assert document["timezone"] == "browser"
    assert "outbound-exporter" in document["tags"]
    assert {"id", "version"}.isdisjoint(document)
    (link,) = document["links"]
    assert link["includeVars"]
    assert link["keepTime"]
    assert set(link["tags"]) <= set(document["tags"])
    assert [one["enable"] for one in document["annotations"]["list"]] == [True, True]
    assert "inControlsMenu" not in json.dumps(document)


@pytest.mark.parametrize("file", FILES)
def test_ids_are_unique_and_panels_neither_overlap_nor_leave_the_grid(file):
    document = board(file)
    taken = [
        (x, y)
        for one in _in_sight(document)
        for x in range(one["gridPos"]["x"], one["gridPos"]["x"] + one["gridPos"]["w"])
        for y in range(one["gridPos"]["y"], one["gridPos"]["y"] + one["gridPos"]["h"])
    ]

    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    ids = [one["id"] for one in (*document["panels"], *_folded(document))]
    assert len(set(ids)) == len(ids)
    assert all(ids)


def _folded(document):
    return [inner for one in document["panels"] for inner in one.get("panels") or ()]


def _in_sight(document):
    """All panels when every row is open: those of a collapsed one push down what follows."""
    folded = _folded(document)
    rows = [one for one in document["panels"] if one.get("panels")]
    assert rows == document["panels"][len(document["panels"]) - len(rows) :], "not the last rows"
    assert len(rows) <= 1
    return [*document["panels"], *folded]


@pytest.mark.parametrize("file", FILES)
def test_lines_of_panels_are_filled_to_the_edge(file):
    lines = {}
    for one in panels(board(file)):
        lines.setdefault(one["gridPos"]["y"], []).append(one["gridPos"])

    assert {sum(place["w"] for place in line) for line in lines.values()} == {24}
    assert all(len({place["h"] for place in line}) == 1 for line in lines.values())


@pytest.mark.parametrize("file", FILES)
def test_every_panel_is_complete(file):
    for one in panels(board(file)):
        defaults = one["fieldConfig"]["defaults"]
        refs = [target["refId"] for target in one["targets"]]

        assert one["type"] in KINDS, one["title"]
        assert len(set(refs)) == len(refs) > 0, one["title"]
        assert all(ref.isupper() for ref in refs), one["title"]
        assert "noValue" in defaults, one["title"]
        assert one["datasource"]["uid"] == "${datasource}", one["title"]
        assert {target["datasource"]["uid"] for target in one["targets"]} == {"${datasource}"}
        assert all(target["expr"] for target in one["targets"])


@pytest.mark.parametrize("file", FILES)
def test_a_description_says_what_is_bad(file):
    sign = "异常：" if file.startswith("zh/") else "Bad: "

    assert [one["title"] for one in panels(board(file)) if sign not in one["description"]] == []


@pytest.mark.parametrize("file", FILES)
def test_series_over_time_are_listed_with_their_last_and_highest_value(file):
    for one in panels(board(file)):
        if one["type"] == "timeseries":
            legend = one["options"]["legend"]
            assert legend["showLegend"]
            assert legend["displayMode"] == "table"
            assert legend["calcs"] == ["lastNotNull", "max"]


@pytest.mark.parametrize("file", FILES)
def test_figures_and_bars_reduce_to_the_last_value(file):
    for one in panels(board(file)):
        if one["type"] in {"stat", "bargauge"}:
            assert one["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]


@pytest.mark.parametrize("file", FILES)
def test_every_unit_is_one_of_grafana(file):
    used = {
        value["value"] if path.split("/")[-2] == "properties" else value["unit"]
        for path, value in nodes(board(file))
        if isinstance(value, dict) and ("unit" in value or value.get("id") == "unit")
    }

    assert used
    assert used <= UNITS


@pytest.mark.parametrize("file", FILES)
def test_the_sdk_reads_the_whole_document(file):
    register_default_plugins()
    document = board(file)

    again = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))

    lost = [(path, one) for path, one, _ in differences(document, again) if one is not None]
    assert lost == []


def test_the_sdk_notices_a_misspelt_key():
    register_default_plugins()
    document = board("en/task.json")
    document["panels"][1]["fieldConfig"]["defaults"]["noValeu"] = "nothing"

    again = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))

    assert [one for _, one, _ in differences(document, again) if one is not None] == ["nothing"]


def test_everything_that_the_user_asked_for_is_charted_over_time():
    wanted = {
        "overview": ("Customers, completed, connected", "Jobs by state (Alibaba)"),
        "task": ("Customers, completed, connected", "Jobs by state"),
    }
    for name, (customers, jobs) in wanted.items():
        document = board(f"en/{name}.json")
        shown = panel(document, customers)
        asked = " ".join(target["expr"] for target in shown["targets"])
        assert shown["type"] == "timeseries"
        for metric in ("customers", "completed_customers", "connected_customers"):
            assert f"task:outbound_task_{metric}:max" in asked
        shown = panel(document, jobs)
        matchers = [one["matcher"] for one in shown["fieldConfig"]["overrides"]]
        named = {one["options"] for one in matchers if one["id"] == "byName"}
        assert shown["type"] == "timeseries"
        assert named == {"executing", "failed", "scheduling", "paused", "cancelled"}


def test_few_alerts_are_marked_in_a_dashboard_those_that_it_is_about():
    marked = {}
    for name in ("overview", "task", "exporter"):
        alerts, _ = board(f"en/{name}.json")["annotations"]["list"]
        (since, firing) = selectors(alerts["expr"])
        assert {key: one for key, one in firing.matchers.items() if key != "alertstate"} == dict(
            since.matchers
        )
        marked[name] = {key: value for key, (_, value) in since.matchers.items()}

    assert marked["overview"]["severity"] == "critical"
    assert marked["task"]["task_id"] == "$task_id"
    assert marked["exporter"]["area"] == "trust"
    # Alerts on an exporter have no account, and those on an account no task.
    for name, label in (
        ("overview", "task_name"),
        ("overview", "account"),
        ("exporter", "account"),
    ):
        assert re.fullmatch(
            marked[name][label].replace("$" + label.removesuffix("_name"), ".+"), ""
        )


def test_one_meaning_has_one_colour_in_all_charts():
    colors = {}
    for one in (one for name in NAMES for one in panels(board(f"en/{name}.json"))):
        if one["type"] != "timeseries":
            continue
        for override in one["fieldConfig"]["overrides"]:
            properties = {each["id"]: each["value"] for each in override["properties"]}
            if override["matcher"]["id"] == "byName" and "color" in properties:
                name = properties.get("displayName", override["matcher"]["options"])
                meaning = name.partition(" · ")[0].partition(",")[0]
                colors.setdefault(meaning, set()).add(properties["color"]["fixedColor"])

    assert {"Completed", "Connected", "Failed (not reached)", "Scheduling"} <= colors.keys()
    assert colors.pop("Failed") == {"red", "orange"}  # a campaign; and jobs, by their share
    assert [meaning for meaning, found in colors.items() if len(found) > 1] == []


def test_several_lines_in_a_chart_have_no_fill_that_would_hide_the_others():
    for one in (one for file in FILES for one in panels(board(file))):
        if one["type"] == "timeseries":
            custom = one["fieldConfig"]["defaults"]["custom"]
            stacked = custom["stacking"]["mode"] == "normal"
            several = len(one["targets"]) > 1 or "{{" in one["targets"][0]["legendFormat"]
            assert stacked or not several or custom["fillOpacity"] == 0, one["title"]
