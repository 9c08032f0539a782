"""Writes ``docs/metrics.md`` from the table of families and the self-metrics.

``python -m exporter.metrics_reference FILE`` writes it, ``--check FILE`` exits 1 when the file is
not what would be written.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from exporter.cardinality import most_series
from exporter.domain import TIER_OF, Status, Tier
from exporter.errors import Reason
from exporter.families import DROP_REASONS, FAMILIES, Collector, Family, Labels
from exporter.telemetry import Telemetry

_HEAD: Final = """\
# Metrics

This file is made by `make docs` from the table in `exporter/families`. Do not edit it by hand.

The exporter *polls* the vendors on its own schedule. Prometheus *scrapes* the exporter. A scrape
never calls a vendor. A *task* is a Dezhu outbound task or an Alibaba Cloud job group. A *job* is
one call job inside an Alibaba job group.

- All vendor data are gauges, because the vendors' numbers can fall: customers are appended, a
  completed task can run again.
- A field that the vendor leaves out or sends as null has no series. It is never 0 and never NaN.
- Samples have no timestamps. How old the data may be is told by
  `outbound_account_last_success_timestamp_seconds`.
- Text of the vendor is escaped and cut to 255 characters. What looks like a mobile number inside a
  name shows its first three digits and `********`. Free text such as a description is never a
  label.
"""

_STATUS_HEAD: Final = """\
## Status and tier

A tier is the set of statuses that are polled together, at one interval: `refresh.active`,
`refresh.idle` and `refresh.finished`. A status that the exporter does not know is `unknown`. It
is counted in `outbound_exporter_unknown_values_total` and logged once.
"""

_LABELS_HEAD: Final = """\
## Label values

Labels whose values are from a closed list, besides `status`. Of the others, `batch` is the
`identify` of a number batch, else `#` and its place in the list; `operation` and `code` are the
vendor's own words for what was called and what it answered, from a closed list for each vendor.
"""

_MEANING: Final = """\
## What the figures mean

- At Alibaba a `failed` job ended without reaching the customer (no answer, empty number and so
  on), so it rises in every healthy campaign. What is alarming is its share and its change.
- Whether `Progress.TotalCompleted` of Alibaba includes failed and cancelled jobs is not
  documented. Nothing is derived from it.
- Jobs that remain are `scheduling` + `executing` + `paused` of `outbound_task_jobs` at Alibaba.
  Customers that remain are `outbound_task_customers` - `outbound_task_completed_customers` at
  Dezhu.
- `running` is the state of the campaign and may last through the night. What moves tells whether
  anything happens; `outbound_task_calling_window_open` tells whether it should.
- `status` on the gauges ends one series and begins another when the campaign changes its status.
  Put `max without (status) (…)` around a gauge before `delta`, `deriv` or an alert with `for`.
- Ratios are 0 to 1, times are seconds, moments are seconds since the epoch.
- `outbound_account_failure` may be 1 while `outbound_account_up` is 1: an optional collector
  failed, which does not touch `up`.
"""

_CARDINALITY: Final = """\
## How many series

At most this many series for each task. Every field that the vendor leaves out is one less.
"""

_CARDINALITY_END: Final = """\
Batches are the number batches of a Dezhu task, agents those of a manual Dezhu task; `agents` and
`concurrency` are off unless `collect` names them. With the collectors that are on by default, a
Dezhu task has at most {dezhu} series and 3 for each batch, an Alibaba job group {aliyun}.

Each account adds at most {account} series, and 1 for each Alibaba instance. The exporter adds its
self-metrics: for each account and operation {operation} series, and one for each code with which
a call can fail.

`outbound_exporter_exposition_series` is the number of vendor series now.
`scrape_samples_scraped`, which Prometheus makes itself, counts the self-metrics too.
"""

_FAMILIES_HEAD: Final = """\
## Vendor metrics

**T** stands for the labels {task}.
**S** stands for T and `status`, **A** for {account}. A dash means that the vendor has no such
thing.
"""

_TELEMETRY_HEAD: Final = """\
## The exporter about itself

Label sets that are known start at 0. There are no `_created` series. With `?account=` in the
address of the scrape these are left out.
"""

_TELEMETRY_END: Final = """\
`process_*` and `python_info` of the Prometheus client library are there as well: memory, CPU time,
open files, start time, and the version of Python.
"""

_TITLES: Final = {
    Collector.PROGRESS: ("progress", "how far a campaign is"),
    Collector.SCHEDULE: ("schedule", "when a campaign may call"),
    Collector.SETTINGS: ("settings", "how a campaign is set up to dial"),
    Collector.AGENTS: ("agents", "what an agent was given; off unless `collect` names it"),
    Collector.CONCURRENCY: ("concurrency", "calls at one time; off unless `collect` names it"),
    Collector.ACCOUNT: ("account", "whether the figures can be trusted; always on"),
}

_VENDORS: Final = ("dezhu", "aliyun")

_VENDOR_STATUS: Final = {
    Status.DRAFT: ("", "Draft"),
    Status.INITIALIZING: ("", "Initializing"),
    Status.NOT_STARTED: ("1", ""),
    Status.SCHEDULING: ("", "Scheduling"),
    Status.RUNNING: ("3", "Executing"),
    Status.PAUSED: ("2", "Paused"),
    Status.COMPLETED: ("4", "Completed"),
    Status.EXPIRED: ("5", ""),
    Status.FAILED: ("6", "Failed"),
    Status.CANCELLED: ("", "Cancelled"),
    Status.UNKNOWN: ("any other", "any other"),
}

_RECALL_REASONS: Final = ("empty_number", "in_arrears", "out_of_service")
_LABEL_VALUES: Final = (
    ("platform", "", _VENDORS),
    ("task_type", "`outbound_task_info`", ("automatic", "manual")),
    ("dialing_strategy", "`outbound_task_info`", ("ratio", "predictive")),
    ("job_status", "", ("executing", "failed", "scheduling", "paused", "cancelled")),
    ("tier", "", tuple(Tier)),
    ("window", "", ("second", "hour")),
    ("collector", "", ("detail", "concurrency")),
    ("reason", "`outbound_account_failure`, `outbound_exporter_api_failures_total`", tuple(Reason)),
    ("reason", "`outbound_account_dropped_tasks`", DROP_REASONS),
    ("reason", "`outbound_task_recall_ignored`", _RECALL_REASONS),
)

_ON_AT_FIRST: Final = (Collector.PROGRESS, Collector.SCHEDULE, Collector.SETTINGS)
_FAMILY_COLUMNS: Final = ("Name", "Labels", "Dezhu", "Alibaba", "Meaning")
_SHORT: Final = {Labels.TASK: "T", Labels.TASK_STATUS: "S", Labels.ACCOUNT: "A"}


def reference() -> str:
    """The whole text of ``docs/metrics.md``."""
    sections = [_HEAD, _STATUS_HEAD, _status_table(), _LABELS_HEAD, _labels_table(), _MEANING]
    sections += [_CARDINALITY, _cardinality_table(), _cardinality_end(), _families_head()]
    for collector, (name, title) in _TITLES.items():
        rows = [_family_row(family) for family in FAMILIES if family.collector is collector]
        sections += [f"### `{name}`: {title}\n", _table(_FAMILY_COLUMNS, rows)]
    sections += [_TELEMETRY_HEAD, _table(("Name", "Type", "Labels", "Meaning"), _telemetry_rows())]
    sections.append(_TELEMETRY_END)
    return "\n".join(sections)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the file; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m exporter.metrics_reference")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if different")
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    file: Path = options.file
    if not options.check:
        file.write_text(reference(), encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == reference():
        return 0
    sys.stderr.write(f"{file} is not current: run make docs\n")
    return 1


def _families_head() -> str:
    return _FAMILIES_HEAD.format(task=_code(Labels.TASK.value), account=_code(Labels.ACCOUNT.value))


def _family_row(family: Family) -> tuple[str, ...]:
    labels = ", ".join((_SHORT[family.labels], *(f"`{name}`" for name in family.extra)))
    return (f"`{family.name}`", labels, family.dezhu or "-", family.aliyun or "-", family.help)


def _status_table() -> str:
    rows = []
    for status in Status:
        dezhu, aliyun = _VENDOR_STATUS[status]
        rows.append((f"`{status}`", TIER_OF[status].value, dezhu or "-", aliyun or "-"))
    return _table(("`status`", "Tier", "Dezhu `taskStatus`", "Alibaba `Status`"), rows)


def _labels_table() -> str:
    rows = ((f"`{label}`", where or "all", _code(values)) for label, where, values in _LABEL_VALUES)
    return _table(("Label", "Of", "Values"), rows)


def _cardinality_table() -> str:
    rows = []
    for collector in Collector:
        if collector is not Collector.ACCOUNT:
            cells = (_cell(most_series((collector,), vendor)) for vendor in _VENDORS)
            rows.append((f"`{collector}`", *cells))
    return _table(("Collector", "Dezhu", "Alibaba"), rows)


def _cell(counts: Counter[str]) -> str:
    parts = (f"{count} for each {per}" if per else f"{count}" for per, count in counts.items())
    return " and ".join(parts) or "-"


def _cardinality_end() -> str:
    return _CARDINALITY_END.format(
        dezhu=most_series(_ON_AT_FIRST, "dezhu")[""],
        aliyun=most_series(_ON_AT_FIRST, "aliyun")[""],
        account=most_series((Collector.ACCOUNT,), "aliyun")[""],
        operation=_series_of_an_operation(),
    )


def _example() -> Telemetry:
    """Telemetry in which every metric has a series, since only those show their labels."""
    telemetry = Telemetry()
    meter = telemetry.account(
        platform="-", name="-", operations=("-",), codes={"-": Reason.UNAVAILABLE}
    )
    meter.show()
    meter.unknown("-")
    meter.budget(rate=0, remaining={"-": 0})
    return telemetry


def _telemetry_rows() -> Iterator[tuple[str, ...]]:
    for metric in _example().registry.collect():
        if metric.name.startswith("outbound_exporter_"):
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            labels = [label for label in metric.samples[0].labels if label != "le"]
            yield f"`{name}`", metric.type, _code(labels) or "-", metric.documentation


def _series_of_an_operation() -> int:
    samples = (sample for metric in _example().registry.collect() for sample in metric.samples)
    return sum("operation" in sample.labels and "code" not in sample.labels for sample in samples)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.exit(main())
