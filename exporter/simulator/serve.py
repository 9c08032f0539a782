"""Runs a simulator until it is told to stop, for the ``simulate`` command."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter.simulator.options import SimulatorOptions
from exporter.simulator.runner import Simulator


async def serve(
    options: SimulatorOptions,
    *,
    stop: asyncio.Event,
    say: Callable[[str], None],
    config_out: Path | None = None,
    scenario: Any = None,
) -> None:
    """Serve both vendors until ``stop`` is set.

    Args:
        options: Of the simulator.
        stop: Ends it.
        say: Takes one line of text at a time for the user.
        config_out: Gets the exporter configuration, readable by its owner alone.
        scenario: Applied at once; whatever ``Simulator.apply`` takes.

    Raises:
        OSError: An address cannot be bound, or a file not read or written.
        ScenarioError: The scenario is not of the agreed form.
        ValueError: An address is not understood.
    """
    async with Simulator(options) as simulator:
        if scenario is not None:
            await simulator.apply(scenario)
        say(f"Dezhu simulator at {simulator.dezhu_url}")
        say(f"Alibaba Cloud simulator at {simulator.aliyun_url}")
        if simulator.control_url:
            say(f"control port at {simulator.control_url}")
        if config_out is not None:
            await asyncio.to_thread(write_private, config_out, simulator.config_text())
            say(f"exporter configuration written to {config_out}")
        await stop.wait()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step.

    Raises:
        OSError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
