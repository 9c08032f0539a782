"""The alerts on accounts: refused, down, stale, incomplete, credentials and clock."""

from __future__ import annotations

from tools.rules.model import Alert, Text, duration, number
from tools.rules.words import ACCOUNT, ACCOUNT_ZH, COUNT, SECONDS, SECONDS_ZH, spoken, spoken_zh
from tools.thresholds import Thresholds

_AT_ONCE = "auth|permission"
_OVER = "{{ if lt $value 0.0 }}"


def account_alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """All of them, the worst first."""
    return (
        _refused(thresholds),
        _down(thresholds),
        _collector_down(thresholds),
        _data_stale(thresholds),
        _tasks_dropped(thresholds),
        _unclassified_tasks(thresholds),
        _credential_expiring(thresholds),
        _clock_offset(thresholds),
    )


def _refused(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundAccountRefused",
        severity="critical",
        hold=thresholds.periods.at_once,
        keep_firing=thresholds.periods.keep_firing,
        comment="At once, for it does not get better by itself. Only while the account is down: a"
        " permission that an optional collector lacks is OutboundCollectorDown.",
        expr=f"""
            outbound_account_failure{{reason=~"{_AT_ONCE}"}} == 1
              and ignoring (reason)
            outbound_account_up == 0
        """,
        text=Text(
            summary="The vendor refuses an account.",
            description=f"{ACCOUNT} cannot be read, or a part of it: reason"
            " {{ $labels.reason }}; what is not read stands still and vanishes.",
            summary_zh="平台拒绝了账号的访问。",
            description_zh=f"{ACCOUNT_ZH}全部或部分无法读取，原因为 {{{{ $labels.reason }}}}；"
            "未读取的数据已停止更新，随后会消失。",
        ),
    )


def _down(thresholds: Thresholds) -> Alert:
    periods = thresholds.periods
    short = duration(periods.short)
    return Alert(
        alert="OutboundAccountDown",
        severity="warning",
        hold=periods.short,
        keep_firing=periods.keep_firing,
        comment="Reasons of the whole lookback: two that take turns would otherwise never last long"
        " enough, one or the other.",
        expr=f"""
            max_over_time(outbound_account_failure{{reason!~"{_AT_ONCE}"}}[{short}]) == 1
              and ignoring (reason)
            outbound_account_up == 0
        """,
        text=Text(
            summary="An account, or a part of it, cannot be read.",
            description=f"{ACCOUNT} has not been read, or a part of it, for at least"
            f" {spoken(periods.short)}: reason {{{{ $labels.reason }}}}; what is not read stands"
            " still and vanishes.",
            summary_zh="账号全部或部分无法读取。",
            description_zh=f"{ACCOUNT_ZH}至少 {spoken_zh(periods.short)}全部或部分无法读取，"
            "原因为 {{ $labels.reason }}；未读取的数据已停止更新，随后会消失。",
        ),
    )


def _collector_down(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundCollectorDown",
        severity="warning",
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        expr="outbound_account_collector_up == 0",
        text=Text(
            summary="An optional collector of an account fails.",
            description=f"{ACCOUNT}: collector {{{{ $labels.collector }}}} has failed for at least"
            f" {spoken(thresholds.periods.medium)}; outbound_account_failure has the reason.",
            summary_zh="账号的可选采集项失败。",
            description_zh=f"{ACCOUNT_ZH}的采集项 {{{{ $labels.collector }}}} 至少"
            f" {spoken_zh(thresholds.periods.medium)}未能成功；原因见 outbound_account_failure。",
        ),
    )


def _data_stale(thresholds: Thresholds) -> Alert:
    limits = thresholds.limits
    return Alert(
        alert="OutboundDataStale",
        severity="warning",
        hold=thresholds.periods.at_once,
        keep_firing=thresholds.periods.keep_firing,
        comment="Against the interval in force, which the budget may have stretched.",
        expr=f"""
            time() - outbound_account_last_success_timestamp_seconds
              > {number(limits.refresh_intervals)} * outbound_account_refresh_interval_seconds
                + {number(limits.refresh_slack_seconds)}
        """,
        text=Text(
            summary="The figures of an account are older than they should be.",
            description=f"{ACCOUNT}: tier {{{{ $labels.tier }}}} was last read {SECONDS} ago, more"
            f" than {number(limits.refresh_intervals)} of its intervals; its figures are old, or"
            " have vanished already.",
            summary_zh="账号的数据比应有的更旧。",
            description_zh=f"{ACCOUNT_ZH}的层级 {{{{ $labels.tier }}}} 最近一次成功读取是在"
            f" {SECONDS_ZH}之前，已超过其轮询间隔的 {number(limits.refresh_intervals)} 倍；"
            "其数据偏旧，或已经消失。",
        ),
    )


def _tasks_dropped(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundTasksDropped",
        severity="warning",
        hold=thresholds.periods.short,
        keep_firing=thresholds.periods.keep_firing,
        expr='outbound_account_dropped_tasks{reason="limit"} > 0',
        text=Text(
            summary="An account has more tasks than are exposed.",
            description=f"{ACCOUNT}: {COUNT} tasks are above tasks.limit and have no series.",
            summary_zh="账号的任务数超过上限，部分任务没有数据。",
            description_zh=f"{ACCOUNT_ZH}有 {COUNT} 个任务超出 tasks.limit，没有对应的序列。",
        ),
    )


def _unclassified_tasks(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundUnclassifiedTasks",
        severity="info",
        hold=thresholds.periods.unclassified,
        keep_firing=thresholds.periods.keep_firing,
        comment="Counted once every refresh.finished, and off by one where a task just changes its"
        " status: only what the next count says too is so.",
        expr="outbound_account_unclassified_tasks > 0",
        text=Text(
            summary="An account has tasks in a status that no filter finds.",
            description=f"{ACCOUNT}: {COUNT} tasks are in the vendor's total and in no status that"
            " is known; they have no series.",
            summary_zh="账号中有任务处于未知状态，无法按状态读取。",
            description_zh=f"{ACCOUNT_ZH}有 {COUNT} 个任务计入平台的总数，但不属于任何已知状态，"
            "因此没有对应的序列。",
        ),
    )


def _credential_expiring(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundCredentialExpiring",
        severity="warning",
        hold=thresholds.periods.at_once,
        keep_firing=thresholds.periods.keep_firing,
        comment="Renewed long before that, so it was tried and failed.",
        expr=f"""
            outbound_account_credential_expiry_timestamp_seconds - time()
              < {number(thresholds.limits.credential_seconds)}
        """,
        text=Text(
            summary="The temporary credentials of an account are not renewed.",
            description=f"{ACCOUNT}: the credentials in use {_OVER}have expired{{{{ else }}}}expire"
            f" in {SECONDS}{{{{ end }}}}.",
            summary_zh="账号的临时凭证未能续期。",
            description_zh=f"{ACCOUNT_ZH}当前使用的临时凭证{_OVER}已过期{{{{ else }}}}将在"
            f" {SECONDS_ZH}后过期{{{{ end }}}}。",
        ),
    )


def _clock_offset(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundClockOffset",
        severity="warning",
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        expr="abs(outbound_account_clock_offset_seconds)"
        f" > {number(thresholds.limits.clock_offset_seconds)}",
        text=Text(
            summary="The clocks of the vendor and of the exporter differ.",
            description=f"{ACCOUNT}: the vendor's clock differs by {SECONDS} from that of the"
            " exporter's machine; see outbound_account_clock_offset_seconds for which is ahead.",
            summary_zh="平台与 exporter 的时钟不一致。",
            description_zh=f"{ACCOUNT_ZH}：平台的时钟与 exporter 所在机器相差 {SECONDS_ZH}；"
            "哪一方更快见 outbound_account_clock_offset_seconds。",
        ),
    )
