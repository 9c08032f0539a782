"""The soak in short: an hour in which everything happens, and what it has to leave behind."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_an_hour_of_faults_reloads_and_scrapes_shows_nothing_false_and_leaves_nothing_behind():
    # A process of its own: it reads files and writes pipes as it goes.
    soak = (sys.executable, "-W", "error", "-m", "tests.soak", "--days", "0.045", "--seed", "7")

    done = subprocess.run(soak, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 violations" in done.stdout
