import dataclasses
import time

import pytest

from exporter.simulator import Edit, Selector, SimulatorOptions
from exporter.simulator.hours import DAY, Moment, Window, window_open
from exporter.simulator.population import Place
from exporter.simulator.world import World
from tests.simulator.client import FakeClock

PLACES = (Place("dezhu", "d", ""), Place("aliyun", "a", "i-1"), Place("aliyun", "a", "i-2"))
NUMBERS = {"not_started": 1, "paused": 2, "running": 3, "completed": 4, "expired": 5, "failed": 6}
WORDS = {"running": "Executing"}


def world_of(clock=None, **changes) -> World:
    options = SimulatorOptions(clock=clock or FakeClock(), automatic=False)
    return World(dataclasses.replace(options, **changes), PLACES)


@pytest.fixture
def world() -> World:
    return world_of()


def test_the_same_seed_and_steps_give_the_same_truth():
    def run(seed):
        world = world_of(seed=seed)
        for seconds in (30, 600, 5, 3600):
            world.advance(seconds)
        world.edit("steady-campaign", Edit(do="append", customers=100))
        world.advance(1800)
        return world.truth()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_an_account_may_have_a_number_of_tasks_of_its_own():
    world = world_of(tasks=12, tasks_of={"d": 90})
    counts = [len(world.shelf(place.vendor, place.account, place.scope)) for place in PLACES]
    assert counts == [90, 6, 6]


def test_each_task_has_a_record_at_the_start_and_one_at_each_change(world):
    began = world.now
    first = world.truth()
    assert len(first) == 80
    assert {record.time for record in first} == {began}

    world.advance(300)
    state = {}
    for record in world.truth():
        key = (record.vendor, record.scope, record.task_id)
        assert state.get(key) != (record.values, record.status)
        state[key] = (record.values, record.status)
    tasks = {(t.vendor, t.scope, t.task_id): (t.values, t.status) for t in world.tasks()}
    assert state == tasks


def test_truth_since_a_time_leaves_out_what_was_before(world):
    world.advance(300)
    middle = world.now
    world.advance(300)

    later = world.truth(middle)
    assert later == [record for record in world.truth() if record.time >= middle]
    assert len(later) < len(world.truth())


def test_truth_forgets_the_oldest_records_first():
    world = world_of(truth_limit=200)
    world.advance(600)
    records = world.truth()

    assert 100 < len(records) <= 200
    assert records[-1].time > records[0].time > world.now - 600


@pytest.mark.parametrize("hour", range(24))
def test_campaigns_move_at_any_hour_of_the_day(hour):
    clock = FakeClock(FakeClock().now + hour * 3600)
    world = world_of(clock)
    for vendor in ("dezhu", "aliyun"):
        running = world.tasks(Selector(vendor=vendor, status="running"))
        assert sum(task.dialling for task in running) >= 5
        closed = world.task("closed-until-later", vendor=vendor)
        assert (closed.status, closed.dialling) == ("running", False)
    before = {task.task_id: task.values for task in world.tasks()}
    world.advance(120)
    assert sum(task.values != before.get(task.task_id) for task in world.tasks()) >= 10


def test_an_account_of_only_the_cast_has_every_status():
    world = world_of(tasks=38, finished_share=0.0)
    statuses = {
        vendor: {task.status for task in world.tasks(Selector(vendor=vendor))}
        for vendor in ("dezhu", "aliyun")
    }

    assert statuses["dezhu"] == set(NUMBERS)
    assert statuses["aliyun"] == {
        *("draft", "initializing", "scheduling", "running", "paused", "completed", "failed"),
        "cancelled",
    }


@pytest.mark.parametrize("vendor", ["dezhu", "aliyun"])
def test_the_special_campaigns_do_what_they_are_named_for(vendor):
    world = world_of(lively=False)
    stuck = world.task("stuck-campaign", vendor=vendor)
    late = world.task("will-miss-its-end", vendor=vendor)
    world.advance(3600)

    assert stuck.status == "running"
    assert world.task("stuck-campaign", vendor=vendor).values == stuck.values
    assert world.task("execution-error", vendor=vendor).status == "failed"
    after = world.task("will-miss-its-end", vendor=vendor)
    moved = after.values["completed"] - late.values["completed"]
    left = after.values["customers"] - after.values["completed"]
    assert moved > 0
    assert left / moved * 3600 > (after.end_at - world.now) * 2


def test_a_campaign_past_its_end_expires_at_dezhu_and_completes_at_alibaba():
    world = world_of(lively=False)
    world.advance(2 * DAY)

    assert world.task("will-miss-its-end", vendor="dezhu").status == "expired"
    ended = world.task("will-miss-its-end", vendor="aliyun")
    assert ended.status == "completed"
    assert ended.values["scheduling"] == ended.values["executing"] == 0
    assert ended.values["failed"] + ended.values["completed"] == ended.values["customers"]


def test_speed_speeds_the_dialling_and_not_the_dates():
    slow, fast = world_of(lively=False), world_of(lively=False, speed=10)
    before = slow.task("steady-campaign").values["completed"]
    slow.advance(100)
    fast.advance(100)
    moved, moved_fast = (
        world.task("steady-campaign").values["completed"] - before for world in (slow, fast)
    )

    assert moved_fast == pytest.approx(10 * moved, rel=0.1)
    assert slow.task("steady-campaign").end_at == fast.task("steady-campaign").end_at
    late = fast.task("will-miss-its-end")
    assert late.values == slow.task("will-miss-its-end").values


def test_redial_rounds_connect_more_while_nobody_is_left_on_the_list():
    world = world_of(lively=False, tasks=400, finished_share=0.0, speed=20)
    later = {}
    risen = 0
    for _ in range(60):
        world.advance(60)
        for task in world.tasks(Selector(vendor="dezhu", status="running")):
            values = task.values
            if values["completed"] == values["customers"]:
                risen += values["connected"] > later.get(task.task_id, values["connected"])
                later[task.task_id] = values["connected"]
    assert risen > 5


def test_failed_jobs_rise_in_a_healthy_alibaba_group(world):
    before = world.task("steady-campaign", vendor="aliyun").values
    world.advance(900)
    after = world.task("steady-campaign", vendor="aliyun").values

    assert after["failed"] > before["failed"]
    assert after["completed"] > before["completed"]
    assert after["calls"] > before["calls"]


def test_a_lively_world_pauses_resumes_grows_and_makes_campaigns(world):
    names = {task.name for task in world.tasks()}
    world.advance(4 * 3600)
    truth = world.truth()
    on_and_off = [r.status for r in truth if r.name == "on-and-off" and r.vendor == "dezhu"]
    growing = [r.values["customers"] for r in truth if r.name == "growing-list"]
    fresh = [r for r in truth if r.name not in names and r.vendor == "aliyun"]

    assert {"running", "paused"} <= set(on_and_off)
    assert len(set(growing)) > 4
    assert {"initializing", "scheduling", "running", "completed"} <= {r.status for r in fresh}


def test_the_oldest_finished_newcomers_make_room_for_new_ones():
    world = world_of(tasks=6)
    world.advance(3 * 3600)
    removed = [record for record in world.truth() if record.removed]

    assert removed
    assert all(record.status in {"completed", "expired"} for record in removed)
    assert len(world.tasks()) < 40


def test_a_completed_task_runs_again_when_its_list_grows(world):
    world.edit("steady-campaign", Edit(do="complete"))
    done = world.task("steady-campaign")
    world.edit(Selector(name="steady-campaign", vendor="dezhu"), Edit(do="append", customers=50))
    again = world.task("steady-campaign")

    assert (done.status, again.status) == ("completed", "running")
    assert done.values["completed"] == done.values["customers"]
    assert again.values["completed"] == again.values["customers"] - 50


def test_pausing_holds_the_jobs_and_resuming_gives_them_back(world):
    world.advance(60)
    before = world.task("steady-campaign", vendor="aliyun").values
    world.edit("steady-campaign", Edit(do="pause"))
    held = world.task("steady-campaign", vendor="aliyun").values
    world.edit("steady-campaign", Edit(do="cancel"))
    dropped = world.task("steady-campaign", vendor="aliyun").values

    assert held["paused"] == before["scheduling"] + before["executing"] == dropped["cancelled"]
    assert held["scheduling"] == held["executing"] == dropped["paused"] == 0


def test_collapsed_connections_reach_hardly_anybody_while_dialling_goes_on():
    world = world_of(lively=False)
    world.edit("steady-campaign", Edit(do="collapse_connections", share=0.0))
    before = world.task("steady-campaign").values
    world.advance(600)
    after = world.task("steady-campaign").values

    assert after["connected"] == before["connected"]
    assert after["completed"] > before["completed"]
    world.edit("steady-campaign", Edit(do="restore_connections"))
    world.advance(600)
    assert world.task("steady-campaign").values["connected"] > after["connected"]


def test_calls_outside_the_window_happen_when_told(world):
    assert not world.task("closed-until-later").dialling
    world.edit("closed-until-later", Edit(do="call_outside_window"))
    assert world.task("closed-until-later").dialling
    before = world.task("closed-until-later").values
    world.advance(300)
    assert world.task("closed-until-later").values != before
    world.edit("closed-until-later", Edit(do="respect_window"))
    assert not world.task("closed-until-later").dialling


def test_windows_are_closed_and_opened_at_once(world):
    before = world.task("steady-campaign").values
    world.edit("steady-campaign", Edit(do="close_window"))
    world.advance(300)

    assert not world.task("steady-campaign").dialling
    assert world.task("steady-campaign").values == before
    world.edit("steady-campaign", Edit(do="open_window"))
    assert world.task("steady-campaign").dialling


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_a_pace_is_set_whatever_the_speed(speed):
    world = world_of(lively=False, speed=speed)
    world.edit("steady-campaign", Edit(do="append", customers=5000))
    world.edit("steady-campaign", Edit(do="set_pace", rate=10.0, lines=7, rounds=0))
    before = world.task("steady-campaign", vendor="aliyun").values
    world.advance(100)
    after = world.task("steady-campaign", vendor="aliyun").values

    ended = after["completed"] + after["failed"] - before["completed"] - before["failed"]
    assert ended == pytest.approx(1000, abs=1)
    assert after["executing"] == 7


def test_stalling_stops_a_running_task_and_releasing_lets_it_go_on(world):
    world.edit("steady-campaign", Edit(do="stall"))
    before = world.task("steady-campaign").values
    world.advance(300)
    assert world.task("steady-campaign").values == before
    world.edit("steady-campaign", Edit(do="release"))
    world.advance(300)
    assert world.task("steady-campaign").values != before


def test_a_removed_task_is_gone_and_its_truth_says_so(world):
    task = world.task("steady-campaign", vendor="dezhu")
    assert world.edit(Selector(task_id=task.task_id, vendor="dezhu"), Edit(do="remove")) == 1

    assert not world.tasks(Selector(name="steady-campaign", vendor="dezhu"))
    assert world.truth()[-1].removed
    assert world.truth()[-1].task_id == task.task_id
    world.advance(3600)


def test_a_made_task_starts_soon(world):
    task = world.create("dezhu", "d", name="made-by-hand", customers=70)
    assert (task.status, task.values["customers"]) == ("not_started", 70)
    world.advance(120)
    assert world.task("made-by-hand").status == "running"


def test_the_end_of_a_task_can_be_moved(world):
    world.edit("steady-campaign", Edit(do="set_end", seconds=600))
    world.advance(599)
    assert world.task("steady-campaign", vendor="aliyun").status == "running"
    world.advance(1)
    assert world.task("steady-campaign", vendor="aliyun").status == "completed"
    # Dezhu knows days only.
    late = world.task("steady-campaign", vendor="dezhu")
    assert late.status == "running"
    assert Moment.at(late.end_at).second_of_day == 0


def test_a_task_that_ended_in_the_past_began_before_that():
    world = world_of()
    world.create("dezhu", "d", name="over")
    world.edit("over", Edit(do="set_end", seconds=-2 * DAY))
    over = world.task("over")

    assert over.end_at < world.now
    assert over.start_at == over.end_at - DAY


def test_a_vendor_gets_no_status_that_it_does_not_have(world):
    assert world.edit("steady-campaign", Edit(do="expire")) == 1
    assert world.task("steady-campaign", vendor="dezhu").status == "expired"
    assert world.edit(Selector(vendor="dezhu"), Edit(do="cancel")) == 0
    world.edit("steady-campaign", Edit(do="set_status", status="expired"))
    assert world.task("steady-campaign", vendor="aliyun").status == "unknown"
    truth = {record.status for record in world.truth() if record.vendor == "aliyun"}
    assert "expired" not in truth


def test_edits_that_make_no_sense_are_refused(world):
    with pytest.raises(ValueError, match="unknown action 'explode'; known: pause, "):
        Edit(do="explode")
    with pytest.raises(ValueError, match="append needs customers"):
        Edit(do="append")
    with pytest.raises(ValueError, match="rename needs name"):
        Edit(do="rename")
    with pytest.raises(LookupError, match="nobody"):
        world.task("nobody")
    with pytest.raises(ValueError, match="cannot advance by -1"):
        world.advance(-1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"finished_share": 2}, "finished_share"),
        ({"tasks": -1}, "must not be negative"),
        ({"aliyun_instances": 0}, "instances at least 1"),
        ({"speed": 0}, "speed must be above 0"),
        ({"dezhu_page_cap": 0}, "dezhu_page_cap"),
    ],
)
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        SimulatorOptions(**option)


@pytest.mark.parametrize(
    ("hour", "open_", "weekday_after"), [(23, True, True), (3, True, False), (12, False, False)]
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(hour, open_, weekday_after):
    windows = (Window(21 * 3600, 6 * 3600),)
    moment = Moment(0.0, hour * 3600, 3)

    assert window_open(windows, None, moment) is open_
    assert window_open(windows, frozenset({3}), moment) is weekday_after
    assert window_open(windows, frozenset({2}), moment) is (open_ and not weekday_after)


def test_the_world_follows_its_clock_and_waits_when_it_is_set_back():
    clock = FakeClock()
    world = world_of(clock)
    began = world.now
    clock.now += 60
    world.catch_up()
    assert world.now == began + 60
    clock.now -= 3600
    world.catch_up()
    assert world.now == began + 60


def test_twenty_thousand_finished_tasks_cost_no_time():
    world = world_of(tasks=20_000, finished_share=0.99)
    finished = [t for t in world.tasks() if t.status in {"completed", "expired", "cancelled"}]
    assert len(finished) / 40_000 == pytest.approx(0.99, abs=0.005)
    start = time.process_time()
    world.advance(100)
    assert time.process_time() - start < 0.5


async def test_what_pages_say_is_what_truth_says(simulator, dezhu, aliyun, clock):
    for seconds in (0, 45, 700):
        simulator.world.advance(seconds)
        truth = {
            (record.vendor, record.scope, record.task_id): record
            for record in simulator.world.truth()
        }
        rows = {("dezhu", "", str(row["taskId"])): row for row in await dezhu.everything()}
        for instance in simulator.instances("aliyun-demo"):
            listed = (await aliyun.groups(instance)).rows
            rows |= {("aliyun", instance, row["JobGroupId"]): row for row in listed}
        assert rows.keys() == truth.keys()
        for key, row in rows.items():
            assert _figures(row) == _expected(truth[key])


def _figures(row):
    if "taskId" in row:
        counts = (row["customerAmount"], row["completedCount"], row["connectedCount"])
        return row["taskName"], row["taskStatus"], *counts
    progress = row["Progress"]
    names = ("TotalJobs", "TotalCompleted", "ExecutingNum", "FailedNum", "Scheduling")
    more = (*names, "PausedNum", "CancelledNum")
    counts = tuple(progress[name] for name in more)
    return row["JobGroupName"], row["Status"], *counts, row["TotalCallNum"]


def _expected(record):
    if record.vendor == "dezhu":
        return record.name, NUMBERS[record.status], *record.values.values()
    word = WORDS.get(record.status, record.status.capitalize())
    return record.name, word, *record.values.values()
