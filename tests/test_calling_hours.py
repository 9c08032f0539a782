"""Calling hours against examples, and against a walk through every minute."""

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.calling_hours import (
    COUNTED_AHEAD_SECONDS,
    is_open,
    next_edge,
    remaining_seconds,
)
from exporter.domain import Schedule, Window

MINUTE = 60
HOUR = 3_600
DAY = 86_400

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
KOLKATA = ZoneInfo("Asia/Kolkata")
ADELAIDE = ZoneInfo("Australia/Adelaide")
CAIRO = ZoneInfo("Africa/Cairo")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ST_JOHNS = ZoneInfo("America/St_Johns")
APIA = ZoneInfo("Pacific/Apia")

SUNDAY, MONDAY, FRIDAY, SATURDAY = 0, 1, 5, 6


def moment(zone, text, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def window(text):
    """Read ``09:00-18:00``."""
    start, end = (part.split(":") for part in text.split("-"))
    return Window(*(int(hours) * HOUR + int(minutes) * MINUTE for hours, minutes in (start, end)))


def schedule(zone, *windows, start=None, end=None, weekdays=None, month_days=None):
    return Schedule(
        zone=zone.key,
        start=None if start is None else moment(zone, start),
        end=None if end is None else moment(zone, end),
        windows=tuple(window(text) for text in windows),
        weekdays=None if weekdays is None else frozenset(weekdays),
        month_days=None if month_days is None else frozenset(month_days),
    )


# 2026-08-03 is a Monday. The end of a Dezhu task is midnight after its last day.
WEEK = schedule(
    SHANGHAI, "09:00-12:00", "14:00-20:00", start="2026-08-03T00:00", end="2026-08-08T00:00"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-02T10:00", False),
        ("2026-08-03T08:59:59", False),
        ("2026-08-03T09:00", True),
        ("2026-08-03T11:59:59.9", True),
        ("2026-08-03T12:00", False),
        ("2026-08-03T14:00", True),
        ("2026-08-03T20:00", False),
        ("2026-08-07T19:59:59", True),
        ("2026-08-08T10:00", False),
    ],
)
def test_the_window_is_open_from_its_start_until_just_before_its_end(text, expected):
    assert is_open(WEEK, SHANGHAI, moment(SHANGHAI, text)) is expected


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-07-01T00:00", 45),
        ("2026-08-03T00:00", 45),
        ("2026-08-03T09:00", 45),
        ("2026-08-03T10:30", 43.5),
        ("2026-08-03T13:00", 42),
        ("2026-08-03T23:00", 36),
        ("2026-08-07T00:00", 9),
        ("2026-08-07T19:30", 0.5),
        ("2026-08-07T20:00", 0),
        ("2026-08-08T00:00", 0),
        ("2027-01-01T00:00", 0),
    ],
)
def test_remaining_time_counts_all_windows_up_to_and_with_the_last_day(text, hours):
    assert remaining_seconds(WEEK, SHANGHAI, moment(SHANGHAI, text)) == hours * HOUR


def test_a_schedule_without_windows_says_nothing():
    nothing = schedule(SHANGHAI, start="2026-08-03T00:00", end="2026-08-08T00:00")
    at = moment(SHANGHAI, "2026-08-04T10:00")
    assert is_open(nothing, SHANGHAI, at) is None
    assert remaining_seconds(nothing, SHANGHAI, at) is None
    assert next_edge(nothing, SHANGHAI, at, DAY) is None


def test_a_schedule_without_an_end_has_a_window_but_no_remaining_time():
    endless = schedule(SHANGHAI, "09:00-18:00", start="2026-08-03T00:00")
    at = moment(SHANGHAI, "2030-08-04T10:00")
    assert is_open(endless, SHANGHAI, at) is True
    assert remaining_seconds(endless, SHANGHAI, at) is None


def test_an_end_inside_a_window_closes_it():
    task = schedule(SHANGHAI, "09:00-18:00", end="2026-08-03T15:30")
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T15:29:59")) is True
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T15:30")) is False
    assert remaining_seconds(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T15:00")) == HOUR / 2


def test_a_start_inside_a_window_opens_it():
    task = schedule(SHANGHAI, "09:00-18:00", start="2026-08-03T15:30", end="2026-08-04T00:00")
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T15:29:59")) is False
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T15:30")) is True
    assert remaining_seconds(task, SHANGHAI, moment(SHANGHAI, "2026-08-01T00:00")) == 2.5 * HOUR


def test_an_end_before_the_start_leaves_nothing():
    task = schedule(SHANGHAI, "09:00-18:00", start="2026-08-05T00:00", end="2026-08-04T00:00")
    at = moment(SHANGHAI, "2026-08-03T10:00")
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-05T10:00")) is False
    assert remaining_seconds(task, SHANGHAI, at) == 0
    assert next_edge(task, SHANGHAI, at, 5 * DAY) is None


def test_overlapping_and_touching_windows_count_once():
    task = schedule(
        SHANGHAI, "13:00-14:00", "09:00-12:00", "10:00-11:00", "11:30-13:00", end="2026-08-04T00:00"
    )
    at = moment(SHANGHAI, "2026-08-03T00:00")
    assert remaining_seconds(task, SHANGHAI, at) == 5 * HOUR
    assert next_edge(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T09:00"), DAY) == moment(
        SHANGHAI, "2026-08-03T14:00"
    )


@pytest.mark.parametrize("text", ["00:00-24:00", "00:00-00:00", "09:00-09:00"])
def test_a_window_of_24_hours_is_open_the_whole_day(text):
    task = schedule(SHANGHAI, text, end="2026-08-05T00:00")
    at = moment(SHANGHAI, "2026-08-03T06:00")
    assert is_open(task, SHANGHAI, at) is True
    assert remaining_seconds(task, SHANGHAI, at) == 42 * HOUR
    assert next_edge(task, SHANGHAI, at, 60 * DAY) == task.end


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins():
    task = schedule(
        SHANGHAI, "22:00-06:00", weekdays={FRIDAY}, start="2026-08-01T00:00", end="2026-08-31T00:00"
    )
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-07T05:00")) is False
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-07T22:00")) is True
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-08T05:59")) is True
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-08T06:00")) is False
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-08-08T22:00")) is False


def test_a_window_that_began_on_the_day_before_the_start_counts_from_the_start():
    # The start is a Saturday, the window began on Friday.
    task = schedule(
        SHANGHAI, "22:00-06:00", weekdays={FRIDAY}, start="2026-08-08T02:00", end="2026-08-09T00:00"
    )
    assert is_open(task, SHANGHAI, task.start) is True
    assert remaining_seconds(task, SHANGHAI, moment(SHANGHAI, "2026-08-07T12:00")) == 4 * HOUR


def test_weekdays_are_counted_from_sunday():
    task = schedule(SHANGHAI, "09:00-10:00", weekdays={SUNDAY, MONDAY})
    opened = [
        day
        for day in range(1, 15)
        if is_open(task, SHANGHAI, moment(SHANGHAI, f"2026-08-{day:02}T09:30"))
    ]
    assert opened == [2, 3, 9, 10]


def test_day_31_is_left_out_in_short_months():
    task = schedule(SHANGHAI, "09:00-10:00", month_days={31}, end="2027-01-01T00:00")
    at = moment(SHANGHAI, "2026-02-01T00:00")
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-02-28T09:30")) is False
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-03-31T09:30")) is True
    # March, May, July, August, October, December.
    assert remaining_seconds(task, SHANGHAI, at) == 6 * HOUR


def test_a_month_window_over_midnight_reaches_into_the_next_month():
    task = schedule(SHANGHAI, "23:00-01:00", month_days={28}, end="2026-04-01T00:00")
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-03-01T00:30")) is True
    assert is_open(task, SHANGHAI, moment(SHANGHAI, "2026-03-01T23:30")) is False
    assert remaining_seconds(task, SHANGHAI, moment(SHANGHAI, "2026-02-01T00:00")) == 4 * HOUR


def test_weekdays_and_days_of_the_month_restrict_together():
    task = schedule(
        SHANGHAI, "09:00-10:00", weekdays={FRIDAY}, month_days={13}, end="2027-01-01T00:00"
    )
    # Friday the 13th of February, March and November 2026.
    assert remaining_seconds(task, SHANGHAI, moment(SHANGHAI, "2026-01-01T00:00")) == 3 * HOUR


@pytest.mark.parametrize("rule", [{"weekdays": set()}, {"month_days": set()}, {"month_days": {40}}])
def test_a_rule_that_allows_no_day_never_opens(rule):
    task = schedule(SHANGHAI, "09:00-10:00", end="2027-01-01T00:00", **rule)
    at = moment(SHANGHAI, "2026-08-03T09:30")
    assert is_open(task, SHANGHAI, at) is False
    assert remaining_seconds(task, SHANGHAI, at) == 0
    assert next_edge(task, SHANGHAI, at, 30 * DAY) is None


@pytest.mark.parametrize(
    "odd", [Window(-5, 90_000), Window(90_000, 100_000), Window(DAY, DAY), Window(DAY, 0)]
)
def test_a_window_outside_the_day_is_cut_to_it_and_never_raises(odd):
    task = Schedule(zone="Asia/Shanghai", end=moment(SHANGHAI, "2026-08-05T00:00"), windows=(odd,))
    left = remaining_seconds(task, SHANGHAI, moment(SHANGHAI, "2026-08-03T00:00"))
    assert left == (0 if odd == Window(DAY, 0) else 2 * DAY)


def test_a_zone_with_a_half_hour_offset_keeps_its_wall_clock():
    task = schedule(KOLKATA, "09:00-18:00", end="2026-08-04T00:00")
    assert is_open(task, KOLKATA, datetime(2026, 8, 3, 3, 29, 59, tzinfo=UTC).timestamp()) is False
    assert is_open(task, KOLKATA, datetime(2026, 8, 3, 3, 30, tzinfo=UTC).timestamp()) is True
    assert remaining_seconds(task, KOLKATA, moment(KOLKATA, "2026-08-03T17:15")) == 0.75 * HOUR


# Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
# New York: 2026-03-08 02:00 becomes 03:00, 2026-11-01 02:00 becomes 01:00.
# Adelaide (+9:30, +10:30): 2026-10-04 02:00 becomes 03:00. Lord Howe moves by half an hour.
# Cairo: 2026-04-24 00:00 becomes 01:00, 2026-10-29 24:00 becomes 23:00.
# St. John's until 2011: 2010-11-07 00:01 becomes 23:01 of the day before.
@pytest.mark.parametrize(
    ("zone", "day", "windows", "hours"),
    [
        (BERLIN, "2026-03-29", ["00:00-24:00"], 23),
        (BERLIN, "2026-03-29", ["01:00-04:00"], 2),
        (BERLIN, "2026-03-29", ["01:00-02:30"], 1),
        (BERLIN, "2026-03-29", ["02:30-04:00"], 1),
        (BERLIN, "2026-03-29", ["02:15-02:45"], 0),
        (BERLIN, "2026-03-29", ["09:00-18:00"], 9),
        (BERLIN, "2026-10-25", ["00:00-24:00"], 25),
        (BERLIN, "2026-10-25", ["01:00-04:00"], 4),
        (BERLIN, "2026-10-25", ["01:00-02:30"], 1.5),
        (BERLIN, "2026-10-25", ["02:30-04:00"], 2.5),
        (BERLIN, "2026-10-25", ["02:15-02:45"], 0.5),
        (BERLIN, "2026-10-25", ["02:00-03:00"], 2),
        (BERLIN, "2026-10-25", ["03:00-04:00"], 1),
        (BERLIN, "2026-10-25", ["09:00-18:00"], 9),
        (NEW_YORK, "2026-03-08", ["00:00-24:00"], 23),
        (NEW_YORK, "2026-11-01", ["00:00-24:00"], 25),
        (NEW_YORK, "2026-11-01", ["01:30-02:00"], 1.5),
        (ADELAIDE, "2026-10-04", ["00:00-24:00"], 23),
        (LORD_HOWE, "2026-10-04", ["00:00-24:00"], 23.5),
        (CAIRO, "2026-04-24", ["00:00-02:00"], 1),
        (CAIRO, "2026-10-29", ["22:00-24:00"], 3),
        (ST_JOHNS, "2010-11-06", ["00:00-24:00"], 24),
    ],
)
def test_on_a_day_of_changed_clocks_limits_take_effect_when_first_shown(zone, day, windows, hours):
    midnight = datetime.fromisoformat(day)
    task = schedule(zone, *windows, end=(midnight + timedelta(days=1)).isoformat())
    assert remaining_seconds(task, zone, moment(zone, day)) == hours * HOUR


def test_a_window_that_ends_in_the_repeated_hour_stays_closed_the_second_time():
    task = schedule(BERLIN, "01:00-02:30")
    assert is_open(task, BERLIN, moment(BERLIN, "2026-10-25T02:15")) is True
    assert is_open(task, BERLIN, moment(BERLIN, "2026-10-25T02:15", fold=1)) is False


def test_a_window_that_begins_in_the_skipped_hour_opens_as_it_is_skipped():
    task = schedule(BERLIN, "02:30-04:00")
    skipped = moment(BERLIN, "2026-03-29T03:00")
    assert next_edge(task, BERLIN, skipped - HOUR, 2 * HOUR) == skipped
    assert is_open(task, BERLIN, skipped) is True


def test_a_window_until_midnight_is_still_closed_by_a_clock_set_back_at_midnight():
    task = schedule(CAIRO, "22:00-24:00")
    at = moment(CAIRO, "2026-10-29T23:30", fold=1)
    assert is_open(task, CAIRO, at) is True
    assert next_edge(task, CAIRO, at, HOUR) == moment(CAIRO, "2026-10-30T00:00")


def test_a_window_that_opened_at_midnight_stays_open_when_the_day_before_comes_back():
    task = schedule(ST_JOHNS, "00:00-01:00", weekdays={SUNDAY}, end="2010-11-08T00:00")
    assert is_open(task, ST_JOHNS, moment(ST_JOHNS, "2010-11-06T23:30")) is False
    assert is_open(task, ST_JOHNS, moment(ST_JOHNS, "2010-11-06T23:30", fold=1)) is True
    assert remaining_seconds(task, ST_JOHNS, moment(ST_JOHNS, "2010-11-06T12:00")) == 2 * HOUR


@pytest.mark.parametrize("text", ["01:00-04:00", "01:00-03:00"])
def test_an_end_within_the_repeated_hour_closes_an_open_window(text):
    task = Schedule(
        zone="Europe/Berlin",
        end=moment(BERLIN, "2026-10-25T02:20", fold=1),
        windows=(window(text),),
    )
    at = moment(BERLIN, "2026-10-25T02:10", fold=1)
    assert remaining_seconds(task, BERLIN, at) == 10 * MINUTE
    assert next_edge(task, BERLIN, at, DAY) == task.end


def test_a_day_that_a_zone_never_had_has_no_calling_time():
    # Samoa went from 2011-12-29 straight to 2011-12-31.
    task = schedule(APIA, "09:00-18:00", start="2011-12-29T00:00", end="2012-01-01T00:00")
    assert remaining_seconds(task, APIA, task.start) == 18 * HOUR


def test_many_years_of_changed_clocks_cancel_out():
    task = schedule(BERLIN, "00:00-24:00", end="2035-08-03T00:00")
    at = moment(BERLIN, "2026-08-03T00:00")
    assert remaining_seconds(task, BERLIN, at) == task.end - at


def test_the_days_of_a_rhythm_that_is_new_are_not_walked_through_one_by_one():
    # Ten years of days, for each campaign with days of the month of its own, held up the loop.
    known, new = (
        schedule(SHANGHAI, "09:00-18:00", end="2036-01-01T00:00", month_days=days)
        for days in ([1, 2], [3, 4])
    )
    at = moment(SHANGHAI, "2026-08-03T10:00")
    remaining_seconds(known, SHANGHAI, at)
    calls = []

    sys.setprofile(lambda _, event, __: calls.append(event))
    remaining_seconds(new, SHANGHAI, at)
    sys.setprofile(None)

    assert len(calls) < 3_653


@pytest.mark.parametrize("end", [253_402_300_799.0, 253_402_300_799_000.0, float("inf")])
@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN])
def test_an_end_beyond_all_reason_counts_as_ten_years(zone, end):
    task = Schedule(zone=zone.key, end=end, windows=(Window(0, DAY),))
    at = moment(zone, "2026-08-03T10:00")
    assert is_open(task, zone, at) is True
    assert remaining_seconds(task, zone, at) == COUNTED_AHEAD_SECONDS
    assert next_edge(task, zone, at, HOUR) is None


def test_a_start_beyond_all_reason_leaves_the_window_closed():
    task = Schedule(zone="Asia/Shanghai", start=1e18, end=2e18, windows=(Window(0, DAY),))
    at = moment(SHANGHAI, "2026-08-03T10:00")
    assert is_open(task, SHANGHAI, at) is False
    assert remaining_seconds(task, SHANGHAI, at) == 0
    assert next_edge(task, SHANGHAI, at, HOUR) is None


@pytest.mark.parametrize(
    ("text", "horizon", "expected"),
    [
        ("2026-08-03T08:59:00", MINUTE, "2026-08-03T09:00"),
        ("2026-08-03T08:59:00", MINUTE - 1, None),
        ("2026-08-03T09:00", 2 * HOUR, None),
        ("2026-08-03T09:00", 3 * HOUR, "2026-08-03T12:00"),
        ("2026-08-03T20:00", DAY, "2026-08-04T09:00"),
        ("2026-07-30T10:00", 10 * DAY, "2026-08-03T09:00"),
        ("2026-08-07T20:00", 10 * DAY, None),
        ("2026-08-09T10:00", 10 * DAY, None),
    ],
)
def test_the_next_edge_is_the_first_change_within_the_horizon(text, horizon, expected):
    edge = next_edge(WEEK, SHANGHAI, moment(SHANGHAI, text), horizon)
    assert edge == (None if expected is None else moment(SHANGHAI, expected))


# Days around which random schedules lie: changes of clocks, the ends of months, a leap day.
DATES = {
    SHANGHAI: ["2026-01-31", "2028-02-29"],
    BERLIN: ["2026-03-29", "2026-10-25"],
    NEW_YORK: ["2026-03-08", "2026-11-01"],
    KOLKATA: ["2026-06-30"],
    APIA: ["2011-12-31", "2012-04-01", "2012-09-30", "2026-04-30"],
    CAIRO: ["2026-04-24", "2026-10-30"],
    ST_JOHNS: ["2010-11-07", "2010-03-14"],
}

DAY_MINUTES = st.integers(0, 24 * 60).map(lambda minutes: minutes * MINUTE)
NIGHT_MINUTES = st.integers(0, 4 * 60).map(lambda minutes: minutes * MINUTE)
LIMITS = DAY_MINUTES | NIGHT_MINUTES


@st.composite
def cases(draw):
    """Draw a zone, a schedule on whole minutes, and a moment."""
    zone = draw(st.sampled_from(list(DATES)))
    base = moment(zone, draw(st.sampled_from(DATES[zone])))

    def minutes_from(begin, end):
        return base + draw(st.integers(begin * 24 * 60, end * 24 * 60)) * MINUTE

    at = minutes_from(-2, 1)
    return (
        zone,
        Schedule(
            zone=zone.key,
            start=minutes_from(-3, 3) if draw(st.booleans()) else None,
            end=minutes_from(-1, draw(st.sampled_from([1, 2, 12]))),
            windows=tuple(
                draw(st.lists(st.builds(Window, LIMITS, LIMITS), min_size=1, max_size=4))
            ),
            weekdays=draw(st.none() | st.frozensets(st.integers(0, 6), min_size=3)),
            month_days=draw(st.none() | st.frozensets(st.integers(1, 31), min_size=15)),
        ),
        at,
    )


def begins_on(task, day):
    weekday = (day.weekday() + 1) % 7
    return (task.weekdays is None or weekday in task.weekdays) and (
        task.month_days is None or day.day in task.month_days
    )


def allowed_at(task, shown):
    """Decide by the rule what a naive wall-clock time means."""
    midnight = shown.replace(hour=0, minute=0)
    for days_ago in (0, 1):
        day = midnight - timedelta(days=days_ago)
        second = (shown - day).total_seconds()
        for each in task.windows:
            end = each.end if each.end > each.start else each.end + DAY
            if each.start <= second < end and begins_on(task, day):
                return True
    return False


def walk(task, zone, at, until):
    """Yield each minute and whether the window is open, by the latest time the clock has shown."""
    latest = datetime.min  # noqa: DTZ901
    second = at - 3 * HOUR
    while second < until:
        latest = max(latest, datetime.fromtimestamp(second, zone).replace(tzinfo=None, fold=0))
        if second >= at:
            inside = (task.start is None or second >= task.start) and second < task.end
            yield second, inside and allowed_at(task, latest)
        second += MINUTE


@settings(max_examples=120, deadline=None)
@given(cases())
def test_answers_agree_with_a_walk_through_every_minute(case):
    zone, task, at = case
    walked = list(walk(task, zone, at, max(task.end, at) + MINUTE))

    assert remaining_seconds(task, zone, at) == MINUTE * sum(opened for _, opened in walked)
    for second, opened in walked[:: max(1, len(walked) // 200)]:
        assert is_open(task, zone, second) is opened

    flips = [second for (_, was), (second, now) in pairwise(walked) if was != now]
    edges = []
    edge = at
    while (edge := next_edge(task, zone, edge, 20 * DAY)) is not None:
        edges.append(edge)
    assert edges == flips


@settings(max_examples=60, deadline=None)
@given(cases(), st.floats(0, 3 * DAY), st.floats(0, 2 * DAY))
def test_remaining_time_falls_exactly_while_the_window_is_open(case, later, horizon):
    zone, task, begin = case
    at = begin + later
    edge = next_edge(task, zone, at, horizon)
    until = at + horizon if edge is None else edge
    spent = remaining_seconds(task, zone, at) - remaining_seconds(task, zone, until)
    assert spent == pytest.approx(until - at if is_open(task, zone, at) else 0, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 9 * 365), st.integers(0, 9 * 365))
def test_remaining_time_adds_up_over_years(case, first, last):
    zone, task, at = case
    near, far = sorted((at + first * DAY, at + last * DAY))

    def left(begin, end):
        whole = Schedule(
            zone=task.zone,
            end=end,
            windows=task.windows,
            weekdays=task.weekdays,
            month_days=task.month_days,
        )
        return remaining_seconds(whole, zone, begin)

    assert left(at, far) == left(at, near) + left(near, far)
