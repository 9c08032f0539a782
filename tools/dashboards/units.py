"""Grafana's units, as the SDK lists them."""

from typing import Final

from grafana_foundation_sdk.models import units

UNITS: Final = frozenset(
    value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)
)
