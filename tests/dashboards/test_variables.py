"""Variables, and the links that carry them."""

import itertools
import re

import pytest

from tests.dashboards.boards import board, nodes
from tools.dashboards.expressions import panels


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
    (table,) = (
        one
        for one in panels(document)
        if one["type"] == "table" and any(value == url for _, value in nodes(one))
    )
    target = board(f"{language}/task.json")
    columns = table["transformations"][1]["options"]["include"]["names"]

    assert url.startswith(f"/d/{target['uid']}?")
    assert url.endswith("${__url_time_range}")
    passed = dict(re.findall(r'var-(\w+)=\$\{__data\.fields\["(\w+)"\]', url))
    assert passed["task_id"] == "task_id"
    assert set(passed) <= {one["name"] for one in target["templating"]["list"]}
    assert set(passed.values()) <= set(columns)
