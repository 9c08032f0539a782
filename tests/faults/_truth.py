"""Holds everything that is published against the simulator's own history of true values."""

import re
from collections import defaultdict

from exporter.simulator import Simulator, TruthRecord

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
        self._fixed: dict[str, str] = {}
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
                if not is_of_tasks(family) or bodies.get(family) is body:
                    continue
                lines = set(b"".join(body.plain).decode().splitlines())
                for line in lines - shown.get(family, set()):
                    self._judge(account, line, now - self._interval)
                bodies[family], shown[family] = body, lines

    def lines(self, account: str) -> set[str]:
        """Lines of tasks that do not follow the clock, as exposed now."""
        return set().union(*self._shown[account].values())

    def count(self) -> int:
        """How many lines of tasks are exposed now, of all accounts."""
        return sum(len(lines) for shown in self._shown.values() for lines in shown.values())

    def ids(self, account: str) -> set[str]:
        lines = self._shown[account].get("outbound_task_info", ())
        return {_labels(line)["task_id"] for line in lines}

    def true_ids(self, account: str) -> set[str]:
        """Those that the vendor has now."""
        return {task.task_id for task in self._simulator.world.tasks() if task.account == account}

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
        if "status" not in labels:
            # Settings and dates of a task are the same all the time.
            return self._fixed.setdefault(series, value) == value
        history = self._history[account, labels["task_id"]]
        for record in reversed(history):
            if _agrees(record, family, labels, float(value)):
                return True
            if record.time < since:
                # Whatever was before it had ended then.
                return False
        return False


def is_of_tasks(family: str) -> bool:
    """Whether a family, or a line, is of tasks and follows the vendor, not the clock."""
    return family.startswith("outbound_task_") and not family.startswith(_BY_THE_CLOCK)


def _labels(series: str) -> dict[str, str]:
    return dict(_LABEL.findall(series))


def _agrees(record: TruthRecord, family: str, labels: dict[str, str], value: float) -> bool:
    if record.removed or (record.name, record.status) != (labels["task_name"], labels["status"]):
        return False
    values = record.values
    if family in _COUNTS:
        return value == values[_COUNTS[family]]
    if family == "outbound_task_jobs":
        return value == values[labels["job_status"]]
    if family in _SHARES:
        part, whole = (values[name] for name in _SHARES[family])
        return abs(value - (part / whole if whole else 0)) <= _ROUNDING
    assert family == "outbound_task_info", f"no truth is known of {family}"
    return value == 1
