"""What the exporter knows of itself: prometheus-client, on a registry of its own.

The only module that imports prometheus-client. Vendor series never pass through here.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.domain import Tier
from exporter.errors import Reason

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_EOF: Final = b"# EOF\n"
_ACCOUNT: Final = ("platform", "account")
_OPERATION: Final = (*_ACCOUNT, "operation")
Labelled = Counter | Gauge | Histogram
M = TypeVar("M", Counter, Gauge, Histogram)

_SECONDS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class _Part:
    """Some of the metrics, which are rendered anew only after one of them has changed.

    Nearly all self-metrics are counters of failures that hardly ever occur, one for each code; to
    render them for each scrape would cost many times what the scrape itself costs.
    """

    def __init__(self, metrics: Sequence[Collector]) -> None:
        self._metrics = metrics
        self._version = 0
        self._rendered: dict[Callable[..., bytes], tuple[int, bytes]] = {}

    def collect(self) -> Iterator[Metric]:
        """What a registry gives to whoever renders it."""
        for metric in self._metrics:
            yield from metric.collect()

    def change(self) -> None:
        """One of them is not what it was."""
        self._version += 1

    def rendered(self, render: Callable[..., bytes]) -> bytes:
        """All of them as text, by a function of prometheus-client; may run in any thread."""
        # Taken first: a change while it is rendered makes it old, whoever has seen it.
        version = self._version
        known = self._rendered.get(render)
        if known is None or known[0] != version:
            known = self._rendered[render] = version, render(self)
        return known[1]


class Telemetry:
    """All self-metrics; one object a process, given its registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry(auto_describe=True)
        self._updates: dict[AccountMeter, Callable[[], None]] = {}
        self._process = prometheus_client.ProcessCollector(registry=self.registry)
        self._platform = prometheus_client.PlatformCollector(registry=self.registry)
        self._build = self._build_info()
        self.reload_successful = self._gauge(
            "config_last_reload_successful", "1 if the latest load of the configuration worked."
        )
        self.reload_success_timestamp = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded, epoch seconds.",
        )
        self.exposition_bytes = self._gauge(
            "exposition_bytes", "Size of the vendor series as text, without compression."
        )
        self.exposition_series = self._gauge("exposition_series", "Vendor series exposed.")
        self._per_account()
        self.calls = _Part((self.requests, self.durations))
        self.failed_calls = _Part((self.failures, self.retries, self.throttles))

    def account(
        self,
        *,
        platform: str,
        name: str,
        operations: Sequence[str],
        codes: Mapping[str, Reason],
    ) -> "AccountMeter":
        """The meter of one account, which has no series before ``AccountMeter.show``."""
        return AccountMeter(self, (platform, name), operations, codes)

    def refresh(self) -> None:
        """Bring gauges up to date that are read rather than told; on the event loop."""
        for update in self._updates.values():
            update()

    def on_refresh(self, meter: "AccountMeter", update: Callable[[], None] | None) -> None:
        """Set what brings the gauges of one account up to date; None removes it."""
        if update is None:
            self._updates.pop(meter, None)
        else:
            self._updates[meter] = update

    def text(self) -> bytes:
        """All self-metrics in text format 0.0.4. Reads /proc: call it off the event loop."""
        return b"".join(part.rendered(generate_latest) for part in self._parts())

    def openmetrics(self) -> bytes:
        """The same as OpenMetrics 1.0, its ``# EOF`` included."""
        parts = (part.rendered(openmetrics.generate_latest) for part in self._parts())
        return b"".join(part.removesuffix(_EOF) for part in parts) + _EOF

    def _parts(self) -> Iterator["_Part"]:
        """Every metric, in parts; those of the first one are always rendered anew."""
        yield _Part(
            (
                *(self._process, self._platform, self._build),
                *(self.reload_successful, self.reload_success_timestamp),
                *(self.exposition_bytes, self.exposition_series),
                *(self.budget_rate, self.budget_remaining, self.skips, self.unknowns),
            )
        )
        yield from (self.failed_calls, self.calls)

    def _build_info(self) -> Gauge:
        build = Gauge(
            "outbound_exporter_build_info",
            "Version of the exporter and of its Python.",
            ("version", "pythonversion"),
            registry=self.registry,
        )
        python = ".".join(str(part) for part in sys.version_info[:3])
        build.labels(__version__, python).set(1)
        return build

    def _gauge(self, name: str, help_text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"outbound_exporter_{name}", help_text, labels, registry=self.registry)

    def _counter(self, name: str, help_text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"outbound_exporter_{name}", help_text, labels, registry=self.registry)

    def _per_account(self) -> None:
        self.requests = self._counter(
            "api_requests_total", "Calls made to the vendor, whatever came of them.", _OPERATION
        )
        self.failures = self._counter(
            "api_failures_total",
            "Calls that failed, by reason and by code from a closed list.",
            (*_OPERATION, "reason", "code"),
        )
        self.retries = self._counter(
            "api_retries_total", "Calls made again within the same poll.", _OPERATION
        )
        self.throttles = self._counter(
            "api_throttled_total", "Calls that the vendor refused for their rate.", _OPERATION
        )
        self.durations = Histogram(
            "outbound_exporter_api_request_duration_seconds",
            "Time from sending a call to its whole answer.",
            _OPERATION,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.budget_rate = self._gauge(
            "api_budget_requests_per_second", "Calls a second the poller allows itself.", _ACCOUNT
        )
        self.budget_remaining = self._gauge(
            "api_budget_remaining", "Calls left at once, by window.", (*_ACCOUNT, "window")
        )
        self.skips = self._counter(
            "polls_skipped_total",
            "Polls left out because the one before was still under way.",
            (*_ACCOUNT, "tier"),
        )
        self.unknowns = self._counter(
            "unknown_values_total",
            "Values of the vendor that are not documented or could not be read, by field.",
            (*_ACCOUNT, "field"),
        )


class AccountMeter:
    """The self-metrics of one account, its labels already set."""

    def __init__(
        self,
        telemetry: Telemetry,
        account: tuple[str, str],
        operations: Sequence[str],
        codes: Mapping[str, Reason],
    ) -> None:
        self._telemetry = telemetry
        self._operations = operations
        self._codes = codes
        self._shown: set[tuple[Labelled, tuple[str, ...]]] = set()
        self._calls: dict[str, tuple[Counter, Histogram]] = {}
        self.labels = account
        """Platform and name."""

    def show(self) -> None:
        """Show the account; every label set that is known starts at 0, or goes on.

        A first error is then an increase, which a rate sees, and not a new series, which it misses.
        """
        telemetry = self._telemetry
        for operation in self._operations:
            # Kept, for to look them up takes longer than to count.
            self._calls[operation] = (
                self._of(telemetry.requests, operation),
                self._of(telemetry.durations, operation),
            )
            self._of(telemetry.retries, operation)
            self._of(telemetry.throttles, operation)
            for code, reason in self._codes.items():
                self._of(telemetry.failures, operation, reason.value, code)
        for tier in Tier:
            self._of(telemetry.skips, tier.value)
        self._changed()

    def on_refresh(self, update: Callable[[], None]) -> None:
        """Call ``update`` before each exposition of the self-metrics."""
        self._telemetry.on_refresh(self, update)

    def answered(self, operation: str, seconds: float) -> None:
        """A call was made and took ``seconds``, whatever came of it."""
        requests, durations = self._calls[operation]
        requests.inc()
        durations.observe(seconds)
        self._telemetry.calls.change()

    def failed(self, operation: str, reason: Reason, code: str) -> None:
        """A call failed; ``code`` from the source's closed list."""
        self._of(self._telemetry.failures, operation, reason.value, code).inc()
        if reason is Reason.RATE_LIMITED:
            self._of(self._telemetry.throttles, operation).inc()
        self._telemetry.failed_calls.change()

    def retried(self, operation: str) -> None:
        """A call is made again within the same poll."""
        self._of(self._telemetry.retries, operation).inc()
        self._telemetry.failed_calls.change()

    def skipped(self, tier: Tier, polls: int) -> None:
        """So many polls of a tier were left out."""
        self._of(self._telemetry.skips, tier.value).inc(polls)

    def unknown(self, field: str) -> None:
        """A value of ``field`` is not documented or could not be read."""
        self._of(self._telemetry.unknowns, field).inc()

    def budget(self, *, rate: float, remaining: dict[str, float]) -> None:
        """What the account allows itself now."""
        self._of(self._telemetry.budget_rate).set(rate)
        for window, calls in remaining.items():
            self._of(self._telemetry.budget_remaining, window).set(calls)

    def remove(self) -> None:
        """Forget the account: no series of it stays behind."""
        self._telemetry.on_refresh(self, None)
        for metric, labels in self._shown:
            metric.remove(*labels)
        self._shown.clear()
        self._changed()

    def hand_over(self, successor: "AccountMeter") -> None:
        """Leave all series to another meter of the same account, which then removes them."""
        self._telemetry.on_refresh(self, None)
        successor.take_over(self._shown)
        self._shown = set()

    def take_over(self, shown: "set[tuple[Labelled, tuple[str, ...]]]") -> None:
        """Answer for these series too; see ``hand_over``."""
        self._shown |= shown

    def _of(self, metric: M, *labels: str) -> M:
        """The account's own part of a metric."""
        whole = (*self.labels, *labels)
        self._shown.add((metric, whole))
        part: M = metric.labels(*whole)
        return part

    def _changed(self) -> None:
        self._telemetry.calls.change()
        self._telemetry.failed_calls.change()
