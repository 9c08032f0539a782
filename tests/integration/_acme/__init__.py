"""A made-up third vendor, as a person would add one: this folder, and one registry entry."""

from tests.integration._acme.source import ACME

__all__ = ["ACME"]
