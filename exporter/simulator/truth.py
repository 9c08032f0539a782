"""The true values over time, against which every exposed value can be held."""

from bisect import bisect_left
from collections.abc import Iterator

import msgspec

from exporter.simulator.campaign import VALUE_NAMES, Campaign, Status, Vendor, values_of


class TruthRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was true of a task from ``time`` (epoch seconds) until its next record."""

    time: float
    vendor: Vendor
    account: str
    scope: str
    task_id: str
    name: str
    status: Status
    values: dict[str, int]
    removed: bool = False


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """A record as it is kept: shared references only, made into words when asked for."""

    time: float
    campaign: Campaign
    name: str
    status: Status
    values: tuple[int, ...]
    removed: bool


class TruthLog:
    """One record for each task at the start and one at each change.

    At most ``limit`` records are kept. When there are more, the oldest tenth goes, so a reader
    that wants everything asks again with the time of the last record it has.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, time: float, campaign: Campaign, *, removed: bool = False) -> None:
        """Record what is true of a campaign now."""
        entry = _Entry(time, campaign, campaign.name, campaign.status, values_of(campaign), removed)
        self._entries.append(entry)
        if len(self._entries) > self._limit:
            del self._entries[: max(1, self._limit // 10)]

    def records(self, since: float = 0.0) -> Iterator[TruthRecord]:
        """Give the records from a time (epoch seconds, inclusive) on, oldest first."""
        first = bisect_left(self._entries, since, key=lambda entry: entry.time)
        return map(_record, self._entries[first:])


def _record(entry: _Entry) -> TruthRecord:
    campaign = entry.campaign
    return TruthRecord(
        time=entry.time,
        vendor=campaign.vendor,
        account=campaign.account,
        scope=campaign.scope,
        task_id=campaign.task_id,
        name=entry.name,
        status=entry.status,
        values=dict(zip(VALUE_NAMES[campaign.vendor], entry.values, strict=True)),
        removed=entry.removed,
    )
