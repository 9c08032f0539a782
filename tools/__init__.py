"""What makes the committed rules and dashboards; not a part of the exporter."""
