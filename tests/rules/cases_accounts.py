"""Accounts: refused, down, stale, incomplete, credentials and clock."""

from tests.rules.making import account, clock, flat, gap
from tests.rules.promtool import Case
from tests.rules.trust_expected import (
    CLOCK,
    COLLECTOR,
    DROPPED,
    MINUTES,
    UNCLASSIFIED,
    down,
    expiring,
    failing,
    read,
    refused,
    stale,
)

WELL, BROKEN = flat(1, MINUTES), flat(0, MINUTES)
TURNS = [float(minute % 2) for minute in range(MINUTES)]
OTHER_TURNS = [1 - turn for turn in TURNS]

CASES = (
    Case(
        alert="OutboundAccountRefused",
        title="the key is not accepted",
        series=failing([*flat(1, 10), *flat(0, 110)], auth=[*flat(0, 10), *flat(1, 110)]),
        silent=(9, 10),
        fires={12: refused("auth"), 100: refused("auth")},
    ),
    Case(
        alert="OutboundAccountRefused",
        title="a permission is missing, and a restart of the exporter changes nothing",
        series=failing(
            [*flat(0, 30), *gap(5), *flat(0, 85)],
            permission=[*flat(1, 30), *gap(5), *flat(1, 85)],
        ),
        fires={10: refused("permission"), 33: refused("permission"), 60: refused("permission")},
    ),
    Case(
        alert="OutboundAccountRefused",
        title="an optional collector lacks a permission, the account works",
        series=failing(WELL, permission=flat(1, MINUTES)),
        silent=(5, 60, 119),
    ),
    Case(
        alert="OutboundAccountRefused",
        title="the vendor does not answer",
        series=failing(BROKEN, unavailable=flat(1, MINUTES)),
        silent=(5, 60, 119),
    ),
    Case(
        alert="OutboundAccountRefused",
        title="an account that has not been polled yet",
        series=failing(gap(MINUTES)),
        silent=(1, 5),
    ),
    Case(
        alert="OutboundAccountDown",
        title="the vendor does not answer",
        series=failing([*flat(1, 10), *flat(0, 110)], unavailable=[*flat(0, 10), *flat(1, 110)]),
        silent=(9, 14),
        fires={16: down("unavailable"), 100: down("unavailable")},
    ),
    Case(
        alert="OutboundAccountDown",
        title="two reasons take turns",
        series=failing(BROKEN, protocol=TURNS, unavailable=OTHER_TURNS),
        fires={30: (down("protocol"), down("unavailable"))},
    ),
    Case(
        alert="OutboundAccountDown",
        title="one poll that fails",
        series=failing(
            [*flat(1, 10), *flat(0, 2), *flat(1, 108)],
            unavailable=[*flat(0, 10), *flat(1, 2), *flat(0, 108)],
        ),
        silent=(11, 15, 17, 30),
    ),
    Case(
        alert="OutboundAccountDown",
        title="refused: that is an alert of its own",
        series=failing(BROKEN, auth=flat(1, MINUTES)),
        silent=(5, 10, 60),
    ),
    Case(
        alert="OutboundCollectorDown",
        title="a permission of the collector is missing",
        series=account("dezhu", collector__collector_up={"concurrency": BROKEN, "detail": WELL}),
        silent=(14,),
        fires={16: COLLECTOR},
    ),
    Case(
        alert="OutboundCollectorDown",
        title="it fails now and then, or is off",
        series=account("dezhu", collector__collector_up={"concurrency": TURNS}),
        silent=(16, 60, 119),
    ),
    Case(
        alert="OutboundDataStale",
        title="the last reading stands still at minute 10",
        series=read([*clock(0, 60, 10), *flat(600, 110)], 60),
        silent=(10, 14, 15),
        fires={17: stale("active", "7m 0s"), 30: stale("active", "20m 0s")},
    ),
    Case(
        alert="OutboundDataStale",
        title="each tier against its own interval: an hour is young for finished tasks",
        series=read([*clock(0, 60, 10), *flat(600, 110)], 3600, "finished"),
        silent=(17, 60, 119),
    ),
    Case(
        alert="OutboundDataStale",
        title="the interval in force is longer than the configured one",
        series=read([second for at in range(6) for second in flat(at * 1200, 20)], 1200),
        silent=(19, 39, 59, 119),
    ),
    Case(
        alert="OutboundDataStale",
        title="a tier that was never read has no age",
        series=read(gap(MINUTES), 60),
        silent=(5, 60),
    ),
    Case(
        alert="OutboundTasksDropped",
        title="25 tasks above the limit",
        series=account("dezhu", reason__dropped_tasks={"limit": flat(25, MINUTES)}),
        silent=(4,),
        fires={6: DROPPED},
    ),
    Case(
        alert="OutboundTasksDropped",
        title="filtered and aged tasks are left out on purpose",
        series=account(
            "dezhu",
            reason__dropped_tasks={
                "limit": BROKEN,
                "filtered": flat(9, MINUTES),
                "aged": flat(99, MINUTES),
            },
        ),
        silent=(6, 60),
    ),
    Case(
        alert="OutboundUnclassifiedTasks",
        title="count after count says so",
        series=account("dezhu", unclassified_tasks=flat(3, 240)),
        silent=(60, 119),
        fires={121: UNCLASSIFIED},
    ),
    Case(
        alert="OutboundUnclassifiedTasks",
        title="one count was off because a task just changed its status",
        series=account("dezhu", unclassified_tasks=[*flat(0, 20), *flat(1, 65), *flat(0, 155)]),
        silent=(21, 80, 130, 200),
    ),
    Case(
        alert="OutboundCredentialExpiring",
        title="not renewed: they end at minute 60",
        series=account("dezhu", credential_expiry_timestamp_seconds=flat(3600, MINUTES)),
        silent=(50, 56),
        fires={58: expiring("2m 0s"), 61: expiring(None), 75: expiring(None)},
    ),
    Case(
        alert="OutboundCredentialExpiring",
        title="a quarter of an hour long and renewed when five minutes are left",
        series=account(
            "dezhu",
            credential_expiry_timestamp_seconds=[
                600.0 * (minute // 10) + 900 for minute in range(MINUTES)
            ],
        ),
        silent=tuple(range(5, 119, 3)),
    ),
    Case(
        alert="OutboundClockOffset",
        title="the vendor is a minute and a half behind",
        series=account("dezhu", clock_offset_seconds=flat(-90, MINUTES)),
        silent=(14,),
        fires={16: CLOCK},
    ),
    Case(
        alert="OutboundClockOffset",
        title="half a minute, and one slow answer",
        series=account("dezhu", clock_offset_seconds=[*flat(30, 20), 95.0, *flat(-30, 99)]),
        silent=(16, 20, 21, 60),
    ),
)
