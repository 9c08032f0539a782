"""Families of how one campaign is set up to dial."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from exporter.domain import Settings
from exporter.families.model import Collector, Family, Labels, Samples, Subject


def _redial(field: str) -> Callable[[Settings], Samples]:
    get = attrgetter(field)

    def read(settings: Settings) -> Samples:
        for redial in settings.redial:
            value = get(redial)
            if value is not None:
                yield (redial.batch,), value

    return read


def _recall_ignored(settings: Settings) -> Samples:
    for reason, ignored in settings.recall_ignored:
        yield (reason,), ignored


def _setting(name: str, read: Any, help_text: str, **fields: Any) -> Family:
    return Family(
        f"outbound_task_{name}",
        Collector.SETTINGS,
        Labels.TASK,
        Subject.SETTINGS,
        help_text,
        attrgetter(read) if isinstance(read, str) else read,
        **fields,
    )


SETTINGS_FAMILIES: Final = (
    _setting(
        "max_ringing_seconds",
        "max_ringing",
        "How long a call rings at most. Polled from Dezhu maxRingingDuration, Alibaba"
        " RingingDuration (whose unit is not documented).",
        dezhu="maxRingingDuration",
        aliyun="RingingDuration",
    ),
    _setting(
        "after_call_work_seconds",
        "after_call_work",
        "Time an agent has after each call. Polled from Dezhu acw.",
        dezhu="acw",
    ),
    _setting(
        "dialing_multiplier",
        "dialing_multiplier",
        "Calls dialled for each free agent. Polled from Dezhu multiplyPower, with strategy ratio.",
        dezhu="multiplyPower, with sendNumberStrategy 0",
    ),
    _setting(
        "target_abandonment_ratio",
        "target_abandonment",
        "Share of abandoned calls aimed at, 0 to 1. Polled from Dezhu abandonmentRate, with"
        " strategy predictive.",
        dezhu="abandonmentRate / 100, with sendNumberStrategy 1",
    ),
    _setting(
        "caller_display_strategy_enabled",
        "caller_display_strategy",
        "1 if the caller display strategy is on. Polled from Dezhu strategyDisplaySwitch.",
        dezhu="strategyDisplaySwitch",
    ),
    _setting(
        "redial_enabled",
        _redial("enabled"),
        "1 if customers not reached are dialled again. Polled from Dezhu autoOutboundSwitch.",
        extra=("batch",),
        dezhu="outboundPhoneGroups[].autoOutboundSwitch",
    ),
    _setting(
        "redial_interval_seconds",
        _redial("interval"),
        "Time between redials. Polled from Dezhu autoOutboundInterval.",
        extra=("batch",),
        dezhu="outboundPhoneGroups[].autoOutboundInterval, minutes",
    ),
    _setting(
        "redial_max_attempts",
        _redial("max_attempts"),
        "How often a customer is redialled at most. Polled from Dezhu autoOutboundTimes.",
        extra=("batch",),
        dezhu="outboundPhoneGroups[].autoOutboundTimes",
    ),
    _setting(
        "max_attempts_per_day",
        "max_attempts_per_day",
        "Attempts for a customer a day at most. Polled from Alibaba Strategy.MaxAttemptsPerDay.",
        aliyun="Strategy.MaxAttemptsPerDay",
    ),
    _setting(
        "min_attempt_interval_seconds",
        "min_attempt_interval",
        "Least time between attempts. Polled from Alibaba Strategy.MinAttemptInterval.",
        aliyun="Strategy.MinAttemptInterval, minutes",
    ),
    _setting(
        "recall_ignored",
        _recall_ignored,
        "1 if numbers that failed for this reason are not called again. Polled from Alibaba"
        " RecallStrategy.",
        extra=("reason",),
        aliyun="RecallStrategy.EmptyNumberIgnore, InArrearsIgnore, OutOfServiceIgnore",
    ),
    _setting(
        "repeatable",
        "repeatable",
        "1 if the strategy is repeatable. Polled from Alibaba Strategy.Repeatable.",
        aliyun="Strategy.Repeatable",
    ),
    _setting(
        "calling_numbers",
        "calling_numbers",
        "How many numbers the campaign calls from. Polled from Alibaba CallingNumbers.",
        aliyun="CallingNumbers, how many",
    ),
    _setting(
        "recall_calling_numbers",
        "recall_calling_numbers",
        "How many numbers the campaign recalls from. Polled from Alibaba RecallCallingNumbers.",
        aliyun="RecallCallingNumbers, how many",
    ),
    _setting(
        "min_concurrency",
        "min_concurrency",
        "Concurrent calls kept for the campaign. Polled from Alibaba MinConcurrency.",
        aliyun="MinConcurrency",
    ),
)
