"""Flags to exit code: one line for a person, and never a traceback."""

import argparse
import platform
import re
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exporter import __version__, cli, commands, logs
from exporter.sharding import shard_of

pytestmark = pytest.mark.usefixtures("logs_as_before")

WAIT_SECONDS = 15
HASH = "$2b$04$abcdefghijklmnopqrstu.abcdefghijklmnopqrstuvwxyz12345"


@pytest.fixture(scope="module")
def key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Files:
    """A configuration and what it names."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.config = folder / "exporter.yaml"
        self.key = folder / "dezhu.pem"
        self.key.write_text(key, encoding="utf-8")
        self.key.chmod(0o600)
        self.document = {
            "defaults": {},
            "accounts": [
                {
                    "name": "bots",
                    "platform": "aliyun",
                    "endpoint": "http://127.0.0.1:1",
                    "credentials": {
                        "type": "access_key",
                        "access_key_id": "id",
                        "access_key_secret": "secret-4711",
                    },
                },
                {
                    "name": "collections",
                    "platform": "dezhu",
                    "base_url": "http://127.0.0.1:1",
                    "app_id": "app",
                    "private_key_file": str(self.key),
                },
            ],
        }

    def write(self) -> str:
        self.config.write_text(yaml.safe_dump(self.document), encoding="utf-8")
        self.config.chmod(0o600)
        return str(self.config)


@pytest.fixture
def files(tmp_path, key):
    return Files(tmp_path, key)


@pytest.fixture
def fails(capsys):
    """Runs the command and gives the one line it ends with."""

    def run(*arguments):
        assert cli.run(arguments) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert re.fullmatch(r"outbound-exporter: [^\n]+\n", told.err)
        assert "Traceback" not in told.err
        return told.err.strip().removeprefix("outbound-exporter: ")

    return run


def usage(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.run(arguments)
    return caught.value.code, capsys.readouterr()


# Usage


def test_version_names_the_program_its_version_and_python(capsys):
    code, told = usage(capsys, "--version")

    assert code == 0
    assert told.out == f"outbound-exporter {__version__} (Python {platform.python_version()})\n"
    assert told.err == ""


@pytest.mark.parametrize("command", [[], ["demo"], ["simulate"]])
def test_help_is_printed_and_names_the_flags(capsys, command):
    code, told = usage(capsys, *command, "--help")

    assert code == 0
    assert "--log.level" in told.out
    assert told.err == ""


def commands_and_their_flags():
    """Every flag, with the parser of each command that has it."""
    whole = cli._parser()
    (chosen,) = [action for action in whole._actions if isinstance(action.choices, dict)]
    return [
        (parser, action)
        for parser in (whole, *chosen.choices.values())
        for action in parser._actions
        if action.option_strings
    ]


def test_help_says_of_every_flag_what_it_means():
    without = [
        (parser.prog, action.option_strings[0])
        for parser, action in commands_and_their_flags()
        if not action.help
    ]

    assert without == []


def test_help_tells_the_default_of_every_flag_that_has_one():
    usual = {action.dest: action.default for _, action in commands_and_their_flags()[::-1]}
    told = 0
    for parser, action in commands_and_their_flags():
        default = usual[action.dest] if action.default == argparse.SUPPRESS else action.default
        if action.dest == "listen":
            demo = parser.prog.endswith("demo")
            default = commands._DEMO_ADDRESS if demo else commands._DEFAULT_ADDRESS
        if default in {None, argparse.SUPPRESS} or isinstance(default, bool):
            continue
        told += 1
        flag = action.option_strings[0]
        shown = f"default {default:g}" if isinstance(default, float) else f"default {default}"
        said = parser._get_formatter()._expand_help(action)
        assert shown in said, f"{parser.prog} {flag}: {said}"
    assert told > 15


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_an_unknown_flag_of_a_command_is_told_with_the_usage_of_that_command(capsys, command):
    code, told = usage(capsys, command, "--nope", "1")

    assert code == 2
    assert told.err.startswith(f"usage: outbound-exporter {command} ")
    assert told.err.splitlines()[-1] == (
        f"outbound-exporter {command}: error: unrecognized arguments: --nope 1"
    )


WRONG_USAGE = {
    "unknown flag": (["--nope"], "--nope"),
    "unknown flag with a value": (
        ["--web.nope", "1"],
        "there is no flag --web.nope in this version",
    ),
    "unknown command": (["serve"], "argument COMMAND: invalid choice: 'serve'"),
    "flag without its value": (["--config.file"], "--config.file"),
    "abbreviated flag": (["--web.max-r=1"], "unrecognized arguments: --web.max-r=1"),
    "unknown level": (["--log.level", "loud"], "loud"),
    "unknown format": (["--log.format", "xml"], "xml"),
    "no scrapes at all": (["--web.max-requests", "0"], "expected a number from 1, got '0'"),
    "not a number": (["demo", "--tasks", "many"], "expected a number from 1, got 'many'"),
    "no speed": (["demo", "--speed", "0"], "expected a number above 0, got '0'"),
    "a speed that is no number": (["demo", "--speed", "nan"], "expected a number above 0"),
    "tasks of nobody": (["--tasks", "5"], "--tasks needs --config.check"),
    "active ones of no tasks": (["--config.check", "--active", "5"], "--active needs --tasks"),
    "idle ones of no tasks": (["--config.check", "--idle", "5"], "--idle needs --tasks"),
    "too many active": (
        ["--config.check", "--tasks", "5", "--active", "6"],
        "6 active and 0 idle are more than 5 tasks",
    ),
    "endless speed": (["simulate", "--speed", "inf"], "expected a number above 0"),
    "no shards": (["--total-shards", "0"], "expected a number from 1, got '0'"),
    "a shard below 0": (["--shard=-1"], "expected a number from 0, got '-1'"),
    "a shard beyond the last": (
        ["--shard", "3", "--total-shards", "3"],
        "argument --shard: expected a number below 3 (--total-shards), for shards count from 0",
    ),
    "a shard of nothing": (["--shard", "1"], "expected a number below 1 (--total-shards)"),
    "a shard whose variable is not set": (["--shard=$(POD_INDEX)"], "got '$(POD_INDEX)'"),
    "a shard whose variable is empty": (["--shard="], "expected a number from 0, got ''"),
    "a wrong shard to check": (["--config.check", "--shard", "1"], "--shard"),
    "flag of another command": (["simulate", "--web.max-requests", "1"], "--web.max-requests"),
}


@pytest.mark.parametrize(("arguments", "named"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage_exits_2_and_says_what_is_wrong(capsys, arguments, named):
    code, told = usage(capsys, *arguments)

    assert code == 2
    assert told.out == ""
    assert named in told.err.splitlines()[-1]
    assert "Traceback" not in told.err


def flags_of(*arguments):
    return vars(cli._parser().parse_args(arguments))


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_flags_of_the_log_hold_before_and_after_a_command(command):
    for before, after in ((["--log.level", "debug"], []), ([], ["--log.level", "debug"])):
        flags = flags_of(*before, command, *after)
        assert flags["log_level"] == "debug"
        assert flags["log_format"] == "logfmt"


def test_flags_of_the_web_hold_before_and_after_the_demo():
    given = [
        "--web.listen-address",
        "a:1",
        "--web.listen-address",
        "b:2",
        "--web.max-requests",
        "7",
    ]
    before, after = flags_of(*given, "demo"), flags_of("demo", *given)

    assert before == after
    assert before["listen"] == ["a:1", "b:2"]
    assert before["max_requests"] == 7
    assert before["telemetry_path"] == "/metrics"


def test_the_defaults_are_those_of_the_contract():
    flags = flags_of()

    assert flags["config_file"] == Path("config.yaml")
    assert flags["telemetry_path"] == "/metrics"
    assert flags["max_requests"] == 40
    assert (flags["log_level"], flags["log_format"]) == ("info", "logfmt")
    assert (flags["shard"], flags["total_shards"]) == (0, 1)
    settings = commands._settings(cli._parser().parse_args([]))
    assert [str(address) for address in settings.addresses] == [":9877"]
    assert flags_of("demo")["tasks"] == 40


def test_the_flags_of_the_log_offer_what_the_log_can_do():
    offered = {name: choices for name, (choices, _) in cli._LOG_FLAGS.items()}

    assert offered == {"level": logs.LEVELS, "format": logs.FORMATS}


# --config.check


def test_a_good_configuration_is_one_line_on_standard_output(files):
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "--config.check", "--config.file", files.write()],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{files.config}: ok, 2 account(s)\n"


def test_a_check_of_one_shard_says_how_many_accounts_are_its_own(files, capsys):
    number = shard_of("bots", total=3)
    own = sum(shard_of(name, total=3) == number for name in ("bots", "collections"))
    flags = ["--shard", str(number), "--total-shards", "3"]

    assert cli.run(["--config.check", "--config.file", files.write(), *flags]) == 0

    shown = f"ok, 2 account(s), {own} of them in shard {number} of 3\n"
    assert capsys.readouterr().out == f"{files.config}: {shown}"


def other_shard(name, total):
    return [f"--shard={(shard_of(name, total=total) + 1) % total}", f"--total-shards={total}"]


def test_keys_of_accounts_of_other_shards_need_not_be_there(files):
    files.key.unlink()
    elsewhere = other_shard("collections", 2)

    assert cli.run(["--config.check", "--config.file", files.write(), *elsewhere]) == 0


def test_a_key_path_counts_the_accounts_of_all_shards(files, fails):
    path, _ = key_absent(files)
    files.document["accounts"][0]["name"] = next(
        name
        for name in map(str, range(100))
        if shard_of(name, total=2) != shard_of("collections", total=2)
    )
    own = [f"--shard={shard_of('collections', total=2)}", "--total-shards=2"]

    told = fails("--config.check", "--config.file", files.write(), *own)

    assert told.startswith(f"{files.config}: {path}")


def test_the_check_tells_the_calls_of_every_account_with_so_many_tasks(files, capsys):
    check = ["--config.check", "--config.file", files.write()]

    assert cli.run([*check, "--tasks", "50000", "--active", "500", "--idle", "500"]) == 0

    told = capsys.readouterr()
    assert told.err == ""
    first, _, rest = told.out.partition("\n")
    assert first == f"{files.config}: ok, 2 account(s)"
    assert "bots (aliyun): 50,000 tasks, as if in one instance: 500 active, 500 idle" in rest
    assert "collections (dezhu): 50,000 tasks: 500 active, 500 idle, 49,000 finished" in rest
    # Dezhu takes one status a query, and an empty one takes a call all the same.
    assert re.search(r"collections.*?idle +7 +5m.*?finished +491 +1h", rest, re.DOTALL)
    assert cli.run([*check, "--tasks", "50000"]) == 0
    assert capsys.readouterr() == told


def test_a_budget_that_does_not_hold_the_tasks_is_told_and_is_no_error(files, capsys):
    check = ["--config.check", "--config.file", files.write()]

    assert cli.run([*check, "--tasks", "3000000"]) == 0

    assert "Raise budget." in capsys.readouterr().out


def unknown_key(files):
    files.document["accounts"][0]["credentials"]["typ"] = "x"
    return "accounts[0].credentials.typ: ", "unknown key"


def out_of_range(files):
    files.document["defaults"] = {"refresh": {"active": "0s"}}
    return "defaults.refresh.active: ", "expected"


def key_absent(files):
    files.key.unlink()
    message = f"cannot read the secret file {files.key}: No such file or directory"
    return "accounts[1].private_key_file: ", message


def key_of_no_use(files):
    files.key.write_text("not a key", encoding="utf-8")
    return "accounts[1].private_key_file: ", "expected an RSA private key"


def key_unreadable(files):
    files.key.unlink()
    files.key.mkdir()
    message = f"cannot read the secret file {files.key}: Is a directory"
    return "accounts[1].private_key_file: ", message


def bad_zone(files):
    files.document["accounts"][1]["timezone"] = "Asia/Shangai"
    return "accounts[1].timezone: ", 'unknown time zone "Asia/Shangai"; did you mean Asia/Shanghai?'


def variable_absent(files):
    files.document["accounts"][1]["app_id"] = "${ABSENT_4711}"
    message = "the environment variable ABSENT_4711 is not set"
    return "accounts[1].app_id: ", message


def credentials_absent(files):
    files.document["accounts"][0]["credentials"] = {"type": "environment"}
    message = "the environment variable ALIBABA_CLOUD_ACCESS_KEY_ID is not set"
    return "accounts[0].credentials: ", message


def certificate_absent(files):
    files.document["accounts"][1]["tls_config"] = {"ca_file": str(files.folder / "absent")}
    return "accounts[1].tls_config.ca_file: ", "No such file or directory"


def certificate_of_no_use(files):
    files.document["accounts"][1]["tls_config"] = {"ca_file": str(files.config)}
    return "accounts[1].tls_config.ca_file: ", "expected PEM"


def certificate_of_no_use_for_all(files):
    files.document["defaults"] = {"tls_config": {"ca_file": str(files.config)}}
    return "defaults.tls_config.ca_file: ", "expected PEM"


def certificate_of_another_key(files):
    pair = {"cert_file": str(files.config), "key_file": str(files.key)}
    files.document["accounts"][0]["tls_config"] = pair
    return "accounts[0].tls_config.cert_file: ", f"its key in {files.key}, both PEM"


BAD = (
    *(unknown_key, out_of_range, key_absent, key_of_no_use, key_unreadable),
    *(bad_zone, variable_absent, credentials_absent),
    *(certificate_absent, certificate_of_no_use, certificate_of_no_use_for_all),
    certificate_of_another_key,
)


@pytest.mark.parametrize("spoil", BAD)
def test_a_bad_configuration_is_told_by_file_key_path_and_expectation(files, fails, spoil):
    path, message = spoil(files)

    told = fails("--config.check", "--config.file", files.write())

    assert told.startswith(f"{files.config}: {path}")
    assert message in told
    assert "secret-4711" not in told


@pytest.mark.parametrize("spoil", BAD)
def test_a_start_with_it_says_the_same_file_and_key_path(files, fails, spoil):
    path, _ = spoil(files)

    told = fails("--config.file", files.write(), "--web.listen-address", "127.0.0.1:0")

    assert told.startswith(f"{files.config}: {path}")


def test_an_absent_file_is_told(files, fails):
    told = fails("--config.check", "--config.file", str(files.folder / "absent.yaml"))

    assert told == (
        f"{files.folder}/absent.yaml: cannot read the file: No such file or directory;"
        " name one with --config.file, or try outbound-exporter demo"
    )


def test_a_file_that_is_there_is_not_answered_with_advice_to_name_another(files, fails):
    files.write()
    files.key.unlink()

    for config in (files.config, files.folder):
        told = fails("--config.check", "--config.file", str(config))
        assert "cannot read the" in told
        assert "demo" not in told


def test_broken_yaml_is_told_in_one_line(files, fails):
    files.config.write_text("accounts: [\n  {name: a\n", encoding="utf-8")

    assert fails("--config.check", "--config.file", str(files.config)).startswith(
        f"{files.config}: "
    )


def port_taken(files):
    taken = socket.create_server(("127.0.0.1", 0))
    return taken, ["--web.listen-address", f"127.0.0.1:{taken.getsockname()[1]}"]


def configuration_unreadable(files):
    files.config.unlink()
    files.config.mkdir()
    return nullcontext(), []


def web_configuration_absent(files):
    return nullcontext(), ["--web.config.file", str(files.folder / "absent.yml")]


def spoilt_by(spoil):
    def spoilt(files):
        spoil(files)
        files.write()
        return nullcontext(), []

    return spoilt


FAILING = {
    **{spoil.__name__: spoilt_by(spoil) for spoil in (bad_zone, variable_absent, key_absent)},
    **{spoil.__name__: spoil for spoil in (port_taken, web_configuration_absent)},
    "configuration_unreadable": configuration_unreadable,
}


@pytest.mark.parametrize("spoil", FAILING.values(), ids=FAILING)
def test_a_process_that_cannot_start_ends_with_one_line_and_exit_code_1(files, spoil):
    files.write()
    held, flags = spoil(files)
    listen = ["--web.listen-address", "127.0.0.1:0"]
    config = ["--config.file", str(files.config)]

    with held:
        done = subprocess.run(
            [sys.executable, "-m", "exporter", *config, *(flags or listen)],
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"outbound-exporter: [^\n]+\n", done.stderr)


def test_files_with_secrets_that_others_may_read_are_told_and_are_no_error(files, capsys):
    files.write()
    files.config.chmod(0o644)
    files.key.chmod(0o640)
    web = files.folder / "web.yml"
    web.write_text(f"basic_auth_users: {{a: '{HASH}'}}", encoding="utf-8")
    web.chmod(0o604)
    flags = ["--config.file", str(files.config), "--web.config.file", str(web)]

    assert cli.run(["--config.check", *flags]) == 0

    told = capsys.readouterr()
    assert told.out.startswith(f"{files.config}: ok, 2 account(s)\n")
    assert re.findall(r"level=warning msg=.* file=(\S+) mode=(\d+)", told.err) == [
        (str(files.config), "0644"),
        (str(web), "0604"),
    ]


# Start-up


@pytest.mark.parametrize("address", ["9877", "localhost", "127.0.0.1:70000", "::1:9877", ":x"])
@pytest.mark.parametrize("command", [["--config.check"], [], ["demo"]])
def test_a_bad_address_to_listen_on_is_told_by_its_flag(files, fails, command, address):
    told = fails("--config.file", files.write(), *command, "--web.listen-address", address)

    assert told.startswith(f"--web.listen-address: {address!r} is not an address to listen on: ")


@pytest.mark.parametrize("path", ["/-/metrics", "metrics", "/config", "/"])
@pytest.mark.parametrize("command", [["--config.check"], []])
def test_a_bad_path_of_the_metrics_is_told_by_its_flag(files, fails, command, path):
    listen = ("--web.listen-address", "127.0.0.1:0")
    told = fails("--config.file", files.write(), *command, *listen, "--web.telemetry-path", path)

    assert told.startswith(f"--web.telemetry-path: {path!r} cannot be the path")


def test_a_check_takes_no_port(files):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = ["--config.file", files.write(), "--web.listen-address", address]

        assert cli.run(["--config.check", *flags]) == 0


@pytest.mark.parametrize("command", [[], ["demo", "--tasks", "2"]])
def test_a_port_that_is_taken_is_told_before_any_vendor_is_called(files, fails, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = fails("--config.file", files.write(), *command, "--web.listen-address", address)

    expected = f"cannot listen on {address}: the port is in use by another program"
    assert told == f"--web.listen-address: {expected}"


def broken_scenario(files):
    (files.folder / "scenario.yaml").write_text("steps: [\n  {do: x\n", encoding="utf-8")
    return ["--scenario", str(files.folder / "scenario.yaml")], "not YAML"


def absent_scenario(files):
    return ["--scenario", str(files.folder / "absent.yaml")], "absent.yaml"


def control_for_everybody(_files):
    return ["--control-listen", "0.0.0.0:0"], "loopback"


def bad_address(_files):
    return ["--dezhu-listen", "nowhere"], "expected host:port, got 'nowhere'"


def no_place_for_the_configuration(files):
    return ["--config-out", str(files.folder / "absent" / "out.yaml")], "No such file"


@pytest.mark.parametrize(
    "spoil",
    [
        *(broken_scenario, absent_scenario, control_for_everybody, bad_address),
        no_place_for_the_configuration,
    ],
)
def test_a_simulator_that_cannot_start_says_why_in_one_line(files, capsys, spoil):
    arguments, message = spoil(files)

    assert cli.run(["simulate", "--tasks", "2", *arguments]) == 1

    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.splitlines()) == 1
    assert told.err.startswith("outbound-exporter: ")
    assert "Errno" not in told.err
