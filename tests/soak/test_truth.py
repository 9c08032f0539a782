"""What a soak calls untrue."""

from types import SimpleNamespace

import pytest

from exporter.simulator import TruthRecord
from tests.soak.troubles import Trouble
from tests.soak.truth import Witness

ACCOUNT = "dezhu-demo"
LINE = 'outbound_task_{}{{platform="dezhu",account="{}",task_id="7",task_name="n",status="{}"}} {}'
NAMES = {
    "customers": "customers",
    "completed": "completed_customers",
    "connected": "connected_customers",
}


class Troubles:
    def __init__(self):
        self.those = []

    def of(self, _account):
        return self.those


def trouble(since, until, kind="reset"):
    return Trouble(account=ACCOUNT, kind=kind, since=since, until=until)


class Scene:
    """A witness, what is true and what is exposed of one task."""

    def __init__(self):
        self.truths, self.troubles = [], Troubles()
        world = SimpleNamespace(truth=lambda since: [t for t in self.truths if t.time >= since])
        self.witness = Witness(
            SimpleNamespace(world=world),
            self.troubles,
            lambda _account: {"active": 60.0, "idle": 300.0, "finished": 3600.0},
        )

    def true(self, time, completed, *, status="running", removed=False):
        values = {"customers": 100, "completed": completed, "connected": 1}
        self.truths.append(
            TruthRecord(
                time=time,
                vendor="dezhu",
                account=ACCOUNT,
                scope="",
                task_id="7",
                name="n",
                status=status,
                values=values,
                removed=removed,
            )
        )

    def shows(self, at, completed, *, status="running"):
        values = {"customers": 100, "completed": completed, "connected": 1}
        self.witness.see({"at": at, "account": ACCOUNT, "lines": lines(values, status)})

    def found(self, at):
        """What is wrong until then."""
        self.witness.judge(at)
        return self.witness.violations


def lines(values, status="running"):
    return "\n".join(
        LINE.format(NAMES[field], ACCOUNT, status, value) for field, value in values.items()
    )


@pytest.fixture
def scene():
    made = Scene()
    made.true(1000.0, 10)
    return made


def test_what_is_true_may_be_shown_for_ever(scene):
    scene.shows(1000.0, 10)

    assert not scene.found(9000.0)


def test_what_was_never_true_is_found(scene):
    scene.shows(1000.0, 11)

    assert "never true" in scene.found(1001.0)[0]


def test_what_comes_true_only_later_is_found(scene):
    scene.true(1002.0, 11)
    scene.shows(1001.0, 11)

    assert "never true" in scene.found(1030.0)[0]


@pytest.mark.parametrize(("seconds", "wrong"), [(60, False), (70, True)])
def test_an_active_task_may_lag_one_active_interval(scene, seconds, wrong):
    scene.shows(1000.0, 10)
    scene.true(1100.0, 11)

    assert bool(scene.found(1100.0 + seconds)) == wrong


def test_a_lag_that_ended_before_it_was_looked_at_is_found_all_the_same(scene):
    scene.shows(1000.0, 10)
    scene.true(1100.0, 11)
    scene.true(1200.0, 10)

    assert "100 s ago" in scene.found(1201.0)[0]


def test_a_task_that_has_left_its_tier_must_not_be_shown_for_longer_than_either_interval(scene):
    scene.true(1100.0, 10, status="completed")
    scene.shows(1099.0, 10)

    assert scene.found(1200.0)


def test_a_task_that_is_gone_is_not_shown_for_ever(scene):
    scene.true(1100.0, 10, removed=True)
    scene.shows(1099.0, 10)

    assert "it is gone" in scene.found(1200.0)[0]


def test_an_account_in_trouble_may_show_what_was_true_when_the_trouble_began(scene):
    scene.troubles.those.append(trouble(1090.0, 1400.0))
    scene.shows(1000.0, 10)
    scene.true(1100.0, 11)

    assert not scene.found(1400.0)


def test_trouble_that_is_over_excuses_nothing_any_more(scene):
    scene.troubles.those.append(trouble(1090.0, 1400.0))
    scene.shows(1000.0, 10)
    scene.true(1100.0, 11)

    assert scene.found(1900.0)


def test_an_account_that_was_throttled_may_be_slower_for_some_time(scene):
    scene.troubles.those.append(trouble(1090.0, 1400.0, "throttled"))
    scene.shows(1000.0, 10)
    scene.true(1100.0, 11)

    assert not scene.found(2300.0)
    assert scene.found(2400.0)


@pytest.mark.parametrize("kind", ["throttled", "reset"])
def test_how_long_after_trouble_a_value_was_late_is_noted(scene, kind):
    scene.troubles.those.append(trouble(1090.0, 1400.0, kind))
    scene.shows(1000.0, 10)
    scene.true(1100.0, 11)

    assert not scene.found(1600.0)
    slow = scene.witness.slow_seconds
    assert slow == {kind == "throttled": 1600.0 - 1400.0 - 65.0, kind != "throttled": 0.0}


def test_trouble_does_not_excuse_what_was_never_true(scene):
    scene.troubles.those.append(trouble(900.0, 5000.0))
    scene.shows(1000.0, 12)

    assert "never true" in scene.found(1010.0)[0]


def test_a_series_that_is_there_twice_is_found(scene):
    twice = lines({"completed": 10}) + "\n" + lines({"completed": 10}, "paused")
    scene.witness.see({"at": 1000.0, "account": ACCOUNT, "lines": twice})

    assert "twice" in scene.found(1000.0)[0]


def test_an_active_task_that_is_not_shown_is_found_after_an_interval(scene):
    for now in (1010.0, 1060.0, 1100.0):
        scene.witness.judge(now)
        scene.witness.missing(now, lambda _account, _task: True)

    assert "missing for 90.0 s" in scene.witness.violations[0]


def test_a_scrape_that_differs_from_what_was_published_is_found(scene):
    scene.shows(1000.0, 10)

    scene.witness.compare(1000.0, lines({"completed": 11}), [ACCOUNT])

    assert "something else" in scene.witness.violations[0]


def test_an_account_that_was_removed_and_is_exposed_is_found(scene):
    scene.shows(1000.0, 10)
    values = {"customers": 100, "completed": 10, "connected": 1}

    scene.witness.compare(1000.0, lines(values), [])

    assert "was removed" in scene.witness.violations[0]
