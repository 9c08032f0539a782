"""The rules for the Prometheus operator: `python -m tools.prometheus_rule` writes the manifest.

`--check` only compares and exits 1.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.rules import rule_files
from tools.thresholds import Thresholds

_FILE: Final = (
    Path(__file__).parents[1] / "deploy/kubernetes/prometheus-operator/prometheusrule.yaml"
)
_GROUPS: Final = "groups:\n"
_HEAD: Final = """\
# Only where the Prometheus operator is installed: the rules of prometheus/rules as one object.
# Give it the labels that spec.ruleSelector of your Prometheus object asks for, then load it with
#   kubectl apply --server-side -f deploy/kubernetes/prometheus-operator/prometheusrule.yaml
# Helm reads braces as its own: bring this file into a chart with .Files.Get, not as a template.
# Made by `make rules` from tools/rules and tools/thresholds.py. Do not edit it by hand.
# yamllint disable rule:line-length
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: outbound-exporter
  labels:
    app.kubernetes.io/name: outbound-exporter
spec:
  groups:
"""


def prometheus_rule(files: Mapping[str, str]) -> str:
    """One manifest with the groups of all rule files, in their order.

    Raises:
        ValueError: A file has no groups.
    """
    return _HEAD + "".join(_groups(name, text) for name, text in files.items())


def _groups(name: str, text: str) -> str:
    _, found, groups = text.partition(f"\n{_GROUPS}")
    if not found:
        raise ValueError(f"{name}: no line with {_GROUPS.strip()!r} alone")
    return textwrap.indent(groups, "  ")


def main(arguments: Sequence[str] | None = None, *, file: Path = _FILE) -> int:
    """Write the manifest or check that it is current; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.prometheus_rule")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if different")
    text = prometheus_rule(rule_files(Thresholds()))
    if not parser.parse_args(arguments).check:
        file.write_text(text, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{file}: not current; run make rules\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
