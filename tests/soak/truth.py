"""Holds what is exposed at every second against the simulator's own history of true values."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.simulator import Simulator, TruthRecord
from tests.soak.families import COUNTED, FIELDS
from tests.soak.troubles import Troubles

KEPT_SECONDS = 3 * 3600.0
SLACK_SECONDS = 2.0
JITTER = 1.05
TIERS = {
    **dict.fromkeys(("running", "scheduling", "initializing"), "active"),
    **dict.fromkeys(("not_started", "paused", "draft", "failed", "unknown"), "idle"),
    **dict.fromkeys(("completed", "expired", "cancelled"), "finished"),
}
_LINE = re.compile(
    rf'^({"|".join(COUNTED)})\{{platform="\w+",account="([^"]*)",task_id="([^"]*)",.*'
    r',status="(\w+)"(?:,job_status="(\w+)")?\} (\S+)$',
    re.MULTILINE,
)
Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is exposed of a task."""

    status: str
    values: Values
    alone: bool = False
    """The values are held against the truth without the status."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is exposed, and of what."""

    account: str
    task_id: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class Span:
    """What was true of a task ``since`` a moment ``until`` another (epoch seconds)."""

    since: float
    until: float
    record: TruthRecord


def read(lines: str) -> dict[str, dict[str, Shown]]:
    """The tasks in an exposition, by account and id; other families are left out.

    Raises:
        ValueError: A task is there under two statuses, or a series twice.
    """
    found: dict[str, dict[str, Shown]] = {}
    for match in _LINE.finditer(lines):
        family, account, task_id, status, job_status, value = match.groups()
        shown = found.setdefault(account, {}).setdefault(task_id, Shown(status, {}))
        field = job_status or FIELDS[family]
        if shown.status != status or field in shown.values:
            raise ValueError(f"task {task_id} is there twice")
        shown.values[field] = float(value)
    return found


class Witness:
    """Sees everything that is exposed, and notes what it should not have been.

    A value may be shown for as long as it was true within the last interval: that of the tier it
    is shown in or of the tier it belongs in, whichever is shorter. Of an account in trouble it may
    be as old as that when the trouble began, and ``intervals`` gives them by account.
    """

    def __init__(
        self, simulator: Simulator, troubles: Troubles, intervals: Callable[[str], dict[str, float]]
    ) -> None:
        self._simulator, self._troubles, self._intervals = simulator, troubles, intervals
        self._history: dict[tuple[str, str], list[TruthRecord]] = defaultdict(list)
        self._read_to, self._read_at_end = 0.0, 0
        self._exposed: dict[str, tuple[float, dict[str, Shown]]] = {}
        self._unseen: dict[tuple[str, str], float] = {}
        self.violations: list[str] = []
        self.judged = 0
        """Values held against the truth."""
        self.oldest_seconds = dict.fromkeys(("active", "idle", "finished"), 0.0)
        """By tier, the oldest value that was shown of an account without trouble."""
        self.slow_seconds = {False: 0.0, True: 0.0}
        """How long after trouble, and an interval, a value was late; True: after throttling."""

    def shown(self, account: str) -> dict[str, Shown]:
        """What is exposed of an account now."""
        return self._exposed[account][1] if account in self._exposed else {}

    def compare(self, now: float, text: str, accounts: list[str]) -> None:
        """A scrape has to give what was seen to be exposed, of these accounts and of no other."""
        scraped = read(text)
        for account in {*scraped, *self._exposed}:
            if scraped.get(account, {}) != self.shown(account):
                self._violated(now, account, "a scrape gives something else than was published")
            if account not in accounts and self.shown(account):
                self._violated(now, account, "an account that was removed is exposed")

    @property
    def exposed(self) -> int:
        """How many tasks are exposed now."""
        return sum(len(tasks) for _, tasks in self._exposed.values())

    def see(self, event: dict) -> None:
        """Take in what the exporter exposes from now on."""
        at, account = event["at"], event["account"]
        self.judge(at, [account])
        if event["lines"] is None:
            self._exposed.pop(account, None)
            return
        try:
            self._exposed[account] = at, read(event["lines"]).get(account, {})
        except ValueError as error:
            self._violated(at, account, str(error))

    def judge(self, now: float, accounts: list[str] | None = None) -> None:
        """Judge what has been exposed since the last time, until ``now``."""
        self._catch_up()
        for account in accounts or tuple(self._exposed):
            if account not in self._exposed:
                continue
            since, tasks = self._exposed[account]
            for task_id, shown in tasks.items():
                for part in _parts(shown):
                    self._judge(Claim(account, task_id, part), since=since, now=now)
            self._exposed[account] = now, tasks

    def missing(self, now: float, wanted: Callable[[str, str], bool]) -> None:
        """Judge what is not exposed: an active task has to be, an interval after it became one.

        ``wanted`` tells by account and name whether it is to be exposed at all.
        """
        absent = {}
        for (account, task_id), history in self._history.items():
            record = history[-1]
            active = not record.removed and TIERS[record.status] == "active"
            if not active or task_id in self.shown(account) or not wanted(account, record.name):
                continue
            since = self._unseen.get((account, task_id), now)
            absent[account, task_id] = since
            allowed = self._allowed(account, "active")
            if now - max(since, self._healthy_since(account, now, "active")) > allowed:
                self._violated(now, account, f"task {task_id} has been missing for {now - since} s")
        self._unseen = absent

    def _judge(self, claim: Claim, *, since: float, now: float) -> None:
        self.judged += len(claim.shown.values)
        spans: list[Span] = []
        for span in self._spans_back(claim, now):
            spans.append(span)
            if span.since <= since and _agree(span.record, claim.shown):
                break
        last_true, wrong = -1.0, None
        for span in reversed(spans):
            if _agree(span.record, claim.shown):
                self._hold(claim, max(span.since, since), last_true, wrong)
                last_true, wrong = span.until, None
            else:
                wrong = span.record
        self._hold(claim, now, last_true, wrong)

    def _hold(self, claim: Claim, at: float, last_true: float, wrong: TruthRecord | None) -> None:
        """What is shown at a moment was last true at another: not too long ago?"""
        if last_true >= at or wrong is None:
            return
        account, shown = claim.account, claim.shown
        tiers = {TIERS[shown.status]}
        if not wrong.removed and not shown.alone:
            tiers.add(TIERS[wrong.status])
        tier = min(tiers, key=lambda one: self._allowed(account, one))
        allowed, began = self._allowed(account, tier), self._trouble_since(account, at, tier)
        if shown.alone:
            allowed += self._allowed(account, "idle")
        if last_true >= began - allowed:
            if began >= at and not shown.alone:
                self.oldest_seconds[tier] = max(self.oldest_seconds[tier], at - last_true)
            elif at - last_true > allowed:
                self._note_slow(account, at, self._allowed(account, tier))
        elif began >= at or not self._was_told(claim, at, began - allowed):
            self._untrue(claim, at, last_true, wrong)

    def _note_slow(self, account: str, at: float, recovery: float) -> None:
        """What was excused by trouble that had ended: how long before?"""
        showing = [one for one in self._troubles.of(account) if one.shows_until + recovery >= at]
        seconds = min((at - one.until - recovery for one in showing), default=0.0)
        throttled = all(one.throttled for one in showing)
        self.slow_seconds[throttled] = max(self.slow_seconds[throttled], seconds)

    def _untrue(self, claim: Claim, at: float, last_true: float, wrong: TruthRecord) -> None:
        shown, troubles = claim.shown, self._troubles.of(claim.account)
        age = f"true {at - last_true:.0f} s ago" if last_true > 0 else "never true"
        truth = "it is gone" if wrong.removed else f"true is {wrong.status} {wrong.values}"
        had = [f"{one.kind} {one.since:.0f}-{one.until:.0f}" for one in troubles]
        what = f"task {claim.task_id} {shown.status} {shown.values} was {age}; {truth}"
        self._violated(at, claim.account, f"{what}; troubles: {', '.join(had) or 'none'}")

    def _was_told(self, claim: Claim, at: float, since: float) -> bool:
        """Whether a vendor in trouble has told what is shown, field by field."""
        shown = claim.shown
        kinds = {one.kind for one in self._troubles.of(claim.account) if one.since <= at}
        if shown.status == "unknown" and "unknown_status" in kinds:
            return True
        records = [
            span.record
            for span in self._spans_back(claim, at)
            if span.until >= since and (shown.alone or span.record.status == shown.status)
        ]
        return bool(records) and all(
            any(record.values[field] == value for record in records)
            for field, value in shown.values.items()
        )

    def _spans_back(self, claim: Claim, now: float) -> Iterator[Span]:
        """What was true of its task until now, the latest first."""
        until = now
        for record in reversed(self._history.get((claim.account, claim.task_id), ())):
            if record.time <= now:
                yield Span(record.time, until, record)
                until = record.time

    def _allowed(self, account: str, tier: str) -> float:
        return self._intervals(account)[tier] * JITTER + SLACK_SECONDS

    def _trouble_since(self, account: str, at: float, tier: str) -> float:
        """When the trouble began that may still show at a moment; that moment itself if none."""
        recovery = self._allowed(account, tier)
        began = at
        for one in sorted(self._troubles.of(account), key=lambda one: -one.since):
            if one.since < began <= one.shows_until + recovery:
                began = one.since
        return began

    def _healthy_since(self, account: str, now: float, tier: str) -> float:
        recovery = self._allowed(account, tier)
        ends = [one.shows_until + recovery for one in self._troubles.of(account) if one.since < now]
        return max(ends, default=0.0)

    def _catch_up(self) -> None:
        fresh = self._simulator.world.truth(self._read_to)[self._read_at_end :]
        for record in fresh:
            history = self._history[record.account, record.task_id]
            history.append(record)
            while len(history) > 1 and history[1].time < record.time - KEPT_SECONDS:
                del history[0]
            if record.time > self._read_to:
                self._read_to, self._read_at_end = record.time, 0
            self._read_at_end += 1

    def forget(self, now: float) -> None:
        """Forget tasks that were removed long ago."""
        for key, history in tuple(self._history.items()):
            if history[-1].removed and history[-1].time < now - KEPT_SECONDS:
                del self._history[key]

    def _violated(self, at: float, account: str, what: str) -> None:
        self.violations.append(f"{at:.1f} {account}: {what}")


def _parts(shown: Shown) -> Iterator[Shown]:
    """What has to be true at once.

    ``DescribeJobGroup``, which tells where a group has gone that left its tier, does not give the
    calls: they stay what they were until a list of its new tier gives them. A group that leaves
    that tier too before it was listed takes them along.
    """
    if "calls" not in shown.values:
        yield shown
        return
    together = {field: value for field, value in shown.values.items() if field != "calls"}
    yield Shown(shown.status, together)
    yield Shown(shown.status, {"calls": shown.values["calls"]}, alone=True)


def _agree(record: TruthRecord, shown: Shown) -> bool:
    if record.removed or not (shown.alone or record.status == shown.status):
        return False
    values = record.values
    return all(values[field] == value for field, value in shown.values.items())
