"""What the vendors receive is within the budget, and a vendor that throttles is left in peace."""

from functools import partial

from exporter.simulator import Fault
from tests.integration._drive import DEFAULTS, driven, of, one, written

ONE_EACH = {"dezhu_accounts": 1, "aliyun_accounts": 1, "aliyun_instances": 2, "tasks": 60}
BUDGET = {"requests_per_second": 0.5, "burst": 4, "requests_per_hour": 300, "concurrency": 3}
REFRESH = {"active": "20s", "idle": "30s", "finished": "60s", "detail": "1m"}


def times(drive, account):
    return [record.time for record in drive.simulator.requests if record.account == account]


def most_in_any(window, moments):
    return max(
        sum(start <= at < start + window for at in moments[first:])
        for first, start in enumerate(moments)
    )


async def test_no_window_sees_more_requests_than_the_budget_repeats_included():
    text = partial(written, budget=BUDGET, refresh=REFRESH)
    async with driven(options=ONE_EACH, text=text) as drive:
        faults = drive.simulator.faults
        for kind in (
            Fault(kind="status", http_status=503, times=40),
            Fault(kind="code", vendor="aliyun", code="SignatureNonceUsed", times=40),
            Fault(kind="reset", times=20),
        ):
            faults.set(kind)
        await drive.forward(3700)

        for account in drive.world.exporter.store.views:
            moments = times(drive, account)
            assert len(moments) > 200
            assert most_in_any(3600, moments) <= BUDGET["requests_per_hour"]
            for window in (1, 10, 60, 600):
                most = BUDGET["burst"] + BUDGET["requests_per_second"] * window
                assert most_in_any(window, moments) <= most
        metrics = await drive.metrics()
        told = of(metrics, "outbound_exporter_api_requests_total")
        assert sum(sample.value for sample in told) == len(drive.simulator.requests)
        assert sum(sample.value for sample in of(metrics, "outbound_exporter_api_retries_total"))


async def test_the_rate_in_force_and_what_is_left_of_the_budget_show():
    defaults = DEFAULTS["budget"] | {"requests_per_second": 8, "burst": 8}
    text = partial(written, budget=defaults)
    async with driven(options=ONE_EACH, text=text) as drive:
        await drive.polled()
        drive.simulator.faults.set(
            Fault(kind="status", vendor="dezhu", http_status=429, times=1, headers={})
        )
        await drive.forward(61)
        metrics = await drive.metrics()

        name = "outbound_exporter_api_budget_requests_per_second"
        assert one(metrics, name, account="dezhu-demo") == 4
        assert one(metrics, name, account="aliyun-demo") == 8
        name = "outbound_exporter_api_budget_remaining"
        assert one(metrics, name, account="aliyun-demo", window="second") == 8
        assert 0 <= one(metrics, name, account="dezhu-demo", window="second") <= 1
        assert one(metrics, name, account="dezhu-demo", window="hour") > 900_000


async def test_discovery_the_check_and_empty_lists_cost_what_the_documents_say():
    refresh = {"active": "20s", "idle": "60s", "finished": "10m", "detail": "12h"}
    # In each instance every list fits on a page.
    text = partial(written, refresh=refresh)
    async with driven(options=ONE_EACH, text=text) as drive:
        await drive.polled()
        await drive.forward(590)
        before = len(drive.simulator.requests)
        await drive.forward(3600)

        requests = list(drive.simulator.requests)[before:]
        aliyun = [record for record in requests if record.vendor == "aliyun"]
        dezhu = [record for record in requests if record.vendor == "dezhu"]
        discovery = [record for record in aliyun if record.operation == "ListInstances"]
        assert 57 <= len(discovery) <= 60  # each a little later than a minute after the last
        lists = [record for record in aliyun if record.operation == "ListJobGroups"]
        checks = [record for record in lists if not record.statuses]
        assert (len(checks), {record.size for record in checks}) == (2 * 6, {1})
        whole = [record for record in lists if record.size > 1]
        assert abs(len(whole) - 2 * (180 + 60 + 6)) <= 4
        checks = [record for record in dezhu if not record.statuses and record.size == 1]
        assert len(checks) == 6
        whole = [record for record in dezhu if record.size > 1 and record.statuses]
        # One active list, three idle ones and two finished ones.
        assert abs(len(whole) - (180 + 3 * 60 + 2 * 6)) <= 6
