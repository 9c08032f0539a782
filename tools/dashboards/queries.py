"""PromQL: selectors with the dashboards' variables, and the few shapes that queries take.

Names with colons are the recorded series of ``prometheus/rules``. They have no ``status``, so what
is to be filtered by status is joined with ``task_status:outbound_task_info:max``.
"""

from typing import Final

JOB: Final = 'job=~"$job"'
ACCOUNT: Final = f'{JOB},platform=~"$platform",account=~"$account"'
NAMED: Final = f'{ACCOUNT},task_name=~"$task"'
ONE: Final = f'{ACCOUNT},task_id=~"$task_id"'

_KEY: Final = "job, platform, account, task_id"
_ROW: Final = "platform, account, task_id, task_name"
_STATUS: Final = "task_status:outbound_task_info:max"


def of(metric: str, scope: str, *more: str) -> str:
    """A selector: the metric, one of the scopes above, and further matchers."""
    return f"{metric}{{{','.join((scope, *more))}}}"


def firing(*more: str) -> str:
    """The alerts of the exporter that fire; of what, that further matchers say."""
    return of("ALERTS", JOB, 'alertname=~"Outbound.*"', 'alertstate="firing"', *more)


def statuses(scope: str, status: str = "$status") -> str:
    """One series a task, with its status."""
    return of(_STATUS, scope, f'status=~"{status}"')


def in_status(expr: str, scope: str, status: str = "$status") -> str:
    """``expr``, one series a task, for the tasks that are in a status."""
    return f"{expr} and on ({_KEY}) {statuses(scope, status)}"


def task_values(metric: str, scope: str = NAMED, *more: str) -> str:
    """A recorded metric of the tasks whose status is chosen."""
    return in_status(of(metric, scope, *more), scope)


def running(metric: str, scope: str = NAMED) -> str:
    """A metric of the running tasks."""
    return in_status(of(metric, scope), scope, "running")


def total(expr: str, by: str = "") -> str:
    """The sum, for all or by labels."""
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def counted(expr: str) -> str:
    """How many series; 0 if none, so that good news is a figure and not a gap."""
    return f"count({expr}) or vector(0)"


def or_zero(expr: str) -> str:
    """A value without labels, 0 if there is none."""
    return f"{expr} or vector(0)"


def share(part: str, whole: str) -> str:
    """A ratio of two expressions; nothing where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def each_row(expr: str) -> str:
    """One row a task for a table: only the labels that identify it."""
    return f"max by ({_ROW}) ({expr})"


def each_account(expr: str, aggregate: str = "max") -> str:
    """One row an account for a table."""
    return f"{aggregate} by (platform, account) ({expr})"


def largest(expr: str, by: str, *, rows: int) -> str:
    """``expr`` of the tasks with the most of ``by``, the highest value first."""
    return f"sort_desc({expr} and on ({_KEY}) topk({rows}, {by}))"


def highest(expr: str, *, rows: int) -> str:
    """The highest values, the highest first."""
    return f"sort_desc(topk({rows}, {expr}))"
