"""The sample unit agrees with the program and with what a service manager may ask of it."""

import re
import shlex
from pathlib import Path

import pytest

from exporter import cli
from exporter.config.loader import parse
from exporter.signals import LONGEST_END_SECONDS
from exporter.sources import SOURCES

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "outbound-exporter.service"


@pytest.fixture(scope="module")
def settings():
    """Every setting of the unit, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            key, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(key, []).append(value)
    return found


def test_it_starts_the_program_with_flags_that_there_are(settings):
    program, *flags = shlex.split(settings["ExecStart"][0])
    parsed = cli._parsed(flags)

    assert Path(program).name == "outbound-exporter"
    assert parsed.command == "serve"
    assert parsed.config_file == Path("/etc/outbound-exporter/config.yaml")


def test_it_is_told_when_the_exporter_listens_and_reloads_it_by_its_signal(settings):
    assert settings["Type"] == ["notify"]
    assert settings["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_it_has_more_time_to_end_than_it_takes(settings):
    assert int(settings["TimeoutStopSec"][0]) > LONGEST_END_SECONDS


def test_what_the_comment_says_of_secrets_is_a_configuration(settings):
    names = [value.partition(":")[0] for value in settings["LoadCredential"]]
    key = re.search(r"private_key_file: (\S+)", UNIT.read_text(encoding="utf-8"))[1]
    text = (
        "accounts: [{name: a, platform: dezhu, base_url: 'https://host', app_id: a,"
        f" private_key_file: '{key}'}}]"
    )
    config = parse(
        text,
        file=Path("config.yaml"),
        options={name: kind.options for name, kind in SOURCES.items()},
        environ={"CREDENTIALS_DIRECTORY": "/run/credentials/outbound-exporter.service"},
    )

    file = Path(config.accounts[0].options.private_key_file)
    assert file.parent == Path("/run/credentials/outbound-exporter.service")
    assert file.name in names
    assert config.secrets_as_text == ()


def test_it_may_do_nothing_but_read_and_talk(settings):
    wanted = {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    }

    assert {key: settings[key][0] for key in wanted} == wanted
    # It would hide /proc/stat, without which process_start_time_seconds is not known.
    assert "ProcSubset" not in settings
    assert "ReadWritePaths" not in settings
