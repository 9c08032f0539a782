"""The recording rules on how fast a task gets on, and whether it will be done in time."""

from __future__ import annotations

from tools.rules.model import Record, duration, number
from tools.thresholds import Thresholds


def pace_records(thresholds: Thresholds) -> tuple[Record, ...]:
    """All of them, each above those that use it."""
    return (*_rates(thresholds), _last_rate(thresholds), *_expected())


def _rates(thresholds: Thresholds) -> tuple[Record, ...]:
    rate = duration(thresholds.periods.rate)
    comment = (
        "A second, and only while the calling window was open throughout: a lookback with a lunch"
        " break in it says nothing about the pace. Tasks without windows have no rate."
    )
    names = ("completed_customers", "connected_customers", "calls")
    return tuple(
        Record(
            record=f"task:outbound_task_{name}:rate30m",
            comment=comment if name == names[0] else "",
            expr=f"""
                deriv(task:outbound_task_{name}:max[{rate}]) >= 0
                  and
                min_over_time(outbound_task_calling_window_open[{rate}]) == 1
            """,
        )
        for name in names
    )


def _last_rate(thresholds: Thresholds) -> Record:
    rate = duration(thresholds.periods.rate)
    share = duration(thresholds.periods.share)
    seconds = number(max(1, round(thresholds.periods.rate)))
    return Record(
        record="task:outbound_task_ended_customers:last_rate30m",
        comment="The last known pace, a second: lunch breaks, nights and gaps in the data do"
        " not forget it. Measured from end to end of a whole lookback in which calls were"
        " allowed and the account could be read: the slope at the edge of a pause would be"
        " next to nothing and last until the next window.",
        expr=f"""
            (
              (
                task:outbound_task_ended_customers:max
                  - task:outbound_task_ended_customers:max offset {rate}
              ) / {seconds} > 0
                and
              min_over_time(outbound_task_calling_window_open[{rate}]) == 1
                and ignoring (task_id, task_name)
              min_over_time(outbound_account_up[{rate}]) == 1
            )
              or
            (
              last_over_time(task:outbound_task_ended_customers:last_rate30m[{share}])
                and
              task:outbound_task_ended_customers:max
            )
        """,
    )


def _expected() -> tuple[Record, ...]:
    return (
        Record(
            record="task:outbound_task_expected_seconds:ratio",
            comment="Calling time that is still needed at that pace.",
            expr="""
                task:outbound_task_remaining_customers:sum
                  / task:outbound_task_ended_customers:last_rate30m
            """,
        ),
        Record(
            record="task:outbound_task_expected_per_remaining_seconds:ratio",
            comment="Above 1 it will miss its end. Calling time against calling time: nights and"
            " breaks count on neither side.",
            expr="""
                task:outbound_task_expected_seconds:ratio
                  / (outbound_task_calling_remaining_seconds > 0)
            """,
        ),
    )
