"""Which pictures there are, and from which addresses they are taken."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal
from urllib.parse import urlencode

Theme = Literal["dark", "light"]

DASHBOARD_WIDTH: Final = 1600
# All tasks make the page many screens high, of which the first says what it looks like.
PAGE_SIZES: Final = ((1200, 1100), (400, 1100))


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: pixels, where no height means the whole page."""

    url: str
    file: str
    width: int
    height: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the dashboards are asked to show.

    Attributes:
        preview_url: Where the preview listens.
        last_seconds: The length of the time range.
        until: Its end, epoch seconds.
        scrape_seconds: The scrape interval of the Prometheus behind it.
        theme: Of Grafana.
        variables: By path of the dashboard, what is chosen on it.
    """

    preview_url: str
    last_seconds: int
    until: int
    scrape_seconds: int
    theme: Theme
    variables: Mapping[str, Mapping[str, str]]


def dashboard_files(directory: Path) -> list[str]:
    """The dashboards below a directory, such as `en/overview.json`."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*.json"))


def dashboard_shots(files: list[str], scene: Scene) -> Iterator[Shot]:
    """A picture of each dashboard: `en/overview.json` becomes `overview-en.png`."""
    for file in files:
        path = PurePosixPath(file)
        query = {
            "d": file,
            "theme": scene.theme,
            "last": f"{scene.last_seconds}s",
            "to": str(scene.until),
            "scrape": str(scene.scrape_seconds),
        }
        chosen = {f"var-{name}": value for name, value in scene.variables.get(file, {}).items()}
        yield Shot(
            url=f"{scene.preview_url}/?{urlencode(query | chosen)}",
            file="-".join([path.stem, *path.parts[:-1]]) + ".png",
            width=DASHBOARD_WIDTH,
        )


def page_shots(exporter_url: str) -> Iterator[Shot]:
    """The exporter's own page, on a desk and on a phone."""
    for width, height in PAGE_SIZES:
        yield Shot(url=f"{exporter_url}/", file=f"page-{width}.png", width=width, height=height)
