"""What Grafana is given: one Prometheus that the dashboards take, and the dashboards."""

import json

import pytest

from tests.deploy.files import (
    COMPOSE,
    DASHBOARDS,
    PROMETHEUS,
    PROVISIONING,
    loaded,
    mounts,
    on_host,
    services,
)

GRAFANA = services(COMPOSE)["grafana"]
SOURCES = loaded(PROVISIONING / "datasources" / "prometheus.yml")["datasources"]
PROVIDERS = loaded(PROVISIONING / "dashboards" / "outbound.yml")["providers"]
SHEETS = sorted(DASHBOARDS.glob("*/*.json"))


def test_provisioning_lies_where_grafana_looks_for_it():
    assert {target for target in mounts(GRAFANA) if "provisioning" in target} == {
        f"/etc/grafana/provisioning/{path.name}" for path in PROVISIONING.iterdir()
    }


def test_one_prometheus_is_the_default():
    (default,) = [source for source in SOURCES if source.get("isDefault")]

    assert (default["type"], default["uid"]) == ("prometheus", "outbound-prometheus")
    assert len({source["uid"] for source in SOURCES}) == len(SOURCES)


def test_the_smallest_step_is_the_scrape_interval():
    (default,) = [source for source in SOURCES if source.get("isDefault")]
    (job,) = loaded(PROMETHEUS / "prometheus.yml")["scrape_configs"]

    assert default["jsonData"]["timeInterval"] == job["scrape_interval"]


def test_each_language_has_a_folder_with_the_same_dashboards():
    places = [on_host(GRAFANA, provider["options"]["path"]) for provider in PROVIDERS]

    assert places == [DASHBOARDS / "en", DASHBOARDS / "zh"]
    names = [sorted(file.name for file in place.glob("*.json")) for place in places]
    assert names[0] == names[1]
    assert names[0]
    for key in ("name", "folder", "folderUid"):
        assert len({provider[key] for provider in PROVIDERS}) == len(PROVIDERS)


def test_no_dashboard_has_the_identity_of_another():
    uids = [json.loads(file.read_text(encoding="utf-8"))["uid"] for file in SHEETS]

    assert uids
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize("file", SHEETS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_dashboard_takes_the_provisioned_prometheus(file):
    sheet = json.loads(file.read_text(encoding="utf-8"))
    (chosen,) = [one for one in sheet["templating"]["list"] if one["name"] == "datasource"]

    assert (chosen["type"], chosen["query"]) == ("datasource", "prometheus")
    # None of them is bound to one Prometheus, so that the default is taken.
    assert "outbound-prometheus" not in file.read_text(encoding="utf-8")
