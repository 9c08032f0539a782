"""The times of the scenario proof: a minute of real life takes two seconds here, everywhere alike.

================================  ==============  ===================================
what                              in real life    here
================================  ==============  ===================================
scrape, evaluation                1 m at most     2 s
active poll (`refresh.active`)    1 m             2 s
idle poll                         5 m             10 s
finished poll                     1 h             20 s, so that none waits two minutes
`for`, lookbacks, keep firing     `Periods()`     a thirtieth
dialling (simulator's speed)      1               30
================================  ==============  ===================================

So every lookback spans as many polls and scrapes as it does in real life, and redial waits, pauses
and growing lists stand to them as they do there. Two things stay as they are: dates with their
calling windows, and the 5 seconds that Prometheus takes to find its targets. `forgotten` is two
hours: a day of Dezhu ends at midnight, and the nearest midnight of any zone may be an hour ago.

Longest of all takes the collapsed connected ratio: a lookback of the past (2 m), some of the
present (2 m at most), `for` (30 s), and as long again to recover.
"""

from dataclasses import replace

from tools.thresholds import Limits, Periods, Thresholds

SPEED = 30
MINUTE_SECONDS = 60 / SPEED
THRESHOLDS = Thresholds(
    periods=replace(Periods().scaled(1 / SPEED), forgotten=7200, unclassified=40),
    limits=replace(
        Limits(),
        refresh_slack_seconds=Limits().refresh_slack_seconds / SPEED,
        credential_seconds=20,
    ),
)
CREDENTIAL_SECONDS = 90
"""Temporary credentials are renewed when a third of that is left, well before the alert."""
SCRAPE_INTERVAL = f"{MINUTE_SECONDS:g}s"
REFRESH = {
    "active": f"{MINUTE_SECONDS:g}s",
    "idle": f"{5 * MINUTE_SECONDS:g}s",
    "finished": "20s",
    "detail": "20s",
}
STALE_AFTER = "1m"
"""More than a thirtieth of what is usual: an account that is down keeps its figures for a while."""

FIRES_WITHIN = 300.0
"""Seconds until the notice arrives, at the latest; also on a busy machine."""
RESOLVES_WITHIN = 300.0
