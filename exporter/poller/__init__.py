"""Polls one account: tiers, completeness, change of tier, details, and what is published of it.

Knows vendors only through ``exporter.source.Source``.
"""
