"""What happens while the pictures are made: a good day, with three campaigns that need a look.

The simulator's cast is there to fire alerts: each scope has a stuck campaign, one that misses its
end by far, a failed one. All at once in a small account are a wall of red, in which nobody sees
what a dashboard is like on a usual day.
"""

from typing import Any, Final

Step = dict[str, Any]
"""One of `exporter.simulator.scenario`; ``at`` in seconds from the start."""


def _at_dezhu(campaign: str, **does: Any) -> Step:
    return {"at": 0, "task": {"name": campaign, "vendor": "dezhu"}, **does}


def _at_aliyun(campaign: str, **does: Any) -> Step:
    return {"at": 0, "task": {"name": campaign, "vendor": "aliyun"}, **does}


_HEALTHY: Final[tuple[Step, ...]] = (
    # All campaigns share the 100 lines of one instance, those that come meanwhile, too.
    *(
        {"at": at, "task": {"name": "*-0*", "vendor": "aliyun"}, "do": "set_pace", "lines": 2}
        for at in (0, 500)
    ),
    _at_aliyun("[!a-z]*", do="set_pace", lines=2),
    _at_aliyun("stuck-campaign", do="set_pace", lines=3),
    _at_aliyun("execution-error", do="set_pace", lines=3),
    _at_aliyun("growing-list", do="set_pace", lines=3),
    _at_aliyun("stuck-campaign", do="release"),
    _at_dezhu("will-miss-its-end", do="set_pace", rate=1.5, lines=45),
    _at_dezhu("will-miss-its-end", do="rename", name="loan-due-notice-Q4"),
    {"at": 0, "task": "execution-error", "do": "resume"},
    {"at": 0, "task": {"status": "failed"}, "do": "remove"},
    # Paused in its calling hours, redialling for long, imported for long: each is an alert when an
    # hour lasts minutes.
    {"at": 0, "task": {"status": "paused"}, "do": "close_window"},
    {"at": 0, "task": "on-and-off", "do": "close_window"},
    {"at": 0, "task": "almost-done", "do": "complete"},
    {"at": 60, "task": "list-import", "do": "set_status", "status": "scheduling"},
    # The campaign that its own dashboard shows moves visibly.
    _at_aliyun("steady-campaign", do="set_pace", rate=1.6, lines=22),
    _at_aliyun("steady-campaign", do="set_end", seconds=4_500),
    _at_dezhu("steady-campaign", do="set_pace", rate=1.2, lines=30),
    _at_dezhu("steady-campaign", do="set_end", seconds=3_600),
)

# One is stuck at Dezhu, as it is in the cast. One is late: it needs four hours and has three. And
# one fails while we look.
_TROUBLED: Final[tuple[Step, ...]] = (
    _at_aliyun("will-miss-its-end", do="set_end", seconds=10_800),
    _at_aliyun("will-miss-its-end", do="set_pace", rate=0.5, lines=8, rounds=0),
    _at_dezhu("execution-error", do="fail") | {"at": 640},
)

# Something to see on the dashboard of the exporter. Ends well before the picture is taken.
_FAULTS: Final[tuple[Step, ...]] = (
    {
        "at": 360,
        "fault": {"kind": "code", "vendor": "aliyun", "code": "Throttling.User", "times": 2},
    },
    {"at": 480, "fault": {"kind": "status", "vendor": "dezhu", "http_status": 502}, "for": 40},
)

STORY: Final[list[Step]] = [*_HEALTHY, *_TROUBLED, *_FAULTS]
