"""The simulated Dezhu as a process: tells a configuration for it, serves until its input ends."""

import asyncio
import json
import sys
from typing import Any

from exporter.simulator import Simulator, SimulatorOptions

_REFRESH = {"active": "1h", "idle": "1h", "finished": "1h", "detail": "12h"}
_BUDGET = {"requests_per_second": 1000, "burst": 10000, "requests_per_hour": 10000000}
_TASKS = {"finished_within": "36500d", "idle_within": "36500d", "limit": 1000000}


def settings(refresh: dict[str, str]) -> dict[str, Any]:
    """What the configuration says beside the accounts; ``refresh`` by tier, once an hour if not."""
    # An hour between readings: data must not grow stale while the benchmark waits.
    return {
        "refresh": _REFRESH | refresh,
        "budget": _BUDGET,
        "defaults": {"tasks": _TASKS, "stale_after": "1h"},
    }


async def _serve(wanted: dict[str, Any]) -> None:
    shared = settings(wanted.pop("refresh", {}))
    options = SimulatorOptions(
        aliyun_accounts=0, control_listen=None, lively=False, truth_limit=1000, **wanted
    )
    async with Simulator(options) as simulator:
        text = simulator.config_text(**shared)
        print(json.dumps({"config": text}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
