"""The vendors: one folder each, and one entry in ``SOURCES``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from exporter.source import SourceType
from exporter.sources.aliyun.source import ALIYUN
from exporter.sources.dezhu.source import DEZHU

SOURCES: Final[Mapping[str, SourceType]] = MappingProxyType(
    {kind.platform: kind for kind in (DEZHU, ALIYUN)}
)
"""Every vendor that an account's ``platform`` can name."""
