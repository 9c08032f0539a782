"""Queries on whether the figures can be trusted, shared by two dashboards."""

from tools.dashboards.queries import ACCOUNT, of
from tools.thresholds import Limits

_KEY = "platform, account, tier"


def age_seconds() -> str:
    """How old the latest good reading of each tier is."""
    return f"time() - {of('outbound_account_last_success_timestamp_seconds', ACCOUNT)}"


def interval_seconds() -> str:
    """How often each tier is polled now."""
    return of("outbound_account_refresh_interval_seconds", ACCOUNT)


def stale_readings(limits: Limits) -> str:
    """One series for each reading that is older than its interval allows, as the alert says it."""
    allowed = f"{limits.refresh_intervals:g} * {interval_seconds()}"
    return f"{age_seconds()} > {allowed} + {limits.refresh_slack_seconds:g}"
