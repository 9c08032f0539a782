"""The preview of the dashboards, and the browser that takes the pictures."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tools.screenshots.servers import StageError, free_port, program, server
from tools.screenshots.shots import Shot, Theme

PREVIEW: Final = Path(__file__).resolve().parents[1] / "dashboard-preview"
_VITE: Final = "node_modules/vite/bin/vite.js"
_NODE: Final = "Node.js 20.19 or later is needed for tools/dashboard-preview"


async def build() -> None:
    """Bring the preview's packages where they are missing, and build it.

    Raises:
        StageError: npm is missing or did not succeed; its own output tells why.
    """
    npm = program("npm", cure=_NODE)
    if not (PREVIEW / _VITE).exists():
        await _run([npm, "ci", "--no-audit", "--no-fund"])
    await _run([npm, "run", "--silent", "build", "--", "--logLevel", "warn"])


@contextlib.asynccontextmanager
async def preview(dashboards: Path, prometheus_url: str, log: Path) -> AsyncIterator[str]:
    """Serve the built preview of a directory of dashboards, given in full; gives its address.

    Raises:
        StageError: It did not start.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        "PREVIEW_DASHBOARDS": str(dashboards),
        "PREVIEW_PORT": str(port),
        "PREVIEW_PROMETHEUS": prometheus_url,
    }
    command = [program("node", cure=_NODE), str(PREVIEW / _VITE), "preview", str(PREVIEW)]
    async with server(command, ready_url=f"{url}/dashboards", log=log, environ=environ):
        yield url


async def take(
    shots: Sequence[Shot], directory: Path, *, time_zone: str, theme: Theme
) -> list[str]:
    """Take the pictures into a directory; returns what a person should look at.

    Raises:
        StageError: The browser is missing or gave up.
    """
    order = {
        "browser": program(
            "chromium", "chromium-browser", "google-chrome", cure="apt-get install chromium"
        ),
        "timeZone": time_zone,
        "theme": theme,
        "shots": [asdict(shot) | {"file": str(directory / shot.file)} for shot in shots],
    }
    process = await asyncio.create_subprocess_exec(
        program("node", cure=_NODE),
        str(PREVIEW / "shoot.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(json.dumps(order).encode())
    if process.returncode:
        raise StageError("the browser took no picture: its message is above")
    await _shrink([directory / shot.file for shot in shots])
    return [note for line in output.splitlines() for note in notes(json.loads(line))]


def notes(answer: dict[str, Any]) -> list[str]:
    """What is wrong with one picture: a line for each panel that is empty or failed."""
    file = Path(answer["file"]).name
    lines = []
    for outcome in answer["outcomes"]:
        if outcome.get("error"):
            lines.append(f"{file}: {outcome['panel']}: {outcome['error']}")
        elif outcome.get("empty"):
            lines.append(f"{file}: {outcome['panel']}: no data")
    return lines


async def _shrink(files: Sequence[Path]) -> None:
    quantiser = shutil.which("pngquant")
    if quantiser is not None:
        names = [str(file) for file in files]
        await _run([quantiser, "--force", "--skip-if-larger", "--ext", ".png", "--strip", *names])


async def _run(command: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(*command, cwd=PREVIEW)
    if await process.wait():
        raise StageError(f"{' '.join(command[:3])} ended with {process.returncode}")
