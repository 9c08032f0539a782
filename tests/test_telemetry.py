"""What the exporter tells of itself."""

import prometheus_client
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter import __version__
from exporter.domain import Tier
from exporter.errors import Reason
from exporter.reply import TRANSPORT_CODES
from exporter.sources import SOURCES
from exporter.telemetry import Telemetry

A = ("platform", "account")
OPERATION = (*A, "operation")
# Written by hand from the contract: type and labels.
WITHOUT_ACCOUNT = {
    "outbound_exporter_build_info": ("gauge", ("version", "pythonversion")),
    "outbound_exporter_config_last_reload_successful": ("gauge", ()),
    "outbound_exporter_config_last_reload_success_timestamp_seconds": ("gauge", ()),
    "outbound_exporter_exposition_bytes": ("gauge", ()),
    "outbound_exporter_exposition_series": ("gauge", ()),
}
OF_ACCOUNT = {
    "outbound_exporter_api_requests_total": ("counter", OPERATION),
    "outbound_exporter_api_failures_total": ("counter", (*OPERATION, "reason", "code")),
    "outbound_exporter_api_request_duration_seconds": ("histogram", OPERATION),
    "outbound_exporter_api_retries_total": ("counter", OPERATION),
    "outbound_exporter_api_throttled_total": ("counter", OPERATION),
    "outbound_exporter_api_budget_requests_per_second": ("gauge", A),
    "outbound_exporter_api_budget_remaining": ("gauge", (*A, "window")),
    "outbound_exporter_polls_skipped_total": ("counter", (*A, "tier")),
    "outbound_exporter_unknown_values_total": ("counter", (*A, "field")),
}
CODES = {"10001": Reason.AUTH, "http_502": Reason.UNAVAILABLE}


@pytest.fixture
def telemetry():
    return Telemetry()


def metered(telemetry, name="a", **changes):
    """A meter that is shown."""
    meter = not_yet_shown(telemetry, name, **changes)
    meter.show()
    return meter


def not_yet_shown(telemetry, name="a", **changes):
    wanted = {"platform": "dezhu", "operations": ("list", "find"), "codes": CODES, **changes}
    return telemetry.account(name=name, **wanted)


def families(telemetry):
    """Type, labels and samples by the name that a user sees."""
    found = {}
    for metric in telemetry.registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = {tuple(label for label in s.labels if label != "le") for s in metric.samples}
        found[name] = (metric.type, labels, metric.samples)
    return found


def values(telemetry, name, **labels):
    return {
        tuple(value for label, value in sample.labels.items() if label not in labels): sample.value
        for metric in telemetry.registry.collect()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def test_every_metric_of_the_contract_is_there_with_its_type_and_labels(telemetry):
    meter = metered(telemetry)
    meter.unknown("taskStatus")
    meter.budget(rate=5.0, remaining={"second": 10.0, "hour": 100.0})

    found = {
        name: (kind, labels)
        for name, (kind, labels, _) in families(telemetry).items()
        if name.startswith("outbound_")
    }

    contract = {**WITHOUT_ACCOUNT, **OF_ACCOUNT}
    assert found == {name: (kind, {labels}) for name, (kind, labels) in contract.items()}


def test_the_process_and_python_are_told_too(telemetry):
    names = set(families(telemetry)) - WITHOUT_ACCOUNT.keys() - OF_ACCOUNT.keys()

    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "python_info"} <= names
    assert all(name.startswith("process_") or name == "python_info" for name in names)


def test_build_info_names_the_version(telemetry):
    ((version, python),) = values(telemetry, "outbound_exporter_build_info")

    assert version == __version__
    assert python.count(".") == 2


@pytest.mark.parametrize("kind", SOURCES.values(), ids=SOURCES)
def test_every_known_label_set_of_a_vendor_starts_at_0(telemetry, kind):
    codes = {**kind.codes, **TRANSPORT_CODES}
    metered(telemetry, platform=kind.platform, operations=kind.operations, codes=codes)

    labels = {"platform": kind.platform, "account": "a"}
    for_each_operation = {(operation,): 0.0 for operation in kind.operations}
    for name in ("api_requests_total", "api_retries_total", "api_throttled_total"):
        assert values(telemetry, f"outbound_exporter_{name}", **labels) == for_each_operation
    durations = "outbound_exporter_api_request_duration_seconds"
    assert values(telemetry, f"{durations}_count", **labels) == for_each_operation
    assert values(telemetry, f"{durations}_sum", **labels) == for_each_operation
    assert set(values(telemetry, f"{durations}_bucket", **labels).values()) == {0.0}
    assert values(telemetry, "outbound_exporter_api_failures_total", **labels) == {
        (operation, reason.value, code): 0.0
        for operation in kind.operations
        for code, reason in codes.items()
    }
    assert values(telemetry, "outbound_exporter_polls_skipped_total", **labels) == {
        (tier.value,): 0.0 for tier in Tier
    }


def test_a_call_is_counted_and_timed_whatever_came_of_it(telemetry):
    meter = metered(telemetry)
    meter.answered("list", 0.2)
    meter.answered("list", 40.0)

    durations = "outbound_exporter_api_request_duration_seconds"
    assert values(telemetry, "outbound_exporter_api_requests_total")["dezhu", "a", "list"] == 2
    assert values(telemetry, f"{durations}_sum")["dezhu", "a", "list"] == pytest.approx(40.2)
    buckets = values(telemetry, f"{durations}_bucket", account="a", operation="list")
    assert buckets["dezhu", "0.1"] == 0
    assert buckets["dezhu", "0.25"] == 1
    assert buckets["dezhu", "30.0"] == 1
    assert buckets["dezhu", "+Inf"] == 2


@pytest.mark.parametrize(("reason", "throttled"), [(Reason.AUTH, 0), (Reason.RATE_LIMITED, 1)])
def test_a_failure_is_counted_and_one_for_the_rate_as_throttled_too(telemetry, reason, throttled):
    meter = metered(telemetry, codes={"c": reason})
    meter.failed("find", reason, "c")

    failures = values(telemetry, "outbound_exporter_api_failures_total", account="a")
    assert failures["dezhu", "find", reason.value, "c"] == 1
    assert sum(failures.values()) == 1
    counted = values(telemetry, "outbound_exporter_api_throttled_total", account="a")
    assert counted["dezhu", "find"] == throttled


def test_retries_skipped_polls_unknown_values_and_the_budget_are_told(telemetry):
    meter = metered(telemetry)
    meter.retried("list")
    meter.skipped(Tier.IDLE, 3)
    meter.skipped(Tier.IDLE, 0)
    meter.unknown("taskStatus")
    meter.budget(rate=2.5, remaining={"second": 4.0, "hour": 900.0})

    prefix = "outbound_exporter_"
    assert values(telemetry, f"{prefix}api_retries_total")["dezhu", "a", "list"] == 1
    assert values(telemetry, f"{prefix}polls_skipped_total")["dezhu", "a", "idle"] == 3
    assert values(telemetry, f"{prefix}unknown_values_total") == {("dezhu", "a", "taskStatus"): 1}
    assert values(telemetry, f"{prefix}api_budget_requests_per_second") == {("dezhu", "a"): 2.5}
    assert values(telemetry, f"{prefix}api_budget_remaining") == {
        ("dezhu", "a", "second"): 4.0,
        ("dezhu", "a", "hour"): 900.0,
    }


def test_gauges_that_are_read_are_brought_up_to_date_by_a_refresh(telemetry):
    meter = metered(telemetry)
    rates = iter([5.0, 2.5])
    meter.on_refresh(lambda: meter.budget(rate=next(rates), remaining={}))
    name = "outbound_exporter_api_budget_requests_per_second"

    telemetry.refresh()
    assert values(telemetry, name) == {("dezhu", "a"): 5.0}
    telemetry.refresh()
    assert values(telemetry, name) == {("dezhu", "a"): 2.5}


def busy(meter):
    meter.answered("list", 0.1)
    meter.failed("list", Reason.AUTH, "10001")
    meter.retried("find")
    meter.skipped(Tier.ACTIVE, 1)
    meter.unknown("taskStatus")
    meter.on_refresh(lambda: meter.budget(rate=1.0, remaining={"second": 1.0, "hour": 1.0}))


def test_a_removed_account_leaves_nothing_behind_and_takes_nothing_else_along(telemetry):
    alone = Telemetry()
    for each in (telemetry, alone):
        busy(metered(each, "kept"))
    gone = metered(telemetry, "gone")
    busy(gone)
    telemetry.refresh()
    assert b'account="gone"' in telemetry.text()

    gone.remove()
    telemetry.refresh()
    alone.refresh()

    assert b'account="gone"' not in telemetry.text()
    for name in OF_ACCOUNT:
        assert values(telemetry, name) == values(alone, name)


def test_accounts_of_the_same_name_on_other_platforms_are_removed_apart(telemetry):
    first, second = metered(telemetry), metered(telemetry, platform="aliyun")
    busy(first)
    busy(second)

    first.remove()

    assert set(values(telemetry, "outbound_exporter_api_requests_total", platform="dezhu")) == set()
    assert values(telemetry, "outbound_exporter_api_requests_total", platform="aliyun")


def test_an_account_that_comes_back_starts_at_0(telemetry):
    meter = metered(telemetry)
    busy(meter)
    meter.remove()

    metered(telemetry)

    assert set(values(telemetry, "outbound_exporter_api_requests_total").values()) == {0.0}
    assert values(telemetry, "outbound_exporter_unknown_values_total") == {}


def test_a_meter_that_is_not_shown_yet_leaves_no_trace(telemetry):
    before = telemetry.text()

    not_yet_shown(telemetry)

    assert families(telemetry).keys() == families(Telemetry()).keys()
    assert b'account="a"' not in before + telemetry.text()


def test_a_successor_goes_on_counting_and_takes_all_series_along_in_the_end(telemetry):
    first = metered(telemetry)
    busy(first)
    name, labels = "outbound_exporter_api_requests_total", {"operation": "list"}
    (counted,) = values(telemetry, name, **labels).values()
    fields = values(telemetry, "outbound_exporter_unknown_values_total")

    second = not_yet_shown(telemetry)
    second.show()
    first.hand_over(second)
    second.answered("list", 0.1)

    assert list(values(telemetry, name, **labels).values()) == [counted + 1]
    assert values(telemetry, "outbound_exporter_unknown_values_total") == fields != {}
    second.remove()
    assert b'account="a"' not in telemetry.text()


def test_nothing_of_it_is_in_the_registry_that_libraries_share(telemetry):
    busy(metered(telemetry))
    shared = prometheus_client.REGISTRY  # noqa: TID251 - where nothing must be

    assert telemetry.registry is not shared
    assert not [metric.name for metric in shared.collect() if "outbound" in metric.name]


def test_two_of_them_do_not_know_each_other(telemetry):
    other = Telemetry()
    busy(metered(other))

    assert values(telemetry, "outbound_exporter_api_requests_total") == {}


def test_the_registry_can_be_given():
    registry = prometheus_client.CollectorRegistry()

    assert Telemetry(registry).registry is registry
    assert registry.get_sample_value("outbound_exporter_exposition_bytes") == 0


def test_both_formats_parse_and_hold_the_same_samples(telemetry):
    meter = metered(telemetry, 'Straße \\ "a"\n13812345678')
    busy(meter)
    telemetry.refresh()

    plain, openmetrics = telemetry.text().decode(), telemetry.openmetrics().decode()

    def samples(found):
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in found
            for sample in family.samples
            if not family.name.startswith("process_")
        }

    assert samples(text_families(plain)) == samples(openmetrics_families(openmetrics))
    assert openmetrics.endswith("\n# EOF\n")
    assert "_created" not in plain + openmetrics


# What is rendered again


def rendered_families(monkeypatch, telemetry, method):
    """The families that are rendered now; the others are kept from before."""
    seen = []
    parts = (telemetry.requests, telemetry.durations, telemetry.failures, telemetry.retries)
    for metric in (*parts, telemetry.throttles):
        original = metric.collect
        monkeypatch.setattr(
            metric, "collect", lambda o=original, n=metric._name: seen.append(n) or o()
        )
    getattr(telemetry, method)()
    monkeypatch.undo()
    return set(seen)


CALLS = {"outbound_exporter_api_requests", "outbound_exporter_api_request_duration_seconds"}
FAILURES = {f"outbound_exporter_api_{name}" for name in ("failures", "retries", "throttled")}


@pytest.mark.parametrize("method", ["text", "openmetrics"])
def test_counters_of_calls_are_rendered_again_only_after_they_changed(
    monkeypatch, telemetry, method
):
    meter = metered(telemetry)
    getattr(telemetry, method)()
    assert not rendered_families(monkeypatch, telemetry, method) & (CALLS | FAILURES)
    meter.answered("list", 0.1)
    assert rendered_families(monkeypatch, telemetry, method) & (CALLS | FAILURES) == CALLS
    meter.retried("list")
    assert rendered_families(monkeypatch, telemetry, method) & (CALLS | FAILURES) == FAILURES


@pytest.mark.parametrize("method", ["text", "openmetrics"])
def test_every_change_shows_at_once(telemetry, method):
    meter = metered(telemetry)

    def shown(name, *parts):
        lines = getattr(telemetry, method)().decode().splitlines()
        start = f"outbound_exporter_{name}{{"
        return [
            line.rpartition(" ")[2]
            for line in lines
            if line.startswith(start) and all(part in line for part in parts)
        ]

    assert shown("api_failures_total", "10001", "list") == ["0.0"]
    meter.failed("list", Reason.AUTH, "10001")
    assert shown("api_failures_total", "10001", "list") == ["1.0"]
    meter.answered("list", 0.1)
    assert shown("api_requests_total", '"list"') == ["1.0"]
    metered(telemetry, "b")
    assert shown("api_requests_total", 'account="b"') == ["0.0", "0.0"]
    meter.remove()
    assert shown("api_requests_total", 'account="a"') == []
    assert shown("api_failures_total", 'account="a"') == []
