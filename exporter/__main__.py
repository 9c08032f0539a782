"""Lets ``python -m exporter`` be the command."""

from exporter.cli import main

main()
