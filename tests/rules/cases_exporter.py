"""The exporter itself and its budget: down, not reloaded, throttled, stretched, too slow."""

from tests.rules.making import TARGET, flat, gap, ramp, series
from tests.rules.promtool import Case
from tests.rules.trust_expected import (
    EXPORTER,
    MINUTES,
    NO_JOB,
    RELOAD,
    SKIPPED,
    STRETCHED,
    THROTTLED,
    calls,
    intervals,
    skips,
)

WELL = flat(1, MINUTES)

CASES = (
    Case(
        alert="OutboundExporterDown",
        title="no answer for five minutes",
        series=series("up", TARGET, [*flat(1, 10), *flat(0, 110)]),
        silent=(9, 14),
        fires={15: EXPORTER, 100: EXPORTER},
    ),
    Case(
        alert="OutboundExporterDown",
        title="no such scrape job",
        series=series("up", {"job": "node"}, WELL),
        silent=(4,),
        fires={10: NO_JOB},
    ),
    Case(
        alert="OutboundExporterDown",
        title="a restart that takes three minutes",
        series=series("up", TARGET, [*flat(1, 10), *flat(0, 3), *flat(1, 107)]),
        silent=(11, 13, 20),
    ),
    Case(
        alert="OutboundThrottled",
        title="one call of five",
        series=calls(10, 2),
        silent=(5, 14),
        fires={40: THROTTLED},
    ),
    Case(
        alert="OutboundThrottled",
        title="one of a hundred",
        series=calls(100, 1),
        silent=(20, 60, 119),
    ),
    Case(
        alert="OutboundThrottled",
        title="half of a handful",
        series=calls(0.5, 0.25),
        silent=(20, 60, 119),
    ),
    Case(
        alert="OutboundThrottled",
        title="no call at all",
        series=calls(0, 0),
        silent=(20, 60, 119),
    ),
    Case(
        alert="OutboundThrottled",
        title="counters that begin again with the exporter",
        series={
            key: values if "requests" in key else " ".join(["400"] * 30 + ["0"] * 90)
            for key, values in calls(10, 0).items()
        },
        silent=(29, 31, 46, 60),
    ),
    Case(
        alert="OutboundBudgetStretched",
        title="two and a half hours where one is configured",
        series=intervals(flat(9000, MINUTES), 3600),
        silent=(29,),
        fires={31: STRETCHED},
    ),
    Case(
        alert="OutboundBudgetStretched",
        title="a little longer, and for a moment",
        series=intervals([*flat(4800, 60), *flat(9000, 20), *flat(3600, 40)], 3600),
        silent=(31, 65, 79, 90),
    ),
    Case(
        alert="OutboundPollsSkipped",
        title="one poll of two for good",
        series=skips(ramp(0, 0.5, MINUTES)),
        silent=(20, 44),
        fires={60: SKIPPED},
    ),
    Case(
        alert="OutboundPollsSkipped",
        title="the first reading of a large account, and again after a restart",
        series=skips(
            [*ramp(0, 1, 8), *flat(8, 52), *gap(2), *ramp(0, 1, 8), *flat(8, 50)],
            started=[*flat(0, 60), *gap(2), *flat(3700, 58)],
        ),
        silent=(20, 31, 45, 65, 80, 95, 105, 119),
    ),
    Case(
        alert="OutboundPollsSkipped",
        title="the first reading of an account that was added",
        series=skips([*gap(40), *ramp(0, 1, 8), *flat(8, 72)]),
        silent=(50, 65, 80, 119),
    ),
    Case(
        alert="OutboundPollsSkipped",
        title="two in half an hour",
        series=skips(ramp(0, 2 / 30, MINUTES)),
        silent=(45, 60, 119),
    ),
    Case(
        alert="OutboundConfigReloadFailed",
        title="a mistake in the new file",
        series=series(
            "outbound_exporter_config_last_reload_successful",
            TARGET,
            [*flat(1, 10), *flat(0, 110)],
        ),
        silent=(9, 10),
        fires={11: RELOAD, 100: RELOAD},
    ),
    Case(
        alert="OutboundConfigReloadFailed",
        title="put right",
        series=series(
            "outbound_exporter_config_last_reload_successful",
            TARGET,
            [*flat(1, 10), *flat(0, 5), *flat(1, 105)],
        ),
        silent=(10, 31, 60),
        fires={14: RELOAD, 16: RELOAD, 28: RELOAD},
    ),
    Case(
        alert="OutboundConfigReloadFailed",
        title="put right at once",
        series=series(
            "outbound_exporter_config_last_reload_successful",
            TARGET,
            [*flat(1, 10), 0.0, *flat(1, 109)],
        ),
        silent=(10, 11, 12, 25, 60),
    ),
    Case(
        alert="OutboundConfigReloadFailed",
        title="scrapes that are missed end nothing",
        series=series(
            "outbound_exporter_config_last_reload_successful",
            TARGET,
            [*flat(1, 10), *flat(0, 20), *gap(8), *flat(0, 82)],
        ),
        silent=(10,),
        fires={29: RELOAD, 36: RELOAD, 39: RELOAD},
    ),
)
