"""`python -m tools.screenshots`: the pictures in docs/images, made anew."""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

from tools.rules import rule_files
from tools.screenshots.camera import build, preview, take
from tools.screenshots.servers import StageError
from tools.screenshots.shots import Scene, Shot, dashboard_files, dashboard_shots, page_shots
from tools.screenshots.stage import SCRAPE_SECONDS, Plot, Stage, stage, thresholds_for
from tools.screenshots.story import STORY

_ROOT: Final = Path(__file__).resolve().parents[2]

# Until the rules know the pace, so that no chart begins with a gap or a guess.
_WARM_UP_SECONDS: Final = 240
_AFTER_MINUTE: Final = 45
# The dashboard of one task shows one of each vendor: one language each.
_TASK_NAME: Final = "steady-campaign"
_PLATFORMS: Final = {"en": "aliyun", "zh": "dezhu"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; returns the exit code."""
    flags = _flags().parse_args(arguments)
    flags.dashboards = flags.dashboards.resolve()
    # What was started is ended whichever way this is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(_take_all(flags))
    except (StageError, OSError) as error:
        sys.stderr.write(f"screenshots: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=_ROOT / "docs/images")
    parser.add_argument("--dashboards", type=Path, default=_ROOT / "grafana/dashboards")
    parser.add_argument("--minutes", type=int, default=12, help="of history (default: 12)")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--time-zone", default="Asia/Shanghai")
    parser.add_argument("--tasks", type=int, default=40, help="of each vendor (default: 40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=2.0, help="of dialling (default: 2)")
    parser.add_argument("--hold", action="store_true", help="then keep everything up, to look at")
    return parser


async def _take_all(flags: argparse.Namespace) -> None:
    plot = Plot(
        tasks=flags.tasks,
        seed=flags.seed,
        speed=flags.speed,
        scenario=STORY,
        rules=rule_files(thresholds_for(flags.minutes)),
    )
    await build()
    flags.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name:
        directory = Path(name)
        async with stage(plot, directory) as built:
            log = directory / "preview.log"
            async with preview(flags.dashboards, built.prometheus_url, log) as preview_url:
                _say(f"exporter {built.exporter_url}  prometheus {built.prometheus_url}")
                _say(f"dashboards {preview_url}/?scrape={SCRAPE_SECONDS}")
                _say(f"{flags.minutes} minutes of history are being made")
                await asyncio.sleep(_WARM_UP_SECONDS + flags.minutes * 60)
                shots = await _shots(flags, built, preview_url)
                await _shoot(shots, flags)
                if flags.hold:
                    _say("everything stays up until Ctrl-C")
                    await asyncio.Event().wait()


async def _shots(flags: argparse.Namespace, built: Stage, preview_url: str) -> list[Shot]:
    files = dashboard_files(flags.dashboards)
    scene = Scene(
        preview_url=preview_url,
        last_seconds=flags.minutes * 60,
        until=until(time.time()),  # noqa: TID251  # the browser has no other clock
        scrape_seconds=SCRAPE_SECONDS,
        theme=flags.theme,
        variables={
            file: {"task_id": await _task_id(built.prometheus_url, file.split("/")[0])}
            for file in files
        },
    )
    return [*dashboard_shots(files, scene), *page_shots(built.exporter_url)]


def until(now: float) -> int:
    """Not later than now, and so long after a minute that the last label of an axis has room."""
    return int(now - _AFTER_MINUTE) // 60 * 60 + _AFTER_MINUTE


async def _task_id(prometheus_url: str, language: str) -> str:
    platform = _PLATFORMS.get(language, "aliyun")
    query = f'outbound_task_info{{task_name="{_TASK_NAME}",platform="{platform}"}}'
    url = f"{prometheus_url}/api/v1/query"
    async with aiohttp.ClientSession() as session, session.get(url, params={"query": query}) as got:
        result = (await got.json())["data"]["result"]
    if not result:
        raise StageError(f"no task is called {_TASK_NAME}: is the exporter scraped?")
    return str(result[0]["metric"]["task_id"])


async def _shoot(shots: list[Shot], flags: argparse.Namespace) -> None:
    notes = await take(shots, flags.out, time_zone=flags.time_zone, theme=flags.theme)
    for note in notes:
        _say(f"look at {note}")
    for shot in shots:
        file = flags.out / shot.file
        _say(f"{file}  {file.stat().st_size / 1000:.0f} kB")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
