"""What every test stands on: no blocking call on a loop, a clean environment, named skips."""

import logging
import os
import shutil
import signal

import hypothesis
import pytest
import structlog
from blockbuster import blockbuster_ctx

# Deadlines and the check for slow inputs are absolute times, which a busy machine misses.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _nothing_blocks_the_loop():
    """A blocking call inside a running loop fails the test that made it."""
    with blockbuster_ctx() as blockbuster:
        # The report of a test that ran too long is written from within its loop.
        write = blockbuster.functions["io.TextIOWrapper.write"]
        write.can_block_in("pytest_timeout.py", {"timeout_sigalrm"})
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """No test depends on the proxies or credentials of the machine that runs it."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("ALIBABA_CLOUD_", "DEZHU_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _signals_as_before():
    """A command that is run within a test leaves the signals of its process as they were."""
    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def logs_as_before():
    """A command that is run within a test configures the logging of its process: put it back."""
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = kept
    root.setLevel(level)


def pytest_runtest_setup(item):
    """Skip what needs an absent program, and say which; fail instead where it must be there."""
    for mark in item.iter_markers("binary"):
        (program,) = mark.args
        if shutil.which(program):
            continue
        if os.environ.get("REQUIRE_BINARIES"):
            pytest.fail(f"{program} is not installed, and REQUIRE_BINARIES is set", pytrace=False)
        pytest.skip(f"needs the program {program}, which is not installed")
