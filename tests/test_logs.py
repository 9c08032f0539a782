"""One line an event on standard error, as logfmt or JSON, whoever logs."""

import datetime
import io
import json
import logging
import re
import sys

import pytest
import structlog

from exporter import logs
from exporter.secret import Secret

pytestmark = pytest.mark.usefixtures("logs_as_before")

_PAIR = re.compile(r'([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?: |$)')


def read_logfmt(line):
    """A line as keys and values; fails where it is not logfmt."""
    found, at = {}, 0
    while at < len(line):
        match = _PAIR.match(line, at)
        assert match, f"not logfmt from {at}: {line}"
        key, quoted, plain = match.groups()
        assert key not in found
        found[key] = plain if quoted is None else re.sub(r"\\(.)", _unescaped, quoted)
        at = match.end()
    return found


def _unescaped(match):
    return {"n": "\n"}.get(match[1], match[1])


READ = {"logfmt": read_logfmt, "json": json.loads}


class Log:
    """What is written to standard error."""

    def __init__(self, file, style):
        self._file = file
        self._read = READ[style]

    @property
    def text(self):
        return self._file.getvalue()

    @property
    def events(self):
        return [self._read(line) for line in self.text.splitlines()]


@pytest.fixture
def configured(monkeypatch):
    def configure(*, level="info", style="logfmt"):
        file = io.StringIO()
        monkeypatch.setattr(sys, "stderr", file)
        logs.configure(level=level, style=style)
        return Log(file, style)

    return configure


@pytest.mark.parametrize("style", logs.FORMATS)
def test_an_event_is_one_line_with_time_level_and_message(configured, style):
    log = configured(style=style)

    structlog.get_logger().info("listening", url="http://127.0.0.1:1", metrics="/metrics")

    (event,) = log.events
    moment = datetime.datetime.fromisoformat(event.pop("ts"))
    assert moment.tzinfo == datetime.UTC
    assert abs(datetime.datetime.now(datetime.UTC) - moment) < datetime.timedelta(minutes=1)
    assert event == {
        "level": "info",
        "msg": "listening",
        "url": "http://127.0.0.1:1",
        "metrics": "/metrics",
    }


def test_logfmt_begins_with_time_level_and_message(configured):
    log = configured()

    structlog.get_logger().warning("poll failed", account="a")

    assert re.match(r'ts=\S+Z level=warning msg="poll failed" account=a$', log.text)


@pytest.mark.parametrize("style", logs.FORMATS)
@pytest.mark.parametrize(
    "value",
    ["", "two words", 'a "quoted" word', "a=b", "back \\ slash", "two\nlines of it", "催收 作业组"],
)
def test_any_text_can_be_read_back(configured, style, value):
    log = configured(style=style)

    structlog.get_logger().info("something happened", value=value, last=1)

    (event,) = log.events
    assert event["value"] == value
    assert str(event["last"]) == "1"


@pytest.mark.parametrize("style", logs.FORMATS)
def test_a_traceback_is_a_value_of_the_same_line(configured, style):
    log = configured(style=style)

    try:
        {}["what went wrong"]
    except KeyError:
        structlog.get_logger().exception("bug", account="a")

    (event,) = log.events
    assert event["level"] == "error"
    assert event["exception"].startswith("Traceback (most recent call last):\n")
    assert event["exception"].endswith("KeyError: 'what went wrong'")


@pytest.mark.parametrize("style", logs.FORMATS)
def test_a_secret_stays_hidden(configured, style):
    log = configured(style=style)

    structlog.get_logger().info("read", key=Secret("text-4711"), more=[Secret("text-4711")])

    assert "text-4711" not in log.text
    assert "<secret>" in log.text


@pytest.mark.parametrize("style", logs.FORMATS)
def test_a_traceback_tells_places_and_no_value_of_a_variable(configured, style):
    log = configured(style=style)

    def work(password):
        raise ValueError(f"of {len(password)} characters")

    try:
        work("text-4711")
    except ValueError:
        structlog.get_logger().exception("bug")

    assert "in work" in log.events[0]["exception"]
    assert "text-4711" not in log.text.replace('work("text-4711")', "").replace(
        'work(\\"text-4711\\")', ""
    )


@pytest.mark.parametrize("style", logs.FORMATS)
def test_what_looks_like_a_mobile_number_is_masked_whoever_logs_it(configured, style):
    log = configured(style=style)

    structlog.get_logger().info("call 13800138000", value="of 15912345678", number_of=13800138000)
    logging.getLogger("somebody").error("to %s", "13800138000")
    try:
        {}["13800138000"]
    except KeyError:
        structlog.get_logger().exception("bug")

    assert "13800138000" not in log.text.replace("number_of=13800138000", "").replace(
        '"number_of": 13800138000', ""
    )
    assert "15912345678" not in log.text
    assert log.text.count("138********") >= 3


NAMES = {"debug": "debug", "info": "info", "warn": "warning", "error": "error"}


@pytest.mark.parametrize("level", logs.LEVELS)
def test_what_is_below_the_level_is_left_out(configured, level):
    log = configured(level=level)

    for name in NAMES.values():
        getattr(structlog.get_logger(), name)("said")
        getattr(logging.getLogger("somebody"), name)("said too")

    wanted = [NAMES[name] for name in logs.LEVELS[logs.LEVELS.index(level) :]]
    ours = [event["level"] for event in log.events if event["msg"] == "said"]
    theirs = [event["level"] for event in log.events if event["msg"] == "said too"]
    assert ours == wanted
    # Libraries are never listened to below a warning.
    assert theirs == [name for name in wanted if name in {"warning", "error"}]


@pytest.mark.parametrize("style", logs.FORMATS)
def test_what_libraries_log_goes_the_same_way(configured, style):
    log = configured(style=style)

    try:
        int("broken")
    except ValueError:
        logging.getLogger("asyncio").exception("task %s failed", "x y")

    (event,) = log.events
    assert event["msg"] == "task x y failed"
    assert event["level"] == "error"
    assert event["logger"] == "asyncio"
    assert event["exception"].endswith("with base 10: 'broken'")


@pytest.mark.parametrize(
    ("number", "level"),
    [(30, "warning"), (35, "warning"), (40, "error"), (50, "error"), (99, "error")],
)
def test_a_level_of_a_library_that_is_none_of_ours_counts_as_the_one_below(
    configured, number, level
):
    log = configured()

    logging.getLogger("somebody").log(number, "said")

    assert [event["level"] for event in log.events] == [level]


def test_a_library_that_logs_badly_does_not_fail_by_it(configured):
    log = configured()

    logging.getLogger("somebody").warning("%d calls", "no number")
    logging.getLogger("somebody").warning("100% of them")

    assert [event["msg"] for event in log.events] == ["%d calls", "100% of them"]


def test_configuring_again_replaces_what_was_before(configured):
    before = configured(style="json")
    log = configured(level="debug")

    structlog.get_logger().debug("said")
    logging.getLogger("somebody").error("said too")

    assert before.text == ""
    assert [event["msg"] for event in log.events] == ["said", "said too"]


def test_a_logger_made_before_the_configuration_follows_it(configured):
    early = structlog.get_logger()
    log = configured()

    early.info("said")

    assert log.events[0]["msg"] == "said"
