"""`python -m tests.e2e.simulating OPTIONS`: a simulator with more accounts than the command has."""

import asyncio
import json
import signal
import sys

from exporter.simulator import SimulatorOptions
from exporter.simulator.serve import serve


async def main(options: SimulatorOptions) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(options, stop=stop, say=print)


if __name__ == "__main__":
    asyncio.run(main(SimulatorOptions(**json.loads(sys.argv[1]))))
