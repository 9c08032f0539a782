"""The tasks of one scope, kept so that a page of 100,000 costs no more than one of 40."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.simulator.campaign import Campaign, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a list request asks for; None matches everything. Times are epoch seconds."""

    statuses: frozenset[Status] | None = None
    text: str = ""
    profiles: frozenset[int] | None = None
    manual: bool | None = None
    created_from: float | None = None
    created_to: float | None = None

    @property
    def needs_scan(self) -> bool:
        """Rows have to be looked at one by one."""
        return bool(self.text) or self.profiles is not None or self.manual is not None


def _serial(campaign: Campaign) -> int:
    return campaign.serial


def _created(campaign: Campaign) -> float:
    return campaign.created


class Shelf:
    """Tasks by status, oldest first; creation times never fall along the serial."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.by_id: dict[str, Campaign] = {}
        self._all: list[Campaign] = []
        self._by_status: dict[Status, list[Campaign]] = {}
        self._found: dict[Match, list[Campaign]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Campaign]:
        return iter(tuple(self._all))

    def add(self, campaign: Campaign) -> None:
        """Put a new campaign behind all others."""
        if self._all:
            campaign.created = max(campaign.created, self._all[-1].created)
        self._all.append(campaign)
        self.by_id[campaign.task_id] = campaign
        insort(self._by_status.setdefault(campaign.status, []), campaign, key=_serial)
        self._found.clear()

    def remove(self, campaign: Campaign) -> None:
        """Take a campaign away."""
        del self.by_id[campaign.task_id]
        for campaigns in (self._all, self._by_status[campaign.status]):
            del campaigns[bisect_left(campaigns, campaign.serial, key=_serial)]
        self._found.clear()

    def move(self, campaign: Campaign, status: Status) -> None:
        """Give a campaign another status."""
        old = self._by_status[campaign.status]
        del old[bisect_left(old, campaign.serial, key=_serial)]
        campaign.status = status
        insort(self._by_status.setdefault(status, []), campaign, key=_serial)
        self._found.clear()

    def renamed(self) -> None:
        """Forget searches by name."""
        self._found.clear()

    def with_status(self, status: Status) -> Sequence[Campaign]:
        """Return the campaigns of one status, oldest first."""
        return self._by_status.get(status, ())

    def page(self, match: Match, *, offset: int, size: int) -> tuple[list[Campaign], int]:
        """Return some rows, newest first, and how many match.

        Args:
            match: Which rows.
            offset: How many of the newest are left out.
            size: At most so many rows.
        """
        rows = self._candidates(match)
        low, high = 0, len(rows)
        if match.created_from is not None:
            low = bisect_left(rows, match.created_from, key=_created)
        if match.created_to is not None:
            high = max(low, bisect_left(rows, match.created_to, key=_created))
        end = max(low, high - max(0, offset))
        begin = max(low, end - size)
        return list(reversed(rows[begin:end])), high - low

    def _candidates(self, match: Match) -> Sequence[Campaign]:
        if match.statuses is None and not match.needs_scan:
            return self._all
        if match.statuses is not None and len(match.statuses) == 1 and not match.needs_scan:
            (status,) = match.statuses
            return self.with_status(status)
        # Creation times differ at every poll, and are cut out of the found list by bisection.
        key = Match(
            statuses=match.statuses,
            text=match.text,
            profiles=match.profiles,
            manual=match.manual,
        )
        found = self._found.get(key)
        if found is None:
            if len(self._found) > 64:
                self._found.clear()
            found = self._found[key] = self._scan(key)
        return found

    def _scan(self, match: Match) -> list[Campaign]:
        rows: list[Campaign] = self._all
        if match.statuses is not None:
            rows = [row for status in match.statuses for row in self.with_status(status)]
            rows.sort(key=_serial)
        if match.text:
            rows = [row for row in rows if match.text in row.name]
        if match.profiles is not None:
            rows = [row for row in rows if row.profile in match.profiles]
        if match.manual is not None:
            rows = [row for row in rows if row.manual == match.manual]
        return rows
