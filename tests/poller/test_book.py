"""What is known of the tasks of an account, observation by observation."""

import msgspec

from exporter.config.model import Selection
from exporter.domain import Progress, Scope, Settings, Status, Tier
from exporter.poller.book import Book
from exporter.poller.reading import Reading, Sighting
from exporter.poller.selection import Selector
from tests.fakes import finished
from tests.poller.making import COUNTS, FILTERABLE, task

HERE, THERE = Scope("here"), Scope("there")
WALL = 1_760_000_000.0
LIFETIMES = {Tier.ACTIVE: 100.0, Tier.IDLE: 200.0, Tier.FINISHED: 300.0}


def book(*, details=False, **selection):
    return Book(Selector(Selection(**selection)), details=details)


def reading(tier, started, *tasks, at=None, scope=HERE, **fields):
    seen = {each.id: Sighting(each, started + 1 if at is None else at) for each in tasks}
    return Reading(scope, tier, started, seen, **{"listed": FILTERABLE, **fields})


def record(mine, tier, started, *tasks, **fields):
    missing = finished(mine.record(reading(tier, started, *tasks, **fields), now=WALL))
    return [each.id for each in missing]


def status(mine, task_id):
    entry = mine.entry(task_id)
    return entry and entry.task.status


def test_a_row_counts_by_its_own_status_and_not_by_the_filter_that_found_it():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a", Status.PAUSED))
    assert mine.place("a") == ("here", Tier.IDLE)


def test_a_status_nobody_knows_belongs_to_the_idle_tier():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a", Status.UNKNOWN))
    assert mine.place("a") == ("here", Tier.IDLE)


def test_what_a_slow_reading_saw_early_does_not_undo_what_was_seen_later():
    mine = book()
    mine.see(HERE, task("a", Status.COMPLETED), 10, now=WALL)
    record(mine, Tier.ACTIVE, 0, task("a", Status.RUNNING), at=5)
    assert status(mine, "a") is Status.COMPLETED


def test_a_task_that_its_tier_lacks_stays_and_is_to_be_looked_up():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"), task("b"))
    assert record(mine, Tier.ACTIVE, 60, task("b")) == ["a"]
    assert status(mine, "a") is Status.RUNNING


def test_a_task_seen_after_a_reading_began_is_not_missing_from_it():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    mine.see(HERE, task("a"), 61, now=WALL)
    assert record(mine, Tier.ACTIVE, 60) == []


def test_another_tier_does_not_miss_a_task_that_its_own_does_not_miss():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    for tier in (Tier.IDLE, Tier.FINISHED, Tier.IDLE, Tier.FINISHED):
        assert record(mine, tier, 60) == []
    assert status(mine, "a") is Status.RUNNING


def test_a_task_that_every_tier_has_missed_is_dropped():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    record(mine, Tier.ACTIVE, 60)
    record(mine, Tier.IDLE, 61)
    assert status(mine, "a") is Status.RUNNING
    record(mine, Tier.FINISHED, 62)
    assert mine.entry("a") is None
    assert mine.counts() == {}


def test_a_reading_begun_before_a_task_went_missing_does_not_count_as_missing_it():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    record(mine, Tier.ACTIVE, 60)
    record(mine, Tier.IDLE, 59)
    record(mine, Tier.FINISHED, 59)
    assert status(mine, "a") is Status.RUNNING


def test_a_task_that_is_seen_again_is_not_missing_any_more():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    record(mine, Tier.ACTIVE, 60)
    record(mine, Tier.IDLE, 61)
    mine.see(HERE, task("a"), 63, now=WALL)
    record(mine, Tier.FINISHED, 64)
    assert mine.entry("a").missing_since is None


def test_a_group_older_than_the_list_reaches_is_not_dropped_by_lists():
    mine = book()
    old = task("a", Status.COMPLETED, created=10.0)
    mine.see(HERE, old, 0, now=WALL)
    for start in (60, 120):
        assert record(mine, Tier.FINISHED, start, created_since=50.0) == ["a"]
        assert record(mine, Tier.ACTIVE, start + 1, created_since=50.0) == []
        assert record(mine, Tier.IDLE, start + 2, created_since=50.0) == []
    assert status(mine, "a") is Status.COMPLETED


def test_a_task_whose_status_no_filter_finds_is_not_dropped_by_lists():
    mine = book()
    mine.see(HERE, task("a", Status.UNKNOWN), 0, now=WALL)
    assert record(mine, Tier.IDLE, 60) == ["a"]
    record(mine, Tier.ACTIVE, 61)
    record(mine, Tier.FINISHED, 62)
    assert record(mine, Tier.IDLE, 63) == ["a"]
    assert status(mine, "a") is Status.UNKNOWN


def test_readings_of_one_scope_say_nothing_of_another():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    for start, tier in enumerate(Tier, start=60):
        assert record(mine, tier, start, scope=THERE) == []
    assert status(mine, "a") is Status.RUNNING


def test_a_task_of_one_scope_is_not_taken_over_by_another():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    record(mine, Tier.ACTIVE, 60, task("a", Status.SCHEDULING), scope=THERE)
    assert mine.place("a") == ("here", Tier.ACTIVE)
    assert mine.tasks(("there", Tier.ACTIVE)) == ()


def test_a_scope_is_dropped_whole_and_alone():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"), task("b", Status.FAILED))
    record(mine, Tier.ACTIVE, 0, task("c"), scope=THERE)
    mine.drop_scope("here")
    assert mine.counts() == {Status.RUNNING: 1}
    assert status(mine, "c") is Status.RUNNING


def test_a_move_changes_both_places_and_other_news_of_a_task_one():
    mine = book()
    record(mine, Tier.ACTIVE, 0, first := task("a"))
    assert mine.take_changes() == {("here", Tier.ACTIVE): {"a": first}}
    mine.see(HERE, paused := task("a", Status.PAUSED), 5, now=WALL)
    assert mine.take_changes() == {
        ("here", Tier.ACTIVE): {"a": None},
        ("here", Tier.IDLE): {"a": paused},
    }
    mine.see(HERE, dialled := task("a", Status.PAUSED, progress=Progress(customers=1)), 6, now=WALL)
    assert mine.take_changes() == {("here", Tier.IDLE): {"a": dialled}}


def test_of_a_task_that_comes_and_goes_between_two_publications_the_last_news_counts():
    mine = book()
    mine.see(HERE, task("a"), 5, now=WALL)
    mine.drop("a")
    assert mine.take_changes() == {("here", Tier.ACTIVE): {"a": None}}


def test_a_task_marked_as_missing_is_no_change_of_what_is_exposed():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    mine.take_changes()
    record(mine, Tier.ACTIVE, 60)
    assert mine.take_changes() == {}


def test_an_equal_task_stays_the_same_object_and_is_no_change():
    mine = book()
    first = task("a", progress=Progress(customers=3))
    record(mine, Tier.ACTIVE, 0, first)
    mine.take_changes()
    record(mine, Tier.ACTIVE, 60, task("a", progress=Progress(customers=3)))
    assert mine.tasks(("here", Tier.ACTIVE))[0] is first
    assert mine.entry("a").seen_at == 61
    assert mine.take_changes() == {}


def test_a_task_expires_by_its_tier_when_it_was_not_seen_for_long():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"), task("b", Status.PAUSED), at=0)
    assert mine.next_expiry(LIFETIMES) == 100
    mine.expire(100, LIFETIMES)
    assert set(mine.counts()) == {Status.RUNNING, Status.PAUSED}
    mine.expire(100.1, LIFETIMES)
    assert set(mine.counts()) == {Status.PAUSED}
    mine.expire(200.1, LIFETIMES)
    assert mine.next_expiry(LIFETIMES) is None


def test_dropped_tasks_are_counted_by_reason_as_of_the_latest_reading():
    mine = book(include="name-.*", exclude="name-x", finished_within=60.0, limit=2)
    rows = [
        task("x"),
        task("y", name="other"),
        task("z", Status.COMPLETED, aged_from=WALL - 61),
        *(task(f"t{number}", rank=number) for number in range(4)),
    ]
    for start in (0, 60):
        record(mine, Tier.ACTIVE, start, *rows)
        assert mine.dropped() == {"filtered": 2, "aged": 1, "limit": 2}
    record(mine, Tier.ACTIVE, 120, *rows[:1], *rows[-2:])
    assert mine.dropped() == {"filtered": 1, "aged": 0, "limit": 0}


def test_a_task_that_ages_or_is_renamed_away_is_dropped_and_comes_back():
    mine = book(include="name-.*")
    record(mine, Tier.ACTIVE, 0, task("a"))
    record(mine, Tier.ACTIVE, 60, task("a", name="other"))
    assert mine.entry("a") is None
    record(mine, Tier.ACTIVE, 120, task("a"))
    assert status(mine, "a") is Status.RUNNING


def test_over_the_limit_active_tasks_stay_then_the_newest():
    mine = book(limit=3)
    record(mine, Tier.FINISHED, 0, *(task(f"f{n}", Status.COMPLETED, rank=n) for n in range(9)))
    assert set(mine.counts()) == {Status.COMPLETED}
    record(mine, Tier.ACTIVE, 60, task("old", rank=-2.0), task("older", rank=-3.0))
    assert {each.id for tier in Tier for each in mine.tasks(("here", tier))} == {
        "old",
        "older",
        "f8",
    }


def test_of_tasks_as_new_as_each_other_the_same_ones_stay_reading_after_reading():
    mine = book(limit=5)
    rows = [task(f"t{number:02}") for number in range(12)]
    record(mine, Tier.ACTIVE, 0, *rows)
    stayed = {each.id for each in mine.tasks(("here", Tier.ACTIVE))}
    for start in (60, 120, 180):
        record(mine, Tier.ACTIVE, start, *rows)
        assert {each.id for each in mine.tasks(("here", Tier.ACTIVE))} == stayed


def test_ids_the_vendor_says_are_not_there_are_dropped_with_the_reading():
    mine = book()
    record(mine, Tier.ACTIVE, 0, task("a"))
    assert record(mine, Tier.ACTIVE, 60, gone=frozenset({"a", "never-known"})) == []
    assert mine.entry("a") is None


def test_a_row_keeps_what_only_its_detail_told_and_a_detail_what_only_rows_tell():
    mine = book(details=True)
    row = task("a", progress=COUNTS)
    record(mine, Tier.ACTIVE, 0, row)
    told = msgspec.structs.replace(
        row, settings=Settings(max_ringing=30), progress=Progress(customers=100, executing=1)
    )
    mine.see(HERE, told, 5, now=WALL)
    assert mine.entry("a").task.progress.calls == 7
    record(mine, Tier.ACTIVE, 60, row)
    assert mine.entry("a").task.settings == Settings(max_ringing=30)
    assert mine.entry("a").task.progress == COUNTS


def test_a_dropped_task_leaves_no_detail_behind():
    mine = book(details=True)
    mine.see(HERE, task("a", settings=Settings()), 0, now=WALL)
    assert mine.detail("a") is not None
    mine.drop("a")
    assert mine.detail("a") is None


def test_rows_without_counts_by_state_are_known_as_such_whatever_a_detail_tells():
    mine = book(details=True)
    bare = Progress(customers=5, calls=9)
    record(mine, Tier.ACTIVE, 0, task("a", progress=bare))
    assert not mine.entry("a").counted
    mine.see(HERE, task("a", progress=COUNTS, settings=Settings()), 5, now=WALL)
    assert not mine.entry("a").counted
    record(mine, Tier.ACTIVE, 60, task("a", progress=bare))
    shown = mine.entry("a").task.progress
    assert (shown.customers, shown.calls) == (5, 9), "what a row tells is newer"
    assert (shown.executing, shown.failed) == (1, 2)


def test_the_oldest_creation_is_that_of_the_oldest_task_of_a_place():
    mine = book()
    assert mine.oldest_creation(("here", Tier.ACTIVE)) is None
    record(mine, Tier.ACTIVE, 0, task("a", created=5.0), task("b"), task("c", created=3.0))
    assert mine.oldest_creation(("here", Tier.ACTIVE)) == 3.0


def test_a_task_that_moves_while_the_limit_is_applied_is_not_dropped_for_that():
    mine = book(limit=3)
    mine.see(HERE, task("active", rank=1.0), 1, now=WALL)
    mine.see(HERE, task("idle", Status.PAUSED, rank=2.0), 1, now=WALL)
    finished_ones = [task(f"f{n}", Status.COMPLETED) for n in range(5)]
    work = mine.record(reading(Tier.FINISHED, 2, *finished_ones), now=WALL)
    for _ in work:
        # A look-up finds that it runs by now, at every point at which it could.
        mine.see(HERE, task("idle", Status.RUNNING, rank=2.0), 3, now=WALL)
    assert status(mine, "idle") is Status.RUNNING
    assert status(mine, "active") is Status.RUNNING
    assert sum(mine.counts().values()) == 3


def test_rows_that_lose_their_counts_are_news_for_who_plans_details():
    mine = book(details=True)
    mine.see(HERE, task("a"), 1, now=WALL)
    mine.see(HERE, task("a", settings=Settings()), 2, now=WALL)
    mine.take_touched()
    mine.see(HERE, task("a", progress=Progress(calls=7)), 3, now=WALL)
    assert not mine.entry("a").counted
    assert mine.take_touched() == {("here", Tier.ACTIVE)}


# Another configuration of the same account


def test_a_book_goes_on_from_what_another_holds():
    before, after = book(details=True), book(details=True)
    record(before, Tier.ACTIVE, 0, task("a"), task("b"))
    before.see(HERE, task("a", settings=Settings(max_ringing=30.0)), 5, now=WALL)
    record(before, Tier.ACTIVE, 60, task("a"))

    finished(after.follow(before, now=WALL))

    assert after.entry("a") == before.entry("a")
    assert after.entry("b") == before.entry("b")
    assert after.detail("a") == before.detail("a") is not None
    assert after.counts() == before.counts()
    assert set(after.take_changes()["here", Tier.ACTIVE]) == {"a", "b"}
    # What it lacked then it looks for now.
    assert record(after, Tier.ACTIVE, 120, task("a")) == ["b"]


def test_a_book_that_selects_otherwise_leaves_out_what_it_does_not_expose():
    before, after = book(), book(include="a.*", limit=1)
    record(before, Tier.ACTIVE, 0, task("1", name="a1"), task("2", name="a2"), task("3", name="b"))

    finished(after.follow(before, now=WALL))

    assert after.counts() == {Status.RUNNING: 1}
    assert after.dropped() == {"filtered": 1, "aged": 0, "limit": 1}
