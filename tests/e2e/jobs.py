"""One scenario for each alert on jobs."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.e2e.accounts import JUST_AFTER_MIDNIGHT, simulated
from tests.e2e.acts import Act, both, edit, task
from tests.e2e.field import Field
from tests.e2e.periods import THRESHOLDS
from tests.e2e.scenario import Scenario
from tools.rules.model import duration

CALLS = {"platform": "dezhu", "account": "calls"}
BOTS = {"platform": "aliyun", "account": "bots"}
_DEZHU, _ALIYUN = simulated("calls"), simulated("bots")
_NO_REDIAL = {"rounds": 0}


def _known(name: str) -> str:
    """The campaign has been seen running."""
    return f'task_status:outbound_task_info:max{{task_name="{name}", status="running"}}'


def _known_for_a_while(name: str) -> str:
    """The same, 10 s ago: the simulator has done with starting it, and each server knows its past.

    A failure within two minutes (4 s here) of the first reading that a server has seen is no news.
    """
    return f"{_known(name)} offset 10s"


def _with_a_past(name: str) -> str:
    """Enough has ended one lookback ago for a past to compare with."""
    share = duration(THRESHOLDS.periods.share)
    least = THRESHOLDS.limits.finished_for_past
    ended = f'task:outbound_task_ended_customers:max{{task_name="{name}"}}'
    return f"{ended} offset {share} >= {least:g}"


def _end_yesterday(name: str) -> Act:
    """Let the last day of a campaign be the one that ended lately in the account's own zone."""

    def act(field: Field) -> None:
        last_day = datetime.now(ZoneInfo(JUST_AFTER_MIDNIGHT)).date() - timedelta(days=1)
        # The simulator counts its days in Shanghai.
        days = (last_day - datetime.now(ZoneInfo("Asia/Shanghai")).date()).days
        edit(name, "set_end", seconds=days * 86_400)(field)

    return act


JOBS = (
    Scenario(
        alert="OutboundFailedShareHigh",
        labels={**BOTS, "task_name": "mostly-unreached"},
        begin=(task("mostly-unreached", account=_ALIYUN, **_NO_REDIAL),),
        once=_known("mostly-unreached"),
        spoil=edit("mostly-unreached", "collapse_connections", share=0.25),
        mend=edit("mostly-unreached", "restore_connections"),
    ),
    Scenario(
        alert="OutboundFailedShareCritical",
        labels={**BOTS, "task_name": "nobody-reached"},
        begin=(task("nobody-reached", account=_ALIYUN, **_NO_REDIAL),),
        once=_known("nobody-reached"),
        spoil=edit("nobody-reached", "collapse_connections", share=0.0),
        mend=edit("nobody-reached", "restore_connections"),
    ),
    Scenario(
        alert="OutboundFailedShareAbovePast",
        labels={**BOTS, "task_name": "worse-than-before"},
        begin=(
            task("worse-than-before", account=_ALIYUN, **_NO_REDIAL),
            # Nearly everybody is reached.
            edit("worse-than-before", "collapse_connections", share=1.7),
        ),
        once=_with_a_past("worse-than-before"),
        spoil=edit("worse-than-before", "collapse_connections", share=0.2),
        mend=edit("worse-than-before", "collapse_connections", share=1.7),
    ),
    Scenario(
        alert="OutboundConnectedRatioCollapsed",
        labels={**CALLS, "task_name": "hardly-connected"},
        begin=(task("hardly-connected", account=_DEZHU),),
        once=_with_a_past("hardly-connected"),
        spoil=edit("hardly-connected", "collapse_connections", share=0.05),
        mend=edit("hardly-connected", "restore_connections"),
    ),
    Scenario(
        alert="OutboundTaskFailed",
        labels={**CALLS, "task_name": "execution-error"},
        begin=(task("execution-error", account=_DEZHU),),
        once=_known_for_a_while("execution-error"),
        spoil=edit("execution-error", "fail"),
        mend=edit("execution-error", "resume"),
    ),
    Scenario(
        alert="OutboundTaskFailed",
        variant="aliyun",
        labels={**BOTS, "task_name": "failed-group"},
        begin=(task("failed-group", account=_ALIYUN),),
        once=_known_for_a_while("failed-group"),
        spoil=edit("failed-group", "fail"),
        mend=edit("failed-group", "resume"),
    ),
    Scenario(
        alert="OutboundTaskStalled",
        labels={**CALLS, "task_name": "stuck-campaign"},
        begin=(task("stuck-campaign", account=_DEZHU),),
        once=_known("stuck-campaign"),
        spoil=edit("stuck-campaign", "stall"),
        mend=edit("stuck-campaign", "release"),
    ),
    Scenario(
        alert="OutboundTaskStalled",
        variant="aliyun",
        labels={**BOTS, "task_name": "stuck-group"},
        begin=(task("stuck-group", account=_ALIYUN),),
        once=_known("stuck-group"),
        spoil=edit("stuck-group", "stall"),
        mend=edit("stuck-group", "release"),
    ),
    Scenario(
        alert="OutboundActivityOutsideWindow",
        labels={**CALLS, "task_name": "calls-at-night"},
        begin=(task("calls-at-night", account=_DEZHU),),
        once=_known("calls-at-night"),
        spoil=edit("calls-at-night", "call_outside_window", "close_window"),
        mend=edit("calls-at-night", "respect_window"),
    ),
    Scenario(
        alert="OutboundActivityOutsideWindow",
        variant="aliyun",
        labels={**BOTS, "task_name": "bot-calls-at-night"},
        begin=(task("bot-calls-at-night", account=_ALIYUN),),
        once=_known("bot-calls-at-night"),
        spoil=edit("bot-calls-at-night", "call_outside_window", "close_window"),
        mend=edit("bot-calls-at-night", "respect_window"),
    ),
    Scenario(
        alert="OutboundTaskNotStarted",
        labels={**CALLS, "task_name": "never-started"},
        begin=(task("never-started", account=_DEZHU),),
        once=_known("never-started"),
        spoil=edit("never-started", "set_status", status="not_started"),
        mend=edit("never-started", "start"),
    ),
    Scenario(
        alert="OutboundTaskPausedLong",
        labels={**BOTS, "task_name": "forgotten-pause"},
        begin=(task("forgotten-pause", account=_ALIYUN),),
        once=_known("forgotten-pause"),
        spoil=edit("forgotten-pause", "pause"),
        mend=edit("forgotten-pause", "resume"),
    ),
    Scenario(
        alert="OutboundTaskStuckInitializing",
        labels={**BOTS, "task_name": "stuck-import"},
        begin=(task("stuck-import", account=_ALIYUN),),
        once=_known_for_a_while("stuck-import"),
        spoil=edit("stuck-import", "set_status", status="initializing"),
        mend=edit("stuck-import", "start"),
    ),
    Scenario(
        alert="OutboundTaskWillMissEnd",
        labels={**CALLS, "task_name": "too-slow"},
        begin=(
            task("too-slow", account=_DEZHU, rate=400),
            # The end of that day: 2 to 26 hours from now.
            edit("too-slow", "set_end", seconds=7200),
        ),
        once=_known("too-slow"),
        spoil=edit("too-slow", "set_pace", rate=1),
        mend=edit("too-slow", "set_pace", rate=400),
    ),
    Scenario(
        alert="OutboundTaskExpiredUnfinished",
        labels={"platform": "dezhu", "account": "elsewhere", "task_name": "past-its-end"},
        begin=(task("past-its-end", account=simulated("elsewhere")),),
        once=_known("past-its-end"),
        spoil=both(_end_yesterday("past-its-end"), edit("past-its-end", "expire")),
        mend=both(
            edit("past-its-end", "set_end", seconds=5 * 86_400), edit("past-its-end", "resume")
        ),
    ),
    Scenario(
        alert="OutboundConcurrencyExhausted",
        labels={"platform": "aliyun", "account": "busy"},
        begin=(task("every-line", account=simulated("busy")),),
        once=_known("every-line"),
        spoil=edit("every-line", "set_pace", lines=500),
        mend=edit("every-line", "set_pace", lines=5),
    ),
)
