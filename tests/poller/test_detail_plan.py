"""Which details go first, without looking at more tasks than something happened to."""

from exporter.domain import Tier
from exporter.poller.detail_plan import MOST_DUE, Planner, Verdict
from exporter.poller.places import Entry
from tests.fakes import finished
from tests.poller.making import task

ACTIVE, FINISHED = ("here", Tier.ACTIVE), ("here", Tier.FINISHED)
NOW = 100.0


def entries(*ids):
    return [(task_id, Entry(task(task_id), 0.0)) for task_id in ids]


def scanned(planner, place, verdicts, now=NOW):
    finished(planner.scan(place, entries(*verdicts), lambda _, key, __: verdicts[key], now))


def verdict(at=0.0, not_before=0.0, failures=0, rank=0):
    return Verdict(at, not_before, failures, rank)


def ids(planner):
    return [due.task_id for due in planner.due()]


def test_who_has_not_failed_goes_first_then_the_active_then_the_longest_due():
    planner = Planner()
    scanned(planner, FINISHED, {"old": verdict(1, rank=2), "failed": verdict(0, failures=1)})
    scanned(planner, ACTIVE, {"later": verdict(5), "sooner": verdict(3)})
    assert ids(planner) == ["sooner", "later", "old", "failed"]
    assert planner.outstanding == 4


def test_what_needs_no_detail_and_what_is_put_off_is_not_fetched_now():
    planner = Planner()
    verdicts = {"none": None, "put off": verdict(0, not_before=120), "later": verdict(150)}
    scanned(planner, ACTIVE, verdicts)
    assert ids(planner) == []
    assert planner.outstanding == 1, "the one put off is due"
    assert planner.next_at == 120


def test_a_place_is_looked_at_again_when_it_is_forgotten_or_something_becomes_due():
    planner = Planner()
    scanned(planner, ACTIVE, {"a": verdict(150)})
    scanned(planner, FINISHED, {"b": verdict(0)})
    places = [ACTIVE, FINISHED, ("new", Tier.IDLE)]
    assert list(planner.stale(places, NOW)) == [("new", Tier.IDLE)]
    assert list(planner.stale(places, 150)) == [ACTIVE, ("new", Tier.IDLE)]
    planner.forget([FINISHED])
    assert list(planner.stale(places, NOW)) == places[1:]
    assert planner.outstanding == 0


def test_places_that_are_gone_are_not_planned_for():
    planner = Planner()
    scanned(planner, ACTIVE, {"a": verdict(0)})
    scanned(planner, FINISHED, {"b": verdict(0)})
    planner.keep([ACTIVE])
    assert ids(planner) == ["a"]


def test_of_very_many_only_the_first_few_hundred_are_kept_and_all_are_counted():
    planner = Planner()
    many = {f"t{number:05}": verdict(float(number % 7)) for number in range(4 * MOST_DUE)}
    scanned(planner, FINISHED, many)
    assert planner.outstanding == len(many)
    assert len(planner.due()) == MOST_DUE
    assert {due.at for due in planner.due()} == {0.0, 1.0}
    assert planner.due() == sorted(planner.due())
