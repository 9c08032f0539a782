"""The versions of Prometheus and Alertmanager that tests run against.

``@pytest.mark.parametrize("version", VERSIONS, ids=str)``, or the same as ``params`` of a fixture.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NEXT_FOLDER = Path(__file__).parents[2] / ".programs" / "prometheus-3" / "usr" / "bin"


@dataclass(frozen=True)
class Version:
    """Programs that belong together; a bare name is looked up on PATH."""

    name: str
    prometheus: str
    promtool: str
    alertmanager: str

    def __str__(self) -> str:
        return self.name

    def absent(self) -> list[str]:
        """Names of the programs that this machine does not have."""
        programs = (self.prometheus, self.promtool, self.alertmanager)
        return [Path(program).name for program in programs if not shutil.which(program)]

    def described(self) -> str:
        """What the programs say they are, in one line."""
        lines = (_version_line(program) for program in (self.prometheus, self.alertmanager))
        return "; ".join(lines)


def _version_line(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return (said.stdout or said.stderr).splitlines()[0].partition(" (")[0]


STABLE = Version("stable", "prometheus", "promtool", "prometheus-alertmanager")
NEXT = Version(
    "next",
    str(NEXT_FOLDER / "prometheus"),
    str(NEXT_FOLDER / "promtool"),
    str(NEXT_FOLDER / "prometheus-alertmanager"),
)
VERSIONS = [
    pytest.param(
        STABLE,
        marks=[
            pytest.mark.binary(program)
            for program in (STABLE.prometheus, STABLE.promtool, STABLE.alertmanager)
        ],
    ),
    pytest.param(
        NEXT,
        marks=pytest.mark.skipif(
            bool(NEXT.absent()),
            reason=f"needs {', '.join(NEXT.absent())} of Prometheus 3: run .ci/prometheus-3",
        ),
    ),
]
