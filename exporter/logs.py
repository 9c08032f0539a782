"""Logs to standard error, one line an event, as logfmt or JSON."""

import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from exporter.exposition import masked

LEVELS: Final = ("debug", "info", "warn", "error")
FORMATS: Final = ("logfmt", "json")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


def configure(*, level: str, style: str) -> None:
    """Send the logs of the whole process to standard error.

    Args:
        level: One of ``LEVELS``.
        style: One of ``FORMATS``.
    """
    renderer = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "msg"], bool_as_flag=False
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _as_message,
            # Places and messages alone: values of variables may be secrets.
            structlog.processors.format_exc_info,
            _without_numbers,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # What libraries say, such as asyncio of a task that failed, goes the same way.
    logging.basicConfig(handlers=[_Handler()], level=logging.WARNING, force=True)


def _as_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the event as the other programs of the ecosystem do."""
    event["msg"] = event.pop("event")
    return event


def _without_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what looks like a mobile number, wherever it came from."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = masked(value)
    return event


class _Handler(logging.Handler):
    """Hands records of the standard library on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record; a level between ours counts as the one below."""
        level = max(level for level in (0, *_LEVELS.values()) if level <= record.levelno)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, LookupError):
            # Arguments that do not fit: whoever logs must not fail by it.
            message = str(record.msg)
        log = structlog.get_logger()
        log.log(level, message, logger=record.name, exc_info=record.exc_info)
