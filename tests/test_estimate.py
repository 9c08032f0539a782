"""What an account will ask is told before it asks anything."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.budget import hourly_for, sustained_rate
from exporter.config.model import Account, Budget, Common, Duration, Refresh
from exporter.domain import Status, Tier
from exporter.estimate import Mix, estimate, report, usual_mix
from exporter.source import Abilities, Outline, SourceType

REFRESH = Refresh(active=Duration(30), idle=Duration(300), finished=Duration(3600))
FILTERS = frozenset(Status) - {Status.UNKNOWN}
ONE_STATUS = Outline(Abilities(statuses=FILTERS, page_size=100, statuses_per_query=1))
DISCOVERED = Outline(
    Abilities(statuses=FILTERS, page_size=100, details=True, discovers=True), scopes=None
)
MIX = Mix(500, 500, 49_000)


def account(**common):
    usual = {"name": "bots", "platform": "memory", "refresh": REFRESH}
    return Account(Common(**{**usual, **common}), options=None, path="accounts[0]")


def readings(found):
    return {row.name: (row.calls, row.interval) for row in found.rows}


def text_of(outline=DISCOVERED, mix=MIX, **common):
    kind = SourceType(
        platform="memory",
        options=None,
        operations=(),
        codes={},
        open=None,
        check=None,
        outline=lambda _: outline,
    )
    return report([account(**common)], {"memory": kind}, mix)


def test_a_hundredth_is_active_and_as_many_are_idle_unless_it_is_said():
    assert usual_mix(50_000) == MIX
    assert usual_mix(1) == Mix(1, 0, 0)
    assert usual_mix(1000, active=0, idle=900) == Mix(0, 900, 100)
    assert usual_mix(100, active=100) == Mix(100, 0, 0)
    with pytest.raises(ValueError, match="6 active and 0 idle are more than 5 tasks"):
        usual_mix(5, active=6)


def test_each_status_is_a_list_of_its_own_where_one_is_asked_for_at_a_time():
    found = readings(estimate(account(), ONE_STATUS, MIX))
    # Three active statuses, four idle and three finished ones, all tasks in one of each.
    assert found["active"] == (5 + 2, 30)
    assert found["idle"] == (5 + 3, 300)
    assert found["finished"] == (490 + 2, 3600)
    assert found["check"] == (1, 3600)
    assert "discovery" not in found


def test_tasks_are_spread_over_the_scopes_each_of_which_is_read_and_checked():
    outline = Outline(Abilities(statuses=FILTERS, page_size=100), scopes=20)
    found = readings(estimate(account(), outline, MIX))
    assert found["active"] == (20, 30)
    assert found["finished"] == (20 * 25, 3600)
    assert found["check"] == (20, 3600)


def test_tasks_that_are_read_by_name_are_as_many_as_are_configured():
    outline = Outline(Abilities(statuses=FILTERS, page_size=100, details=True), tasks=10)
    found = estimate(account(), outline, MIX)
    assert found.mix == Mix(1, 1, 8)
    assert readings(found) == {"active": (1, 30), "idle": (1, 300), "finished": (8, 3600)}
    assert found.details == 0


def test_details_are_told_apart_and_are_of_no_more_tasks_than_are_exposed():
    assert estimate(account(), DISCOVERED, MIX).details == 10_000
    assert estimate(account(collect=("progress",)), DISCOVERED, MIX).details == 0
    assert "details" not in text_of(ONE_STATUS)


def test_the_text_tells_calls_a_minute_an_hour_and_a_day():
    rows = {line.split()[0]: line.split()[1:] for line in text_of().splitlines()}
    assert rows["bots"][-6:] == ["500", "active,", "500", "idle,", "49,000", "finished"]
    assert rows["active"] == ["5", "30s", "10.0", "600", "14,400"]
    assert rows["idle"] == ["5", "5m", "1.0", "60", "1,440"]
    assert rows["finished"] == ["490", "1h", "8.2", "490", "11,760"]
    assert rows["discovery"] == ["1", "5m", "0.2", "12", "288"]
    assert rows["check"] == ["1", "1h", "0.017", "1", "24"]
    assert rows["together"] == ["19.4", "1,163", "27,912"]
    assert rows["details"] == ["1,000", "12h", "1.4", "83", "2,000"]


def test_columns_are_aligned():
    table = [line for line in text_of().splitlines() if re.match(r"  \S+ +[\d,]+ |   +calls", line)]
    assert len(table) == 7
    assert len({len(line) for line in table}) == 1


def test_the_text_says_whether_the_budget_holds_it():
    assert "The budget holds this: 8,096 calls an hour can be planned with." in text_of()


def test_the_text_says_what_would_be_in_force_and_what_to_raise():
    text = text_of(budget=Budget(requests_per_hour=1000, requests_per_second=0.3))
    assert "The budget does not hold this: 806 calls an hour can be planned with." in text
    assert "active every 30s, idle every 13m37s, finished every 2h43m23s" in text
    assert "Raise budget.requests_per_second to 0.4 and budget.requests_per_hour to 1500" in text


def test_what_no_budget_holds_is_said_to_be_so():
    text = text_of(mix=usual_mix(900_000_000))
    assert "No budget holds that: lengthen refresh, or divide the account." in text


@given(tasks=st.integers(1, 1_000_000), per_hour=st.integers(1, 100_000))
def test_what_the_text_says_to_raise_is_enough(tasks, per_hour):
    budget = Budget(requests_per_hour=per_hour)
    text = text_of(ONE_STATUS, usual_mix(tasks), budget=budget)
    raised = {key: float(to) for key, to in re.findall(r"budget\.(\w+) to ([\d.]+)", text)}
    raised["requests_per_hour"] = int(raised.get("requests_per_hour", per_hour))
    again = estimate(account(budget=Budget(**raised)), ONE_STATUS, usual_mix(tasks))
    assert again.plan.fits
    assert ("holds this" in text) is (len(raised) == 1 and "Raise" not in text)


@given(rate=st.floats(0.0001, 1000), concurrency=st.integers(1, 100))
def test_the_hourly_budget_for_a_rate_sustains_it(rate, concurrency):
    hourly = hourly_for(rate, concurrency=concurrency)
    limits = Budget(requests_per_hour=hourly, concurrency=concurrency, requests_per_second=1000)
    assert sustained_rate(limits) >= rate
    assert hourly <= max(20, 3600 * rate * 1.5 + 2 * concurrency)


def test_the_estimate_and_the_poller_divide_the_budget_alike():
    found = estimate(account(budget=Budget(requests_per_hour=1000)), DISCOVERED, MIX)
    assert found.plan.intervals[Tier.ACTIVE] == 30
    spent = sum(row.within(3600) for row in found.rows)
    assert spent == pytest.approx(found.plan.wanted * 3600)


def test_calls_at_the_same_time_are_told_apart_where_they_are_collected():
    outline = msgspec.structs.replace(DISCOVERED, scopes=3, concurrency=True)
    collect = ("progress", "concurrency")

    found = estimate(account(collect=collect), outline, MIX)
    # The quota, and for each of three instances its own figure and two pages of 167 groups.
    assert found.concurrency == 1 + 3 * (1 + 2)
    assert estimate(account(), outline, MIX).concurrency == 0
    assert estimate(account(collect=collect), DISCOVERED, MIX).concurrency == 0
    assert found.plan == estimate(account(), outline, MIX).plan, "it holds up nothing"
    shown = text_of(outline, collect=collect)
    assert re.search(r"concurrency +10 +30s +20\.0 +1,200 +28,800", shown)
