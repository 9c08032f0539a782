"""Recording and alerting rules of Prometheus, made from `tools.thresholds`."""

from __future__ import annotations

from collections.abc import Mapping

from tools.rules.recording import recording_groups
from tools.rules.writing import document
from tools.thresholds import Thresholds


def rule_files(thresholds: Thresholds) -> Mapping[str, str]:
    """The text of each rule file, by its name."""
    return {
        "outbound-recording.yml": document(
            about="Recording rules for outbound-exporter: dashboards and alerts are built on them.",
            area="",
            groups=recording_groups(thresholds),
        ),
    }
