"""From the vendors' own words to calling time, against a walk through every minute of the campaign.

What is expected is worked out here from the row as it is sent, day by day and minute by minute, and
from nothing that the exporter made of it.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.calling_hours import is_open, remaining_seconds
from exporter.reply import Reply
from exporter.sources.aliyun.parse import read_detail
from exporter.sources.dezhu.parse import read_page

MINUTE = 60
DAY_MINUTES = 24 * 60

# Days around which campaigns lie: changes of clocks, also at midnight; ends of months; a leap day.
TURNS = {
    "Asia/Shanghai": ["2026-01-31", "2028-02-29"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Asia/Kolkata": ["2026-12-31"],
    "Africa/Cairo": ["2026-04-24", "2026-10-30"],
    "America/St_Johns": ["2010-11-07"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
}


@dataclass(frozen=True)
class Campaign:
    """A row as its vendor sends it, and what a person reads from it.

    ``begin`` and ``end`` are days, both included, or else epoch seconds, the end left out.
    """

    zone: ZoneInfo
    row: dict[str, Any]
    begin: date | float
    end: date | float
    windows: list[tuple[int, int]]
    weekdays: frozenset[int] | None = None
    month_days: frozenset[int] | None = None

    def calls(self, second: float, shown: datetime) -> bool:
        """Whether it may call at ``second``, when the clock on the wall says ``shown``."""
        if isinstance(self.begin, date):
            inside = self.begin <= shown.date() <= self.end
        else:
            inside = self.begin <= second < self.end
        minute = shown.hour * 60 + shown.minute
        today, yesterday = shown.date(), shown.date() - timedelta(days=1)
        return inside and any(
            (self._begins(today) and start <= minute < _whole(start, end))
            or (self._begins(yesterday) and start <= minute + DAY_MINUTES < _whole(start, end))
            for start, end in self.windows
        )

    def _begins(self, day: date) -> bool:
        if self.weekdays is not None and day.isoweekday() % 7 not in self.weekdays:
            return False
        return self.month_days is None or day.day in self.month_days


def _whole(start: int, end: int) -> int:
    """Where a window ends, in minutes after the midnight before it begins."""
    return end if end > start else end + DAY_MINUTES


def minutes(zone: ZoneInfo, begin: float, end: float):
    """Each minute with what the clock shows, where one that is set back stands until it is over."""
    latest = datetime.min  # noqa: DTZ901
    second = begin - 180 * MINUTE
    while second < end:
        latest = max(latest, datetime.fromtimestamp(second, zone).replace(tzinfo=None, fold=0))
        if second >= begin:
            yield second, latest
        second += MINUTE


def text_of(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}:00"


WINDOWS = st.lists(
    st.tuples(st.integers(0, DAY_MINUTES - 1), st.integers(0, DAY_MINUTES))
    | st.tuples(st.integers(0, 240), st.integers(0, 240)),
    min_size=1,
    max_size=3,
)


@st.composite
def turns(draw):
    name = draw(st.sampled_from(sorted(TURNS)))
    return ZoneInfo(name), date.fromisoformat(draw(st.sampled_from(TURNS[name])))


@st.composite
def dezhu_campaigns(draw):
    zone, turn = draw(turns())
    begin = turn + timedelta(days=draw(st.integers(-2, 1)))
    end = begin + timedelta(days=draw(st.integers(0, 3)))
    windows = draw(WINDOWS)
    times = [
        {"taskExecTimeStartStr": text_of(start), "taskExecTimeEndStr": text_of(stop)}
        for start, stop in windows
    ]
    row = {
        "taskId": 1,
        "taskStatus": 3,
        "taskExecStartDate": begin.isoformat(),
        "taskExecEndDate": end.isoformat(),
        "taskExecTimes": times,
    }
    return Campaign(zone, row, begin, end, windows)


def _as_days(draw, days):
    """Days as a list, as text within it, or as JSON text: the vendor's samples have them all."""
    listed = sorted(days)
    return draw(
        st.sampled_from(
            [listed, [str(day) for day in listed], [msgspec.json.encode(listed).decode()]]
        )
    )


@st.composite
def aliyun_campaigns(draw):
    zone, turn = draw(turns())
    midnight = datetime(turn.year, turn.month, turn.day, tzinfo=zone).timestamp()
    begin = midnight + MINUTE * draw(st.integers(-2 * DAY_MINUTES, DAY_MINUTES))
    end = begin + MINUTE * draw(st.integers(1, 4 * DAY_MINUTES))
    windows = draw(WINDOWS)
    rhythm = draw(st.sampled_from(["Once", "Day", "Week", "Month"]))
    weekdays = month_days = None
    days = []
    if rhythm == "Week":
        weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1))
        days = _as_days(draw, weekdays)
    elif rhythm == "Month":
        month_days = draw(st.frozensets(st.integers(1, 31), min_size=1))
        days = _as_days(draw, month_days)
    strategy = {
        "StartTime": int(begin * 1000),
        "EndTime": int(end * 1000),
        "RepeatBy": rhythm,
        "RepeatDays": days,
        "WorkingTime": [
            {"BeginTime": text_of(start), "EndTime": text_of(stop)} for start, stop in windows
        ],
    }
    row = {"JobGroupId": "g", "Status": "Executing", "Strategy": strategy}
    return Campaign(zone, row, begin, end, windows, weekdays, month_days)


def answer(document) -> Reply:
    return Reply(status=200, headers={}, body=msgspec.json.encode(document))


def agrees(campaign: Campaign, schedule, at: float) -> None:
    """Hold the schedule against each minute from ``at`` until well after the end."""
    walked = list(minutes(campaign.zone, at, at + 5 * DAY_MINUTES * MINUTE))
    told = [campaign.calls(second, shown) for second, shown in walked]

    assert remaining_seconds(schedule, campaign.zone, at) == MINUTE * sum(told)
    step = 1 + len(walked) // 500
    for (second, _), expected in list(zip(walked, told, strict=True))[::step]:
        assert is_open(schedule, campaign.zone, second) is expected


@settings(max_examples=40)
@given(campaign=dezhu_campaigns(), late=st.integers(-60, 2 * DAY_MINUTES))
def test_days_and_times_of_dezhu_mean_what_a_walk_through_every_minute_finds(campaign, late):
    page = read_page(
        answer({"code": "10000", "data": {"total": 1, "list": [campaign.row]}}), campaign.zone
    )
    (task,) = page.tasks
    at = datetime.combine(campaign.begin, datetime.min.time(), campaign.zone).timestamp()

    assert task.unknown == ()
    agrees(campaign, task.schedule, at + late * MINUTE)


@settings(max_examples=40)
@given(campaign=aliyun_campaigns(), late=st.integers(-60, 2 * DAY_MINUTES))
def test_strategies_of_alibaba_mean_what_a_walk_through_every_minute_finds(campaign, late):
    task = read_detail(
        answer({"Code": "OK", "Success": True, "JobGroup": campaign.row}),
        job_group_id="g",
        zone=campaign.zone.key,
        clock_offset=None,
    )

    assert task.unknown == ()
    agrees(campaign, task.schedule, campaign.begin + late * MINUTE)
