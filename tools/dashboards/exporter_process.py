"""Last row of the exporter's dashboard: what it serves and what it uses."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from tools.dashboards.fields import Look
from tools.dashboards.panels import Face, Query, lines
from tools.dashboards.queries import JOB, of
from tools.dashboards.words import Say

_THIRD: Final = (8, 8)


def process(say: Say) -> list[Panel]:
    """The charts, three a line."""
    return [_series(say), _bytes(say), _scrape(say), _memory(say), _cpu(say), _files(say)]


def _chart(
    say: Say,
    *,
    words: tuple[str, str],
    unit: str,
    queries: list[tuple[str, str]],
    soft_high: float | None = None,
) -> Panel:
    """A chart of the process; queries are expression and legend."""
    title, description = words
    return lines(
        Face(
            title=title,
            description=description,
            size=_THIRD,
            queries=[Query(expr=expr, legend=legend) for expr, legend in queries],
            look=Look(unit=unit, no_value=say("No data", "无数据"), soft_high=soft_high),
        )
    )


def _series(say: Say) -> Panel:
    return _chart(
        say,
        words=(
            say("Series served", "输出的序列数"),
            say(
                "Vendor series, and samples of the latest scrape, self-metrics included. Bad: "
                "samples near sample_limit of the scrape job, above which a scrape is lost as a "
                "whole.",
                "平台数据的序列数，以及最近一次抓取的样本数（含自身指标）。"
                "异常：样本数接近抓取任务的 sample_limit，一旦超过，整次抓取作废。",
            ),
        ),
        unit="short",
        queries=[
            (
                of("outbound_exporter_exposition_series", JOB),
                say("Vendor series · {{instance}}", "平台序列 · {{instance}}"),
            ),
            (
                _of_exporter("scrape_samples_scraped"),
                say("Samples of a scrape · {{instance}}", "单次抓取样本 · {{instance}}"),
            ),
        ],
    )


def _of_exporter(metric: str) -> str:
    """A metric that Prometheus makes for every target, of the exporter's targets."""
    build = of("outbound_exporter_build_info", JOB)
    return f"{of(metric, JOB)} and on (job, instance) {build}"


def _bytes(say: Say) -> Panel:
    return _chart(
        say,
        words=(
            say("Size of a scrape", "单次抓取大小"),
            say(
                "Vendor series as text without compression; sent about a tenth of it. Bad: it "
                "grows without end; narrow tasks or divide the accounts between shards.",
                "平台数据的文本大小（未压缩，传输时约为十分之一）。"
                "异常：不断增长，请收窄 tasks 或按分片拆分账号。",
            ),
        ),
        unit="bytes",
        queries=[(of("outbound_exporter_exposition_bytes", JOB), "{{instance}}")],
    )


def _scrape(say: Say) -> Panel:
    return _chart(
        say,
        words=(
            say("Duration of a scrape", "抓取耗时"),
            say(
                "How long Prometheus takes to read the exporter. Bad: near scrape_timeout (10 s by "
                "default).",
                "Prometheus 抓取一次所需时间。异常：接近 scrape_timeout（默认 10 秒）。",
            ),
        ),
        unit="s",
        queries=[(_of_exporter("scrape_duration_seconds"), "{{instance}}")],
    )


def _memory(say: Say) -> Panel:
    return _chart(
        say,
        words=(
            say("Memory", "内存"),
            say(
                "Resident memory of the process. Bad: it rises for days although the number of "
                "series stays, or it nears the limit of its container.",
                "进程常驻内存。异常：序列数不变而内存持续上升，或接近容器上限。",
            ),
        ),
        unit="bytes",
        queries=[(_of_exporter("process_resident_memory_bytes"), "{{instance}}")],
    )


def _cpu(say: Say) -> Panel:
    rate = f"rate({of('process_cpu_seconds_total', JOB)}[$__rate_interval])"
    build = of("outbound_exporter_build_info", JOB)
    return _chart(
        say,
        words=(
            say("CPU", "CPU"),
            say(
                "Share of one CPU. Bad: near 100 % for long; lengthen refresh or divide the "
                "accounts between shards.",
                "占用单个 CPU 的比例。异常：长时间接近 100%，请拉长 refresh 或按分片拆分账号。",
            ),
        ),
        unit="percentunit",
        queries=[(f"{rate} and on (job, instance) {build}", "{{instance}}")],
    )


def _files(say: Say) -> Panel:
    return _chart(
        say,
        words=(
            say("Open files", "打开的文件数"),
            say(
                "Open files and connections, as a share of how many may be. Bad: near 100 %.",
                "打开的文件和连接数占上限的比例。异常：接近 100%。",
            ),
        ),
        unit="percentunit",
        soft_high=1,
        queries=[
            (
                f"{of('process_open_fds', JOB)} / {_of_exporter('process_max_fds')}",
                "{{instance}}",
            )
        ],
    )
