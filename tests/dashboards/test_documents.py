"""The committed dashboards: current, well formed, and the same in both languages."""

import itertools
import json
import re
from dataclasses import fields, replace

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards.boards import FILES, FOLDER, NAMES, board, differences, nodes, panel
from tools.dashboards.__main__ import main
from tools.dashboards.expressions import panels
from tools.dashboards.files import dashboard_files
from tools.dashboards.units import UNITS
from tools.thresholds import Limits, Thresholds

KINDS = {"stat", "timeseries", "table", "bargauge"}
LIMITS = Limits()
# Names of products and of keys stay what they are; a template has no words of its own.
UNTRANSLATED = re.compile(r"CPU|50 %|90 %|99 %")
TEXT_KEYS = {"title", "description", "noValue", "label", "text", "displayName", "tooltip"}


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
        for one in document["panels"]
        for x in range(one["gridPos"]["x"], one["gridPos"]["x"] + one["gridPos"]["w"])
        for y in range(one["gridPos"]["y"], one["gridPos"]["y"] + one["gridPos"]["h"])
    ]

    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    ids = [one["id"] for one in document["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(ids)


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


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_are_the_same_dashboard_with_other_words(name):
    english, chinese = board(f"en/{name}.json"), board(f"zh/{name}.json")
    allowed = TEXT_KEYS | {"legendFormat", "name", "uid", "titleFormat", "url", "tags", "query"}

    for path, one, other in differences(english, chinese):
        keys = set(path.split("/"))
        translated = keys & allowed or _names_a_series(path) or _sorts(path)
        assert translated, (path, one, other)
        assert isinstance(one, str), path
        assert isinstance(other, str), path


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_translated(name):
    english = dict(nodes(board(f"en/{name}.json")))
    chinese = dict(nodes(board(f"zh/{name}.json")))

    for path, text in english.items():
        key = path.rpartition("/")[2]
        shown = key in TEXT_KEYS | {"legendFormat"} or _is_display_name(path, english)
        if not shown or not isinstance(text, str) or not _has_words(text):
            continue
        assert chinese[path] != text, path
        assert re.search(r"[\u4e00-\u9fff]", chinese[path]), (path, chinese[path])
        assert not re.search(r"[\u4e00-\u9fff]", text), (path, text)


def _has_words(text: str) -> bool:
    own = re.sub(r"\{\{\w+\}\}|__auto", "", UNTRANSLATED.sub("", text))
    return bool(re.search(r"[A-Za-z]", own))


def _is_display_name(path: str, document: dict) -> bool:
    parent = path.rpartition("/")[0]
    return path.endswith("/value") and document.get(f"{parent}/id") == "displayName"


def _names_a_series(path: str) -> bool:
    """An exception is found by the name of a series, or gives one."""
    return path.endswith(("/matcher/options", "/value"))


def _sorts(path: str) -> bool:
    return bool(re.search(r"/sortBy/\d+/displayName$", path))


# Panel, the query or field whose colours change (empty: all), and the limits where they do.
THRESHOLDS = [
    ("overview", "Failed jobs (Alibaba)", "B", ["failed_share", "failed_share_critical"]),
    ("overview", "Connected ratio (Dezhu)", "C", ["connected_share_of_past"]),
    (
        "overview",
        "Calling time needed ÷ left, highest",
        "",
        ["expected_per_remaining"],
    ),
    ("overview", "Campaigns", "Value #G", ["failed_share", "failed_share_critical"]),
    ("overview", "Campaigns", "Value #J", ["expected_per_remaining"]),
    ("task", "Expected finish", "C", ["expected_per_remaining"]),
    ("exporter", "Clock offset", "", ["clock_offset_seconds"]),
    ("exporter", "Temporary credentials expire in", "", ["credential_seconds"]),
    ("exporter", "Throttled and retried calls", "", ["throttled_share"]),
    ("exporter", "Age in intervals", "", ["refresh_intervals"]),
    ("exporter", "Interval in force ÷ configured", "", ["interval_stretched"]),
    ("exporter", "Polls skipped in 30m", "", ["polls_skipped"]),
]


def _steps(document: dict, title: str, field: str) -> list[float]:
    (found,) = (
        one
        for one in panels(document)
        if one["title"] == title and (one["type"] == "table") == field.startswith("Value")
    )
    config = found["fieldConfig"]
    thresholds = config["defaults"]["thresholds"]
    if field:
        thresholds = next(
            prop["value"]
            for one in config["overrides"]
            if one["matcher"]["options"] == field
            for prop in one["properties"]
            if prop["id"] == "thresholds"
        )
    return [step["value"] for step in thresholds["steps"]]


@pytest.mark.parametrize(("name", "title", "field", "limits"), THRESHOLDS)
def test_colours_change_where_the_alerts_fire(name, title, field, limits):
    steps = _steps(board(f"en/{name}.json"), title, field)

    assert {getattr(LIMITS, limit) for limit in limits} <= set(steps)


@pytest.mark.parametrize(("name", "title", "field", "limits"), THRESHOLDS)
def test_colours_follow_the_limits(name, title, field, limits):
    doubled = replace(LIMITS, **{limit: getattr(LIMITS, limit) * 2 for limit in limits})
    files = dashboard_files(Thresholds(limits=doubled))

    steps = _steps(json.loads(files[f"en/{name}.json"]), title, field)

    assert {getattr(doubled, limit) for limit in limits} <= set(steps)


def test_counts_follow_the_limits_that_they_are_compared_with():
    doubled = Limits(**{f.name: getattr(LIMITS, f.name) * 2 for f in fields(Limits)})
    document = json.loads(dashboard_files(Thresholds(limits=doubled))["en/overview.json"])

    behind = panel(document, "Behind schedule")["targets"][0]["expr"]
    stale = panel(document, "Monitoring")["targets"][1]["expr"]

    assert f"> {doubled.expected_per_remaining:g}" in behind
    assert f"> {doubled.refresh_intervals:g} * " in stale
    assert stale.endswith(f"+ {doubled.refresh_slack_seconds:g}) or vector(0)")


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
        named = {one["matcher"]["options"] for one in shown["fieldConfig"]["overrides"]}
        assert shown["type"] == "timeseries"
        assert named == {"executing", "failed", "scheduling", "paused", "cancelled"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_variables_are_chained_and_offer_all(language):
    names = {"overview": 6, "task": 7, "exporter": 4}
    order = ["datasource", "job", "platform", "account", "status", "task", "task_id"]
    for name, count in names.items():
        found = board(f"{language}/{name}.json")["templating"]["list"]
        assert [one["name"] for one in found] == order[:count]
        for before, one in itertools.pairwise(found):
            if one["type"] != "query":
                continue
            assert one["refresh"] == 2
            assert one["sort"] == 5
            if one["name"] not in {"job", "platform"}:
                assert f'"${before["name"]}"' in one["query"]["query"]
            several = one["name"] != "task_id"
            assert one["multi"] is several
            assert one["includeAll"] is several
            assert one.get("allValue") == (".+" if several else None)


def test_a_task_is_offered_by_name_account_and_id_and_chosen_by_id():
    variable = board("en/task.json")["templating"]["list"][-1]
    pattern = re.compile(variable["regex"].strip("/g").strip("/").replace("(?<", "(?P<"))
    row = '{task_id="t-1",title="spring sale · bots · t-1"} 1 1700000000000'

    matches = [found.groupdict() for found in pattern.finditer(row)]

    assert [one["value"] for one in matches if one["value"]] == ["t-1"]
    assert [one["text"] for one in matches if one["text"]] == ["spring sale · bots · t-1"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_name_in_the_table_leads_to_its_campaign_with_the_same_time(language):
    document = board(f"{language}/overview.json")
    (url,) = (
        value["url"]
        for path, value in nodes(document)
        if isinstance(value, dict) and str(value.get("url", "")).startswith("/d/")
    )
    (table,) = (one for one in panels(document) if one["type"] == "table")
    target = board(f"{language}/task.json")
    columns = table["transformations"][1]["options"]["include"]["names"]

    assert url.startswith(f"/d/{target['uid']}?")
    assert url.endswith("${__url_time_range}")
    passed = dict(re.findall(r'var-(\w+)=\$\{__data\.fields\["(\w+)"\]', url))
    assert passed["task_id"] == "task_id"
    assert set(passed) <= {one["name"] for one in target["templating"]["list"]}
    assert set(passed.values()) <= set(columns)
