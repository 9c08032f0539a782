"""The soak in short: an hour in which everything happens, and what it has to leave behind."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEAST = {
    "judged": 50_000,
    "polls": 500,
    "scrapes": 400,
    "aborted": 40,
    "exposed": 80,
    "troubles": 12,
    "kinds": 12,
    "reloads": 25,
    "changes": 6,
}


def soaked(*arguments):
    """The exit code of a soak, and what it tells at its end."""
    # A process of its own: it reads files and writes pipes as it goes.
    done = subprocess.run(
        (sys.executable, "-W", "error", "-m", "tests.soak", *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_an_hour_of_faults_reloads_and_scrapes_shows_nothing_false_and_leaves_nothing_behind():
    code, told = soaked("--days", "0.045", "--seed", "7")

    assert code == 0, told
    (last,) = re.findall(r"^0 violations; .*", told, re.MULTILINE)
    counts = {name: int(count) for name, count in re.findall(r"'([\w ]+)': (\d+)", last)}
    assert {name: count for name, count in LEAST.items() if counts[name] < count} == {}


@pytest.mark.timeout(120)
def test_a_soak_in_which_nothing_happened_fails():
    code, told = soaked("--days", "0", "--seed", "7")

    assert code == 1
    assert "VIOLATION only 0 troubles, at least 1 are to be expected" in told
