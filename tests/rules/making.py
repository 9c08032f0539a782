"""Series for promtool, one sample a minute, as an exporter and real scrapes would make them.

Values are lists; None is a scrape that brought none. Where a series ends, `stale` is written, as
Prometheus does; a change of status ends one series of each gauge and begins another.
"""

from collections.abc import Mapping, Sequence

Values = Sequence[float | None]
Series = dict[str, str]
Status = Sequence[tuple[str, int]]

# `region` is a label of the user's own at the target: it must survive everything.
TARGET = {"job": "outbound-exporter", "instance": "exporter:9877", "region": "east"}
ACCOUNT = {"dezhu": "collections", "aliyun": "bots"}
TASK = {
    "dezhu": {"task_id": "7", "task_name": "Spring"},
    "aliyun": {"task_id": "g1", "task_name": "Survey"},
}
HAVE_STATUS = ("customers", "completed_customers", "connected_customers", "calls")


def in_chinese(humanized: str) -> str:
    """A duration as Prometheus writes it, "1h 20m 0s", as a Chinese text has it."""
    units = {"d": "天", "h": "小时", "m": "分", "s": "秒"}
    return " ".join(f"{part[:-1]} {units[part[-1]]}" for part in humanized.split())


def flat(value: float, minutes: int) -> list[float | None]:
    """The same all the time."""
    return [value] * minutes


def ramp(start: float, step: float, minutes: int) -> list[float | None]:
    """Rises by `step` a minute; the first value is `start`."""
    return [start + step * minute for minute in range(minutes)]


def gap(minutes: int) -> list[float | None]:
    """Scrapes that bring nothing."""
    return [None] * minutes


def clock(offset: float, step: float, minutes: int) -> list[float | None]:
    """A time in seconds that runs: what promtool's clock shows, plus `offset`, if `step` is 60."""
    return ramp(offset, step, minutes)


def account_labels(platform: str) -> dict[str, str]:
    return {**TARGET, "platform": platform, "account": ACCOUNT[platform]}


def task_labels(platform: str) -> dict[str, str]:
    return {**account_labels(platform), **TASK[platform]}


def text(values: Values) -> str:
    """Values as promtool reads them, ended by `stale` where they end."""
    written: list[str] = []
    before: float | None = None
    for value in values:
        if value is None:
            written.append("_" if before is None else "stale")
        else:
            written.append(f"{value:.12g}")
        before = value
    return " ".join([*written, "stale"] if before is not None else written)


def series(name: str, labels: Mapping[str, str], values: Values) -> Series:
    inside = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return {f"{name}{{{inside}}}": text(values)}


def account(platform: str, /, **families: Values | Mapping[str, Values]) -> Series:
    """Families of one account; a mapping has the values of its one label more: `tier__x={...}`.

    `up=...` is `outbound_account_up`; `reason__failure={"auth": ...}` has a label `reason`.
    """
    made: Series = {}
    for key, values in families.items():
        label, _, name = key.rpartition("__")
        for value, row in values.items() if isinstance(values, Mapping) else [("", values)]:
            labels = account_labels(platform) | ({label: value} if label else {})
            made |= series(f"outbound_account_{name}", labels, row)
    return made


def task(
    platform: str,
    status: Status,
    /,
    *,
    jobs: Mapping[str, Values] | None = None,
    info: Mapping[str, str] | None = None,
    **families: Values,
) -> Series:
    """A task that is so many minutes in each status.

    Gauges with the label `status` are cut where it changes; `jobs` are those by `job_status`.
    """
    labels, made = task_labels(platform), Series()
    minutes = sum(length for _, length in status)
    made |= _cut("outbound_task_info", labels | (info or {}), status, flat(1, minutes))
    for name, values in families.items():
        full = f"outbound_task_{name}"
        if name in HAVE_STATUS:
            made |= _cut(full, labels, status, values)
        else:
            made |= series(full, labels, values)
    for job_status, values in (jobs or {}).items():
        made |= _cut("outbound_task_jobs", labels | {"job_status": job_status}, status, values)
    return made


def _cut(name: str, labels: Mapping[str, str], status: Status, values: Values) -> Series:
    kept: dict[str, list[float | None]] = {state: [None] * len(values) for state, _ in status}
    begin = 0
    for state, length in status:
        kept[state][begin : begin + length] = values[begin : begin + length]
        begin += length
    made = Series()
    for state, row in kept.items():
        made |= series(name, {**labels, "status": state}, row)
    return made
