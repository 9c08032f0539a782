"""The accounts of the scenario proof: each trouble of a whole account has one of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.e2e.periods import REFRESH, STALE_AFTER

Vendor = Literal["dezhu", "aliyun"]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account.

    Attributes:
        name: What the exporter calls it.
        vendor: Its platform.
        number: Which of the simulator's accounts of that vendor it is, from 1.
        exporter: Which exporter polls it.
        keys: Of its configuration, over the common ones.
    """

    name: str
    vendor: Vendor
    number: int
    exporter: str = "main"
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def simulated(self) -> str:
        """What the simulator calls it."""
        return f"{self.vendor}-demo" + (f"-{self.number}" if self.number > 1 else "")


def _numbered(*accounts: tuple[str, Vendor, str, dict[str, Any]]) -> tuple[Account, ...]:
    counts: dict[Vendor, int] = {"dezhu": 0, "aliyun": 0}
    found = []
    for name, vendor, exporter, keys in accounts:
        counts[vendor] += 1
        found.append(
            Account(name=name, vendor=vendor, number=counts[vendor], exporter=exporter, keys=keys)
        )
    return tuple(found)


def _zone_just_after_midnight(hour: int) -> str:
    """Where it is between midnight and one now, by the hour of UTC; the names count westwards."""
    return f"Etc/GMT+{hour}" if hour <= 12 else f"Etc/GMT-{24 - hour}"


JUST_AFTER_MIDNIGHT = _zone_just_after_midnight(datetime.now(UTC).hour)
"""A zone in which a day ended within the last hour, for tasks that ended with it."""
TIGHT = {"requests_per_second": 0.5, "burst": 1, "requests_per_hour": 1800, "concurrency": 1}
AMPLE = {
    "requests_per_second": 300,
    "burst": 600,
    "requests_per_hour": 1_000_000,
    "concurrency": 8,
}
ACCOUNTS = _numbered(
    ("calls", "dezhu", "main", {}),
    ("bots", "aliyun", "main", {}),
    ("busy", "aliyun", "main", {}),
    ("down", "dezhu", "main", {"stale_after": "5m"}),
    ("half-blind", "aliyun", "main", {}),
    ("stale", "dezhu", "main", {"timeout": "5m"}),
    ("late", "dezhu", "main", {}),
    ("throttled", "aliyun", "main", {}),
    ("crowded", "dezhu", "main", {"tasks": {"limit": 3}}),
    ("strange", "dezhu", "main", {}),
    ("skewed", "dezhu", "main", {}),
    ("elsewhere", "dezhu", "main", {"timezone": JUST_AFTER_MIDNIGHT}),
    ("refused", "dezhu", "refused", {}),
    ("tight", "dezhu", "tight", {}),
    ("mortal", "dezhu", "mortal", {}),
    ("renewed", "aliyun", "renewed", {}),
    ("temporary", "aliyun", "temporary", {}),
)


def simulated(name: str) -> str:
    """What the simulator calls an account."""
    return next(account.simulated for account in ACCOUNTS if account.name == name)


@dataclass(frozen=True, kw_only=True)
class Healthy:
    """A simulator of its own, in which nothing is wrong."""

    options: Mapping[str, Any]
    accounts: tuple[Account, ...]
    steps: tuple[dict[str, Any], ...]


def _removed(**selector: str) -> dict[str, Any]:
    return {"task": selector, "do": "remove"}


HEALTHY = Healthy(
    options={"tasks": 60, "lively": True, "seed": 4},
    accounts=_numbered(
        ("healthy-calls", "dezhu", "main", {}), ("healthy-bots", "aliyun", "main", {})
    ),
    # Of the cast those that alerts are for, and of the crowd those that nobody minds any more:
    # paused or failed for days. Dates stay on the clock, so an import of half an hour would here
    # be one of 30 hours.
    steps=(
        *(
            _removed(name=name)
            for name in ("stuck-campaign", "will-miss-its-end", "list-import", "ran-out-of-time")
        ),
        _removed(status="paused"),
        _removed(status="failed"),
    ),
)


def configured(exporter: str, rows: Mapping[str, tuple[Account, dict[str, Any]]]) -> dict[str, Any]:
    """The configuration of one exporter."""
    return {
        "defaults": {
            "collect": ["progress", "schedule", "settings", "agents", "concurrency"],
            "refresh": REFRESH,
            "stale_after": STALE_AFTER,
            "budget": AMPLE,
        },
        "accounts": [
            {**row, "name": account.name, **account.keys}
            for account, row in rows.values()
            if account.exporter == exporter
        ],
    }
