"""What the alerts on trust say in full, and the series that they are tried on."""

from collections.abc import Mapping
from typing import Any

from tests.rules.making import (
    TARGET,
    Series,
    account,
    account_labels,
    flat,
    in_chinese,
    ramp,
    series,
)
from tests.rules.promtool import Firing

ACCOUNT = "Account collections (dezhu)"
ACCOUNT_ZH = "账号 collections（dezhu）"
MINUTES = 120


def firing(severity: str, labels: Mapping[str, str], *texts: str) -> Firing:
    """An alert of area trust; `texts` are summary and description, then both in Chinese."""
    summary, description, summary_zh, description_zh = texts
    return Firing(
        labels={**labels, "severity": severity, "area": "trust"},
        summary=summary,
        description=description,
        summary_zh=summary_zh,
        description_zh=description_zh,
    )


def of_account(severity: str, more: Mapping[str, str], *texts: str) -> Firing:
    return firing(severity, {**account_labels("dezhu"), **more}, *texts)


def refused(reason: str) -> Firing:
    return of_account(
        "critical",
        {"reason": reason},
        "The vendor refuses an account.",
        f"{ACCOUNT} cannot be read, or a part of it: reason {reason}; what is not read stands still"
        " and vanishes.",
        "平台拒绝了账号的访问。",
        f"{ACCOUNT_ZH}全部或部分无法读取，原因为 {reason}；未读取的数据已停止更新，随后会消失。",
    )


def down(reason: str) -> Firing:
    return of_account(
        "warning",
        {"reason": reason},
        "An account, or a part of it, cannot be read.",
        f"{ACCOUNT} has not been read, or a part of it, for at least 5 minutes: reason {reason};"
        " what is not read stands still and vanishes.",
        "账号全部或部分无法读取。",
        f"{ACCOUNT_ZH}至少 5 分钟全部或部分无法读取，原因为 {reason}；未读取的数据已停止更新，"
        "随后会消失。",
    )


COLLECTOR = of_account(
    "warning",
    {"collector": "concurrency"},
    "An optional collector of an account fails.",
    f"{ACCOUNT}: collector concurrency has failed for at least 15 minutes; outbound_account_failure"
    " has the reason.",
    "账号的可选采集项失败。",
    f"{ACCOUNT_ZH}的采集项 concurrency 至少 15 分钟未能成功；原因见 outbound_account_failure。",
)


def stale(tier: str, age: str) -> Firing:
    return of_account(
        "warning",
        {"tier": tier},
        "The figures of an account are older than they should be.",
        f"{ACCOUNT}: tier {tier} was last read {age} ago, more than 3 of its intervals; its figures"
        " are old, or have vanished already.",
        "账号的数据比应有的更旧。",
        f"{ACCOUNT_ZH}的层级 {tier} 最近一次成功读取是在 {in_chinese(age)}之前，"
        "已超过其轮询间隔的 3 倍；其数据偏旧，或已经消失。",
    )


DROPPED = of_account(
    "warning",
    {"reason": "limit"},
    "An account has more tasks than are exposed.",
    f"{ACCOUNT}: 25 tasks are above tasks.limit and have no series.",
    "账号的任务数超过上限，部分任务没有数据。",
    f"{ACCOUNT_ZH}有 25 个任务超出 tasks.limit，没有对应的序列。",
)

UNCLASSIFIED = of_account(
    "info",
    {},
    "An account has tasks in a status that no filter finds.",
    f"{ACCOUNT}: 3 tasks are in the vendor's total and in no status that is known; they have no"
    " series.",
    "账号中有任务处于未知状态，无法按状态读取。",
    f"{ACCOUNT_ZH}有 3 个任务计入平台的总数，但不属于任何已知状态，因此没有对应的序列。",
)


def expiring(left: str | None) -> Firing:
    """Credentials with so much time left; None when they have expired."""
    ends = f"expire in {left}" if left else "have expired"
    ends_zh = f"将在 {in_chinese(left)}后过期" if left else "已过期"
    return of_account(
        "warning",
        {},
        "The temporary credentials of an account are not renewed.",
        f"{ACCOUNT}: the credentials in use {ends}.",
        "账号的临时凭证未能续期。",
        f"{ACCOUNT_ZH}当前使用的临时凭证{ends_zh}。",
    )


CLOCK = of_account(
    "warning",
    {},
    "The clocks of the vendor and of the exporter differ.",
    f"{ACCOUNT}: the vendor's clock differs by 1m 30s from that of the exporter's machine; see"
    " outbound_account_clock_offset_seconds for which is ahead.",
    "平台与 exporter 的时钟不一致。",
    f"{ACCOUNT_ZH}：平台的时钟与 exporter 所在机器相差 1 分 30 秒；"
    "哪一方更快见 outbound_account_clock_offset_seconds。",
)

THROTTLED = of_account(
    "warning",
    {},
    "The vendor refuses many calls of an account for their rate.",
    f"{ACCOUNT}: 20% of the API calls of the last 15 minutes were throttled (limit 5%).",
    "平台因频率过高拒绝了账号的大量 API 调用。",
    f"{ACCOUNT_ZH}最近 15 分钟的 API 调用有 20% 被限流（阈值 5%）。",
)

STRETCHED = of_account(
    "info",
    {"tier": "finished"},
    "The budget does not hold the configured refresh intervals.",
    f"{ACCOUNT}: the interval of tier finished is 2.5 times the configured one.",
    "调用预算不足，无法按配置的间隔轮询。",
    f"{ACCOUNT_ZH}层级 finished 的轮询间隔是配置值的 2.5 倍。",
)

SKIPPED = of_account(
    "info",
    {"tier": "active"},
    "Polls of an account are skipped because they take too long.",
    f"{ACCOUNT}: 15 polls of tier active were left out in the last 30 minutes, because the one"
    " before was still under way.",
    "账号的轮询耗时过长，部分轮询被跳过。",
    f"{ACCOUNT_ZH}层级 active 最近 30 分钟跳过了 15 次轮询，因为上一次轮询尚未结束。",
)

EXPORTER = firing(
    "critical",
    TARGET,
    "Prometheus cannot scrape outbound-exporter.",
    "The scrape job outbound-exporter gets no answer from exporter:9877: nothing is known of the"
    " campaigns that it polls.",
    "Prometheus 无法抓取 outbound-exporter。",
    "抓取任务 outbound-exporter 从 exporter:9877 得不到应答：由它轮询的外呼任务情况全部未知。",
)

NO_JOB = firing(
    "critical",
    {"job": "outbound-exporter"},
    "Prometheus cannot scrape outbound-exporter.",
    "The scrape job outbound-exporter gets no answer: nothing is known of the campaigns that it"
    " polls.",
    "Prometheus 无法抓取 outbound-exporter。",
    "抓取任务 outbound-exporter 得不到应答：由它轮询的外呼任务情况全部未知。",
)

RELOAD = firing(
    "warning",
    TARGET,
    "The exporter could not load its new configuration.",
    "exporter:9877 of job outbound-exporter runs with its old configuration, because the new one is"
    " not valid.",
    "exporter 未能加载新的配置。",
    "outbound-exporter 的 exporter:9877 仍在使用旧配置，因为新配置有误。",
)


def failing(up: Any, **reasons: Any) -> Series:
    """An account with all reasons, 0 but for those told."""
    all_reasons = (
        "auth",
        "clock",
        "permission",
        "rate_limited",
        "unavailable",
        "protocol",
        "config",
    )
    rows = {reason: reasons.get(reason, flat(0, MINUTES)) for reason in all_reasons}
    return account("dezhu", up=up, reason__failure=rows)


def read(last_success: Any, interval: float, tier: str = "active") -> Series:
    return account(
        "dezhu",
        tier__last_success_timestamp_seconds={tier: last_success},
        tier__refresh_interval_seconds={tier: flat(interval, MINUTES)},
    )


def calls(requests: float, throttled: float) -> Series:
    """Calls a minute, shared evenly by two operations."""
    made: Series = {}
    for operation in ("ListJobGroups", "DescribeJobGroup"):
        labels = account_labels("dezhu") | {"operation": operation}
        for name, step in (("requests", requests), ("throttled", throttled)):
            values = ramp(0, step / 2, MINUTES)
            made |= series(f"outbound_exporter_api_{name}_total", labels, values)
    return made


def skips(values: Any, *, started: Any = None) -> Series:
    """Polls skipped since the process started; `started` in seconds, 0 unless told."""
    labels = account_labels("dezhu") | {"tier": "active"}
    return series("outbound_exporter_polls_skipped_total", labels, values) | series(
        "process_start_time_seconds", TARGET, started or flat(0, MINUTES)
    )


def intervals(in_force: Any, configured: float) -> Series:
    return account(
        "dezhu",
        tier__refresh_interval_seconds={"finished": in_force, "active": flat(60, MINUTES)},
        tier__configured_refresh_interval_seconds={
            "finished": flat(configured, MINUTES),
            "active": flat(60, MINUTES),
        },
    )
