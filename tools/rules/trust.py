"""The alerts on trust: whether what the exporter tells can be believed."""

from __future__ import annotations

from tools.rules.accounts import account_alerts
from tools.rules.model import Alert, Group, Text, duration, number
from tools.rules.words import ACCOUNT, ACCOUNT_ZH, COUNT, SHARE, lately, spoken_zh
from tools.thresholds import Thresholds


def trust_groups(thresholds: Thresholds) -> tuple[Group, ...]:
    """All groups of alerts on trust."""
    budget = (
        _throttled(thresholds),
        _budget_stretched(thresholds),
        _polls_skipped(thresholds),
    )
    return (
        Group(
            name="outbound-trust-exporter",
            rules=(_exporter_down(thresholds), _config_reload_failed(thresholds)),
        ),
        Group(name="outbound-trust-accounts", rules=account_alerts(thresholds)),
        Group(name="outbound-trust-budget", rules=budget),
    )


def _exporter_down(thresholds: Thresholds) -> Alert:
    up = f'up{{job="{thresholds.job}"}}'
    return Alert(
        alert="OutboundExporterDown",
        severity="critical",
        hold=thresholds.periods.short,
        comment="The only alert on what is absent: the scrape job must always be there. If yours"
        " has another name, change `job` in tools/thresholds.py and run `make rules`.",
        expr=f"{up} == 0\n  or\nabsent({up})",
        text=Text(
            summary="Prometheus cannot scrape outbound-exporter.",
            description="The scrape job {{ $labels.job }} gets no answer"
            "{{ with $labels.instance }} from {{ . }}{{ end }}: nothing is known of the campaigns"
            " that it polls.",
            summary_zh="Prometheus 无法抓取 outbound-exporter。",
            description_zh="抓取任务 {{ $labels.job }} {{ with $labels.instance }}"
            "从 {{ . }} {{ end }}得不到应答：由它轮询的外呼任务情况全部未知。",
        ),
    )


def _config_reload_failed(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundConfigReloadFailed",
        severity="warning",
        hold=thresholds.periods.at_once,
        keep_firing=thresholds.periods.keep_firing,
        expr="outbound_exporter_config_last_reload_successful == 0",
        text=Text(
            summary="The exporter could not load its new configuration.",
            description="{{ $labels.instance }} of job {{ $labels.job }} runs with its old"
            " configuration, because the new one is not valid.",
            summary_zh="exporter 未能加载新的配置。",
            description_zh="{{ $labels.job }} 的 {{ $labels.instance }} 仍在使用旧配置，"
            "因为新配置有误。",
        ),
    )


def _throttled(thresholds: Thresholds) -> Alert:
    limits = thresholds.limits
    back = duration(thresholds.periods.throttled)
    throttled = f"increase(outbound_exporter_api_throttled_total[{back}])"
    requests = f"increase(outbound_exporter_api_requests_total[{back}])"
    return Alert(
        alert="OutboundThrottled",
        severity="warning",
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        expr=f"""
            sum without (operation) ({throttled})
              / (sum without (operation) ({requests}) >= {number(limits.requests_for_share)})
              > {number(limits.throttled_share)}
        """,
        text=Text(
            summary="The vendor refuses many calls of an account for their rate.",
            description=f"{ACCOUNT}: {SHARE} of the API calls of the last"
            f" {lately(thresholds.periods.throttled)} were throttled"
            f" (limit {limits.throttled_share:.0%}).",
            summary_zh="平台因频率过高拒绝了账号的大量 API 调用。",
            description_zh=f"{ACCOUNT_ZH}最近 {spoken_zh(thresholds.periods.throttled)}的 API 调用"
            f"有 {SHARE} 被限流（阈值 {limits.throttled_share:.0%}）。",
        ),
    )


def _budget_stretched(thresholds: Thresholds) -> Alert:
    return Alert(
        alert="OutboundBudgetStretched",
        severity="info",
        hold=thresholds.periods.long,
        keep_firing=thresholds.periods.keep_firing,
        expr=f"""
            outbound_account_refresh_interval_seconds
              / (outbound_account_configured_refresh_interval_seconds > 0)
              > {number(thresholds.limits.interval_stretched)}
        """,
        text=Text(
            summary="The budget does not hold the configured refresh intervals.",
            description=f"{ACCOUNT}: the interval of tier {{{{ $labels.tier }}}} is"
            ' {{ $value | printf "%.1f" }} times the configured one.',
            summary_zh="调用预算不足，无法按配置的间隔轮询。",
            description_zh=f"{ACCOUNT_ZH}层级 {{{{ $labels.tier }}}} 的轮询间隔是配置值的"
            ' {{ $value | printf "%.1f" }} 倍。',
        ),
    )


def _polls_skipped(thresholds: Thresholds) -> Alert:
    back = duration(thresholds.periods.skipped)
    seconds = number(max(1, round(thresholds.periods.skipped)))
    skipped = "outbound_exporter_polls_skipped_total"
    return Alert(
        alert="OutboundPollsSkipped",
        severity="info",
        hold=thresholds.periods.medium,
        keep_firing=thresholds.periods.keep_firing,
        comment="Not before exporter and account have been there for a lookback: the first reading"
        " of a large account takes longer than all others.",
        expr=f"""
            increase({skipped}[{back}]) >= {number(thresholds.limits.polls_skipped)}
              and
            {skipped} offset {back} >= 0
              and ignoring (platform, account, tier)
            time() - process_start_time_seconds > {seconds}
        """,
        text=Text(
            summary="Polls of an account are skipped because they take too long.",
            description=f"{ACCOUNT}: {COUNT} polls of tier {{{{ $labels.tier }}}} were left out in"
            f" the last {lately(thresholds.periods.skipped)}, because the one before was still"
            " under way.",
            summary_zh="账号的轮询耗时过长，部分轮询被跳过。",
            description_zh=f"{ACCOUNT_ZH}层级 {{{{ $labels.tier }}}} 最近"
            f" {spoken_zh(thresholds.periods.skipped)}跳过了"
            f" {COUNT} 次轮询，因为上一次轮询尚未结束。",
        ),
    )
