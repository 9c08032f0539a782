"""Takes the pictures in `docs/images`: the dashboards and the exporter's own page.

`python -m tools.screenshots` simulates both vendors, lets an exporter poll them and a Prometheus
scrape it, shows the dashboards with Grafana's own components (`tools/dashboard-preview`) and has
Chromium take the pictures.
"""
