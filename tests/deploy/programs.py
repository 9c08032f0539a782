"""The programs that check files, of both versions."""

import subprocess
from pathlib import Path

import pytest

from tests.servers.versions import NEXT_FOLDER

_NEXT = NEXT_FOLDER / "amtool"
NEXT_AMTOOL = [
    pytest.param(
        str(_NEXT),
        marks=pytest.mark.skipif(
            not _NEXT.exists(), reason="needs amtool 0.33: run .ci/prometheus-3"
        ),
        id="next",
    )
]
AMTOOLS = [pytest.param("amtool", marks=pytest.mark.binary("amtool"), id="stable"), *NEXT_AMTOOL]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
