"""Grafana dashboards made by Python, in English and Chinese from the same source.

``make dashboards`` writes ``grafana/dashboards/``; a test fails when that is not current.
"""

from tools.dashboards.files import dashboard_files

__all__ = ["dashboard_files"]
