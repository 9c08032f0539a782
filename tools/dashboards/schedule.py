"""Queries and colours on whether a campaign will be done by its end, shared by two dashboards."""

from grafana_foundation_sdk.models.dashboard import ValueMap

from tools.dashboards.fields import words
from tools.dashboards.queries import in_status, of
from tools.dashboards.words import Say
from tools.thresholds import Limits


def left_seconds(scope: str) -> str:
    """Calling time left until the end."""
    return of("outbound_task_calling_remaining_seconds", scope)


def needed_seconds(scope: str) -> str:
    """Calling time that the rest will take.

    At the last known pace; as long as there is none, in the first half hour, at the pace so far.
    """
    # Without its name, or the two would be two series.
    known = f"{of('task:outbound_task_expected_seconds:ratio', scope)} + 0"
    remaining = of("task:outbound_task_remaining_customers:sum", scope)
    pace = of("task:outbound_task_completed_customers:rate30m", scope)
    return f"({known} or {remaining} / ({pace} > 0))"


def needed_per_left(scope: str, *, only_running: bool = False) -> str:
    """The one divided by the other; above 1 it will miss its end. Not in parentheses."""
    needed = needed_seconds(scope)
    ratio = f"{needed} / ({left_seconds(scope)} > 0)"
    return in_status(ratio, scope, "running") if only_running else ratio


def window_words(say: Say) -> ValueMap:
    """Whether the calling hours allow calls now."""
    return words(
        {"1": (say("open", "可呼叫"), "green"), "0": (say("closed", "不可呼叫"), "#8e8e8e")}
    )


def behind_steps(limits: Limits) -> tuple[tuple[float | None, str], ...]:
    """Colours of needed per left: red where the alert would fire."""
    return ((None, "green"), (1, "orange"), (limits.expected_per_remaining, "red"))
