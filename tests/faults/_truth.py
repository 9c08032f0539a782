"""Holds everything that is published against the simulator's own history of true values."""

import re
from collections import Counter, defaultdict

from exporter.simulator import Selector, Simulator, TruthRecord
from tests.faults._settings import SettingsOf

_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_COUNTS = {
    "outbound_task_customers": "customers",
    "outbound_task_completed_customers": "completed",
    "outbound_task_connected_customers": "connected",
    "outbound_task_calls": "calls",
}
_SHARES = {
    "outbound_task_reported_progress_ratio": ("completed", "customers"),
    "outbound_task_reported_connected_ratio": ("connected", "completed"),
}
_BY_THE_CLOCK = "outbound_task_calling_"
_AT_ONCE = "outbound_task_concurrency"
_TOGETHER = "outbound_instance_concurrency"
_WHICH = ("batch", "agent_id", "reason")
_JUDGED = ("outbound_task_", _TOGETHER, "outbound_account_concurrency")
# Two decimals of a percentage.
_ROUNDING = 0.000_051


class Watch:
    """What is exposed of each account, and everything about it that was never true.

    ``interval`` in seconds is how old a value may be at the moment that it is shown first.
    """

    def __init__(self, simulator: Simulator, *, clock, interval: float) -> None:
        self._simulator = simulator
        self._clock = clock
        self._interval = interval
        self._history: dict[tuple[str, str], list[TruthRecord]] = defaultdict(list)
        self._read_to, self._read_at_end, self._records = 0.0, 0, 0
        self._bodies: dict[str, dict[str, object]] = defaultdict(dict)
        self._shown: dict[str, dict[str, set[str]]] = defaultdict(dict)
        self._settings = SettingsOf(simulator)
        self._fixed: dict[str, set[str]] = defaultdict(set)
        self._limits: dict[str, str] = {}
        self.lies: dict[str, list[str]] = defaultdict(list)
        self.checked: dict[str, int] = defaultdict(int)
        """Values held against the truth, by account."""

    def see(self, publication) -> None:
        """Look at what is new in a publication."""
        self._catch_up()
        now = self._clock.now()
        for account, families in publication.accounts.items():
            bodies, shown = self._bodies[account], self._shown[account]
            for family in shown.keys() - families.keys():
                del bodies[family], shown[family]
            for family, body in families.items():
                if not family.startswith(_JUDGED) or bodies.get(family) is body:
                    continue
                lines = set(b"".join(body.plain).decode().splitlines())
                for line in lines - shown.get(family, set()):
                    self._judge(account, line, now - self._interval)
                bodies[family], shown[family] = body, lines

    def lines(self, account: str) -> set[str]:
        """Lines of tasks as exposed now; without those of the clock and of calls at once."""
        return set().union(
            *(
                lines
                for family, lines in self._shown[account].items()
                if is_of_tasks(family) and not family.startswith(_AT_ONCE)
            )
        )

    def scraped(self) -> set[str]:
        """All that a scrape shows of tasks now, what follows the clock aside."""
        return set().union(
            *(
                lines
                for shown in self._shown.values()
                for family, lines in shown.items()
                if is_of_tasks(family)
            )
        )

    def never_again(self, account: str) -> set[str]:
        """Settings and dates that were shown once and are not shown now."""
        now = {line.rpartition(" ")[0] for line in self.lines(account)}
        return self._fixed[account] - now

    def statuses(self, account: str) -> Counter[str]:
        """How many tasks are shown in each status."""
        lines = self._shown[account].get("outbound_task_info", ())
        return Counter(_labels(line)["status"] for line in lines)

    def ids(self, account: str) -> set[str]:
        lines = self._shown[account].get("outbound_task_info", ())
        return {_labels(line)["task_id"] for line in lines}

    def true_ids(self, account: str) -> set[str]:
        """Those that the vendor has now."""
        return {task.task_id for task in self._simulator.world.tasks(Selector(account=account))}

    def untrue_since(self, account: str, since: float) -> list[str]:
        """Lines shown now that were true at no moment from ``since`` on."""
        self._catch_up()
        return [line for line in self.lines(account) if not self._holds(account, line, since)]

    def _catch_up(self) -> None:
        records = len(self._simulator.world._truth)
        if records == self._records:
            return
        self._records = records
        fresh = self._simulator.world.truth(self._read_to)[self._read_at_end :]
        for record in fresh:
            self._history[record.account, record.task_id].append(record)
            if record.time > self._read_to:
                self._read_to, self._read_at_end = record.time, 0
            self._read_at_end += 1

    def _judge(self, account: str, line: str, since: float) -> None:
        self.checked[account] += 1
        if not self._holds(account, line, since):
            self.lies[account].append(line)

    def _holds(self, account: str, line: str, since: float) -> bool:
        series, _, value = line.rpartition(" ")
        labels, family = _labels(series), series.partition("{")[0]
        if "task_id" not in labels:
            return self._holds_together(account, series, value, since)
        history = self._history[account, labels["task_id"]]
        if "status" not in labels and family != _AT_ONCE:
            named = any(record.name == labels["task_name"] for record in history)
            return named and self._is_set(account, series, value, labels)
        for record in reversed(history):
            if _agrees(record, family, labels, float(value)):
                return True
            if record.time < since:
                # Whatever was before it had ended then.
                return False
        return False

    def _holds_together(self, account: str, series: str, value: str, since: float) -> bool:
        """The same of an instance, of which an account has one here, or of the whole account."""
        if series.partition("{")[0] != _TOGETHER:
            return self._limits.setdefault(series, value) == value
        histories = [records for (mine, _), records in self._history.items() if mine == account]
        moments = {record.time for records in histories for record in records}
        return any(
            sum(_executing(records, moment) for records in histories) == float(value)
            for moment in {since, *(moment for moment in moments if moment > since)}
        )

    def _is_set(self, account: str, series: str, value: str, labels: dict[str, str]) -> bool:
        """Whether a setting is as the vendor has it; what follows the clock is not judged."""
        family = series.partition("{")[0]
        if family.startswith(_BY_THE_CLOCK):
            return True
        if not family.startswith(_AT_ONCE):
            self._fixed[account].add(series)
        which = next((labels[name] for name in _WHICH if name in labels), "")
        true = self._settings.of(account, labels["task_id"]).get((family, which))
        return true is not None and float(value) == float(true)


def is_of_tasks(family: str) -> bool:
    """Whether a family, or a line, is of tasks and follows the vendor, not the clock."""
    return family.startswith("outbound_task_") and not family.startswith(_BY_THE_CLOCK)


def _labels(series: str) -> dict[str, str]:
    return dict(_LABEL.findall(series))


def _agrees(record: TruthRecord, family: str, labels: dict[str, str], value: float) -> bool:
    status = labels.get("status", record.status)
    if record.removed or (record.name, record.status) != (labels["task_name"], status):
        return False
    values = record.values
    if family == _AT_ONCE:
        return value == values["executing"]
    if family in _COUNTS:
        return value == values[_COUNTS[family]]
    if family == "outbound_task_jobs":
        return value == values[labels["job_status"]]
    if family in _SHARES:
        part, whole = (values[name] for name in _SHARES[family])
        return abs(value - (part / whole if whole else 0)) <= _ROUNDING
    assert family == "outbound_task_info", f"no truth is known of {family}"
    return value == 1


def _executing(records: list[TruthRecord], moment: float) -> int:
    """Calls of a task under way at a moment, if it runs."""
    at = next((record for record in reversed(records) if record.time <= moment), None)
    return 0 if at is None or at.removed or at.status != "running" else at.values["executing"]
