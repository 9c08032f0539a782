"""What the benchmarks make of what they measured."""

import json
import sys

import pytest

import benchmarks.__main__ as command
from benchmarks.figures import Figure
from benchmarks.growth import exponent
from benchmarks.moments import busy_spans, merged, parted
from benchmarks.scrape import alternating, samples_of
from benchmarks.scraper import Answer
from benchmarks.steps import percentile


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)]
)
def test_a_percentile_is_a_value_that_was_measured(share, value):
    assert percentile([*range(100, 0, -1)], share) == value


def test_a_percentile_of_nothing_is_0():
    assert percentile([], 0.99) == 0


@pytest.mark.parametrize("power", [0.5, 1.0, 1.3])
def test_the_exponent_is_the_power_with_which_a_figure_grows(power):
    sizes = [1_000, 10_000, 100_000]

    assert exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)


def test_a_constant_makes_the_exponent_smaller():
    sizes = [1_000, 10_000, 100_000]

    assert exponent(sizes, [size + 50_000 for size in sizes]) < 0.5


def test_spans_that_touch_are_one():
    assert merged([(3, 4), (0, 1), (1, 2), (5.5, 6)]) == [(0, 2), (3, 4), (5.5, 6)]
    assert merged([(0, 0), (0.4, 0.4), (1, 1)], apart=0.5) == [(0, 0.4), (1, 1)]


def test_work_lasts_from_the_first_request_to_the_publication_of_what_was_read():
    requests = [10.0, 10.3, 10.6]

    assert busy_spans(requests=requests, publications=[11.0, 13.0], minutes=[]) == [(10.0, 13.0)]
    assert busy_spans(requests=requests, publications=[], minutes=[]) == [(10.0, 10.6)]


def test_a_new_minute_is_work_until_it_is_published():
    assert busy_spans(requests=[], publications=[62.0], minutes=[60.0]) == [(60.0, 62.0)]


def test_a_publication_of_its_own_is_work_just_before_it_and_does_not_prolong_a_poll():
    spans = busy_spans(requests=[10.0], publications=[11.0, 30.0], minutes=[])

    assert spans == [(10.0, 11.0), (29.5, 30.0)]


def test_scrapes_are_parted_by_whether_they_met_work_and_what_is_close_to_it_is_neither():
    scrapes = [(1.0, 1.1), (4.8, 5.2), (7.0, 7.2), (9.9, 10.4), (10.3, 10.6), (12.0, 12.3)]

    met, idle = parted(scrapes, [(5.0, 10.0)])

    assert met == pytest.approx([0.4, 0.2, 0.5])
    assert idle == pytest.approx([0.1, 0.3])


def test_only_samples_of_vendor_families_are_counted():
    text = b'# HELP outbound_a x\n# TYPE outbound_a gauge\noutbound_a 1\noutbound_a{b="c"} 2\n'

    assert samples_of(text + b"outbound_exporter_build_info 1\npython_info 1\n") == 2


class Noted:
    def __init__(self, name, order):
        self._name, self._order = name, order

    def get(self):
        self._order.append(self._name)
        return Answer(0.001, 1)


def test_clients_scrape_in_turn_in_rounds():
    order = []
    clients = {"slow": Noted("slow", order), "fast": Noted("fast", order)}

    times = alternating(clients, {"slow": 2, "fast": 4})

    assert order == ["slow", "fast", "fast"] * 2
    assert times == {"slow": [1.0] * 2, "fast": [1.0] * 4}


def test_a_benchmark_that_fails_keeps_its_figures_stops_no_other_and_is_told(
    monkeypatch, tmp_path, capsys
):
    def failing(*, quick):
        yield Figure(benchmark="first", name="before", value=1.0, unit="s", at_most=2.0)
        raise OSError("broken")

    def whole(*, quick):
        return [Figure(benchmark="second", name="after", value=3.0, unit="s", at_most=4.0)]

    file = tmp_path / "figures.json"
    monkeypatch.setattr(command, "_ALL", {"first": failing, "second": whole})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--json", str(file)])

    assert command.main() == 1
    said = capsys.readouterr().out
    assert "| first | before | 1 s | at most 2 | yes |" in said
    assert "| second | after | 3 s | at most 4 | yes |" in said
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["failed"] == {"first": "OSError('broken')"}
    assert {"msgspec", "prometheus-client"} <= written["machine"]["versions"].keys()


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (3.0, 1)])
def test_a_limit_that_does_not_hold_is_an_exit_code(monkeypatch, tmp_path, value, code):
    figure = Figure(benchmark="b", name="n", value=value, unit="s", at_most=2.0)
    monkeypatch.setattr(command, "_ALL", {"b": lambda **_: [figure]})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--json", str(tmp_path / "figures.json")])

    assert command.main() == code
