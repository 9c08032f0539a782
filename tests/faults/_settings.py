"""What is true of the settings of a task, as its vendor's row shows them; it stays the same."""

from datetime import datetime, timedelta, timezone

from exporter.simulator import Selector, Simulator
from exporter.simulator.aliyun_rows import described
from exporter.simulator.dezhu_rows import task_of

_SHANGHAI = timezone(timedelta(hours=8))
_IGNORED = {
    "empty_number": "EmptyNumberIgnore",
    "in_arrears": "InArrearsIgnore",
    "out_of_service": "OutOfServiceIgnore",
}


class SettingsOf:
    """The settings of tasks of one simulator, whose tasks are all there from the start."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._campaigns: dict[str, dict] = {}
        self._known: dict[tuple[str, str], dict[tuple[str, str], float | None]] = {}

    def of(self, account: str, task_id: str) -> dict[tuple[str, str], float | None]:
        """By family, and by batch, agent or reason where there are several."""
        if account not in self._campaigns:
            rows = self._simulator.world.select(Selector(account=account))
            self._campaigns[account] = {row.task_id: row for row in rows}
        if (account, task_id) not in self._known:
            row = self._campaigns[account][task_id]
            read = _dezhu if row.vendor == "dezhu" else _aliyun
            found = read(row) | {("concurrency_limit", ""): row.pace.lines}
            self._known[account, task_id] = {
                (f"outbound_task_{name}", which): value for (name, which), value in found.items()
            }
        return self._known[account, task_id]


def _dezhu(campaign):
    row = task_of(campaign)
    is_ratio = row["sendNumberStrategy"] == 0
    found = {
        "start_timestamp_seconds": _midnight(row["taskExecStartDate"]),
        "end_timestamp_seconds": _midnight(row["taskExecEndDate"]) + 86_400,
        "max_ringing_seconds": row["maxRingingDuration"],
        "after_call_work_seconds": row["acw"],
        "dialing_multiplier": row["multiplyPower"] if is_ratio else None,
        "target_abandonment_ratio": None if is_ratio else (row["abandonmentRate"] or 0) / 100,
        "caller_display_strategy_enabled": row["strategyDisplaySwitch"],
    }
    several = {}
    for batch in row["outboundPhoneGroups"]:
        which = batch["identify"]
        several["redial_enabled", which] = batch["autoOutboundSwitch"]
        several["redial_interval_seconds", which] = batch["autoOutboundInterval"] * 60
        several["redial_max_attempts", which] = batch["autoOutboundTimes"]
    for agent in row["taskAgents"] or ():
        several["agent_assigned_customers", agent["agentId"]] = agent["assignNum"]
    return {(name, ""): value for name, value in found.items()} | several


def _aliyun(campaign):
    row = described(campaign)
    strategy = row["Strategy"]
    found = {
        "start_timestamp_seconds": strategy["StartTime"] / 1000,
        "end_timestamp_seconds": strategy["EndTime"] / 1000,
        "created_timestamp_seconds": row["CreationTime"] / 1000,
        "modified_timestamp_seconds": int(row["ModifyTime"]) / 1000,
        "max_ringing_seconds": row["RingingDuration"],
        "max_attempts_per_day": strategy["MaxAttemptsPerDay"],
        "min_attempt_interval_seconds": strategy["MinAttemptInterval"] * 60,
        "repeatable": strategy["Repeatable"],
        "calling_numbers": _numbers(row["CallingNumbers"]),
        "recall_calling_numbers": _numbers(row["RecallCallingNumbers"]),
        "min_concurrency": row["MinConcurrency"],
    }
    ignored = {
        ("recall_ignored", which): row["RecallStrategy"][key] for which, key in _IGNORED.items()
    }
    return {(name, ""): value for name, value in found.items()} | ignored


def _numbers(texts: list[str]) -> int:
    """Each is a list of JSON in a text, of numbers without a comma."""
    return sum(text.count(",") + 1 for text in texts)


def _midnight(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=_SHANGHAI).timestamp()
