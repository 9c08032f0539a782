"""The variables of the dashboards: each is offered only what the ones before it leave."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import (
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
    VariableType,
)

from tools.dashboards.panels import DATASOURCE
from tools.dashboards.queries import ACCOUNT, JOB, of
from tools.dashboards.words import Say, status_names

# Of an account these are there from its first moment on, whatever comes of its polls.
_ACCOUNT_METRIC: Final = "outbound_account_failure"
_TASK_METRIC: Final = "outbound_task_info"
_CHOSEN_STATUS: Final = 'status=~"$status"'


def account_variables(say: Say) -> list[VariableModel]:
    """Data source, job, platform and account."""
    platforms = of(_ACCOUNT_METRIC, JOB)
    accounts = of(_ACCOUNT_METRIC, f'{JOB},platform=~"$platform"')
    return [
        _datasource(say),
        _query("job", say("Job", "抓取任务"), "label_values(outbound_exporter_build_info, job)"),
        _query("platform", say("Platform", "平台"), f"label_values({platforms}, platform)"),
        _query("account", say("Account", "账号"), f"label_values({accounts}, account)"),
    ]


def task_variables(say: Say) -> list[VariableModel]:
    """The same, then status and task by name."""
    tasks = of(_TASK_METRIC, ACCOUNT, _CHOSEN_STATUS)
    names = _query("task", say("Task", "任务"), f"label_values({tasks}, task_name)")
    return [*account_variables(say), _status(say), names]


def one_task_variables(say: Say) -> list[VariableModel]:
    """The same, then one task by id: names may repeat in another account.

    It is shown as name, account and the beginning of its id, and has another name than the
    variable of names, so that a link between dashboards that carries all variables takes no name
    for an id.
    """
    tasks = of(_TASK_METRIC, ACCOUNT, _CHOSEN_STATUS, 'task_name=~"$task"')
    short = f'label_replace({tasks}, "short_id", "$1", "task_id", "(.{{1,8}}).*")'
    titled = f'label_join({short}, "title", " · ", "task_name", "account", "short_id")'
    one = _query(
        "task_id",
        say("Task in depth", "任务详情"),
        f"query_result(count by (title, task_id) ({titled}))",
    )
    one.regex = '/task_id="(?<value>[^"]*)|title="(?<text>[^"]*)/g'
    # Several at once would be a heavy page on which nothing can be told apart.
    one.multi, one.include_all, one.all_value, one.current = False, False, None, None
    return [*task_variables(say), one]


def _datasource(say: Say) -> VariableModel:
    return VariableModel(
        type_val=VariableType.DATASOURCE,
        name="datasource",
        label=say("Data source", "数据源"),
        query="prometheus",
        refresh=VariableRefresh.ON_DASHBOARD_LOAD,
        regex="",
        options=[],
    )


def _query(name: str, label: str, query: str) -> VariableModel:
    return VariableModel(
        type_val=VariableType.QUERY,
        name=name,
        label=label,
        datasource=DATASOURCE,
        definition=query,
        query={"query": query, "refId": f"variable-{name}"},
        refresh=VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC,
        multi=True,
        include_all=True,
        all_value=".+",
        regex="",
        options=[],
        current=_all(),
    )


def _status(say: Say) -> VariableModel:
    """A fixed list, for a query could not give the statuses their names."""
    pairs = (f"{name} : {value}" for value, name in status_names(say).items())
    return VariableModel(
        type_val=VariableType.CUSTOM,
        name="status",
        label=say("Status", "状态"),
        query=", ".join(pairs),
        multi=True,
        include_all=True,
        all_value=".+",
        options=[],
        current=_all(),
    )


def _all() -> VariableOption:
    return VariableOption(selected=True, text=["All"], value=["$__all"])
