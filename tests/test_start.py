"""What a start loads: no more than it needs, since each module takes time and memory."""

import json
import subprocess
import sys

import pytest

WAIT_SECONDS = 15
HEAVY = {
    *("aiohttp", "asyncio", "cryptography", "exporter.app", "exporter.commands"),
    *("exporter.simulator", "exporter.sources", "jinja2", "msgspec", "prometheus_client"),
    *("rich", "structlog", "yaml"),
}
# structlog loads rich by itself where it is installed, which only tools for development do.
NEEDED = HEAVY - {"exporter.simulator", "jinja2", "rich"}
SCRIPT = """
import json, sys
try:
    exec(sys.argv[1])
except SystemExit:
    pass
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""


def loaded(statement: str) -> set[str]:
    """What a fresh process has loaded after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, statement],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", ["--version", "--help", "demo --help", "--no-such-flag", "--shard=1"]
)
def test_reading_the_command_line_loads_nothing_that_is_heavy(arguments):
    modules = loaded(f"from exporter import cli; cli.run({arguments.split()})")

    assert "exporter.cli" in modules
    assert modules & HEAVY == set()


def test_an_exporter_loads_neither_the_simulator_nor_the_engine_of_the_page():
    modules = loaded("import exporter.commands")

    assert modules & (HEAVY - {"rich"}) == NEEDED


def test_a_check_of_a_configuration_loads_neither_too(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(
        "accounts: [{name: a, platform: aliyun, credentials:"
        " {type: access_key, access_key_id: i, access_key_secret: s}}]",
        encoding="utf-8",
    )
    flags = ["--config.check", "--config.file", str(file)]

    modules = loaded(f"from exporter import cli; assert cli.run({flags}) == 0")

    assert modules & (HEAVY - {"rich"}) == NEEDED
