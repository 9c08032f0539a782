"""Recording and alerting rules of Prometheus, made from `tools.thresholds`."""

from __future__ import annotations

from collections.abc import Mapping

from tools.rules.jobs import job_groups
from tools.rules.recording import recording_groups
from tools.rules.trust import trust_groups
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
        "outbound-jobs.yml": document(
            about="Alerts on jobs: what goes wrong with the campaigns."
            " They need outbound-recording.yml.",
            area="jobs",
            groups=job_groups(thresholds),
        ),
        "outbound-trust.yml": document(
            about="Alerts on trust: whether what the exporter tells can be believed.",
            area="trust",
            groups=trust_groups(thresholds),
        ),
    }
