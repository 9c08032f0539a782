"""The benchmarks in simulated time measure what they say."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import calls as steady
from benchmarks.simulated import Clock, Gate, calls, most_in_any
from exporter.config.model import Budget
from exporter.sources.aliyun.options import AliyunOptions
from exporter.sources.aliyun.source import _abilities as aliyun
from exporter.sources.dezhu.source import _abilities as dezhu


def test_the_vendors_of_the_steady_state_can_what_the_sources_can():
    options = msgspec.convert(
        {
            "credentials": {
                "type": "access_key",
                "access_key_id": "x",
                "access_key_secret_file": "x",
            }
        },
        AliyunOptions,
    )
    for name, source in (("dezhu", dezhu(100)), ("aliyun", aliyun(options))):
        vendor = steady.Lists([], **steady._VENDORS[name]).abilities
        # The rows of the benchmark have no age, and so no list is bounded by one.
        assert vendor == msgspec.structs.replace(source, created_since=False)


def test_the_fullest_window_is_found():
    assert most_in_any(10, [0, 5, 10, 11, 30]) == 3
    assert most_in_any(1, [0, 5]) == 1
    assert most_in_any(1, []) == 0


async def test_a_gate_lets_so_many_pass_in_each_window():
    clock = Clock()
    gate = Gate(clock, rate=2, window=1.0, sliding=False)
    assert [gate.passes() for _ in range(3)] == [True, True, False]
    await clock.run(1.0)
    assert [gate.passes() for _ in range(3)] == [True, True, False]


@settings(max_examples=12, deadline=None)
@given(
    budget=st.builds(
        Budget,
        requests_per_second=st.floats(0.2, 20),
        burst=st.integers(1, 30),
        requests_per_hour=st.integers(1, 600),
        concurrency=st.integers(1, 8),
    ),
    vendor_rate=st.none() | st.floats(0.1, 5),
)
def test_callers_that_never_stop_are_kept_to_the_budget(budget, vendor_rate):
    gate = vendor_rate and (lambda clock: Gate(clock, rate=vendor_rate, window=1, sliding=True))
    sent = [at for at, _ in calls(budget, seconds=4000, gate=gate)]
    assert most_in_any(3599.999, sent) <= budget.requests_per_hour
    for window in (1, 10, 100):
        most = budget.burst + budget.requests_per_second * window
        assert most_in_any(window, sent) <= most + 1e-3


def test_a_vendor_that_throttles_refuses_less_than_a_hundredth_after_the_first_minute():
    budget = Budget(requests_per_hour=1_000_000)
    for window in (1.0, 60.0):
        sent = calls(
            budget,
            seconds=1800,
            gate=lambda clock, window=window: Gate(clock, rate=1.0, window=window, sliding=False),
        )
        later = [passed for at, passed in sent if at >= 60]
        assert later.count(False) < len(later) / 100
        assert len(later) > 0.3 * 1740
