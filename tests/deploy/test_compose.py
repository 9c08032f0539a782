"""The Compose files: every file is there and tested, every address is that of a service."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pytest

from exporter import __version__, cli
from exporter.web import parse_listen_address
from exporter.web.site import HEALTHY_PATH
from tests.deploy.files import (
    COMPOSE,
    DASHBOARDS,
    DEMO,
    PROMETHEUS,
    PROVISIONING,
    REAL,
    ROBOTS,
    ROOT,
    RULES,
    TEMPLATES,
    loaded,
    mounts,
    on_host,
    services,
)
from tests.deploy.programs import AMTOOLS, NEXT_AMTOOL, run
from tests.servers.versions import VERSIONS
from tools.thresholds import Thresholds

DEMO_SERVICES = services(COMPOSE)
REAL_SERVICES = services(COMPOSE, REAL)
BOTH = [
    pytest.param(DEMO_SERVICES, id="demo"),
    pytest.param(REAL_SERVICES, id="real"),
]
NAMES = ("exporter", "prometheus", "alertmanager", "grafana")
# What is mounted, and who tests it.
TESTED = {
    ROOT / "config.yaml": "tests/test_readme.py",
    PROMETHEUS / "prometheus.yml": "tests/deploy/test_compose.py",
    RULES: "tests/deploy/test_compose.py",
    DEMO: "tests/deploy/test_notices.py",
    ROBOTS: "tests/deploy/test_notices.py",
    TEMPLATES: "tests/deploy/test_notices.py",
    PROVISIONING / "datasources": "tests/deploy/test_provisioning.py",
    PROVISIONING / "dashboards": "tests/deploy/test_provisioning.py",
    DASHBOARDS: "tests/deploy/test_provisioning.py",
}


def flags(service):
    return cli._parsed(service["command"])


def ports(service):
    """The port in the container by the one on the machine."""
    rows = [row.rsplit(":", 2) for row in service["ports"]]
    return {int(outside): int(inside) for _, outside, inside in rows}


def assembled(service, folder: Path) -> Path:
    """The files of the repository as a container sees them, below a folder."""
    for target, (source, _) in mounts(service).items():
        if not source.startswith("./") or source.startswith("./secrets"):
            continue
        place = folder / target.removeprefix("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        found = ROOT / source
        shutil.copytree(found, place) if found.is_dir() else shutil.copy(found, place)
    return folder


def option(service, name: str) -> str:
    (value,) = [
        flag.partition("=")[2] for flag in service["command"] if flag.startswith(f"--{name}=")
    ]
    return value


@pytest.mark.parametrize("file", [COMPOSE, REAL], ids=lambda file: file.name)
def test_the_files_are_what_compose_expects(file):
    checker = Path(sys.executable).with_name("check-jsonschema")

    done = run(checker, "--builtin-schema", "vendor.compose-spec", file)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("put_together", BOTH)
def test_both_bring_up_the_whole(put_together):
    assert set(put_together) == set(NAMES)
    assert all("healthcheck" in service for service in put_together.values())


def test_the_demo_needs_nothing_that_is_not_in_the_repository():
    sources = [
        source for service in DEMO_SERVICES.values() for source, _ in mounts(service).values()
    ]

    assert sources
    assert all((ROOT / source).exists() for source in sources)
    assert "env_file" not in COMPOSE.read_text(encoding="utf-8")


@pytest.mark.parametrize("put_together", BOTH)
def test_every_file_that_is_mounted_is_one_that_tests_use(put_together):
    sources = {
        ROOT / source
        for service in put_together.values()
        for source, _ in mounts(service).values()
        if source.startswith("./") and not source.startswith("./secrets/")
    }

    assert sources <= set(TESTED)
    assert all((ROOT / TESTED[source]).exists() for source in sources)


@pytest.mark.parametrize("put_together", BOTH)
def test_no_container_can_change_a_file_of_the_machine(put_together):
    for service in put_together.values():
        for source, mode in mounts(service).values():
            assert mode == ("ro" if source.startswith("./") else "rw")


def test_what_is_kept_lies_in_volumes_that_the_demo_does_not_share():
    kept = {
        source: target
        for service in REAL_SERVICES.values()
        for target, (source, _) in mounts(service).items()
        if not source.startswith("./")
    }

    assert set(kept) == set(loaded(REAL)["volumes"])
    assert kept["prometheus"] == option(REAL_SERVICES["prometheus"], "storage.tsdb.path")
    assert kept["alertmanager"] == option(REAL_SERVICES["alertmanager"], "storage.path")
    assert "volumes" not in loaded(COMPOSE)


@pytest.mark.parametrize("put_together", BOTH)
def test_ports_are_open_to_this_machine_alone(put_together):
    rows = [row for service in put_together.values() for row in service["ports"]]

    assert len(rows) == len(NAMES)
    assert all(row.startswith("127.0.0.1:") for row in rows)


@pytest.mark.parametrize("put_together", BOTH)
def test_every_image_has_one_version(put_together):
    for service in put_together.values():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    assert put_together["exporter"]["image"] == f"outbound-exporter:{__version__}"


def test_images_come_from_a_mirror_when_one_is_named():
    mirrored = services(COMPOSE, environ={"IMAGE_REGISTRY": "mirror.example.com"})

    pulled = [service["image"] for service in mirrored.values() if "build" not in service]
    assert len(pulled) == 3
    assert all(image.startswith("mirror.example.com/") for image in pulled)
    arguments = re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(mirrored["exporter"]["build"]["args"]) == set(arguments)


def test_the_exporter_has_the_flags_of_the_program_and_listens_where_it_is_looked_for():
    demo, real = (flags(each["exporter"]) for each in (DEMO_SERVICES, REAL_SERVICES))
    (port,) = ports(DEMO_SERVICES["exporter"]).values()
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert (demo.command, real.command) == ("demo", "serve")
    # Else only the container itself would reach it.
    listening = parse_listen_address(demo.listen[0])
    assert (listening.host, listening.port) == ("", port)
    assert real.listen is None
    assert f"EXPOSE {port}" in image
    for service in (DEMO_SERVICES["exporter"], REAL_SERVICES["exporter"]):
        assert f"127.0.0.1:{port}{HEALTHY_PATH}" in service["healthcheck"]["test"][-1]


def test_the_configuration_finds_its_variables_and_secrets():
    exporter = REAL_SERVICES["exporter"]
    file = on_host(exporter, str(flags(exporter).config_file))
    text = re.sub(r"^\s*#.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    secrets = re.findall(r"_file: (/\S+)", text)

    assert file == ROOT / "config.yaml"
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(exporter["environment"])
    assert secrets
    assert {on_host(exporter, path).parent for path in secrets} == {ROOT / "secrets/exporter"}


def test_a_container_that_may_not_write_runs_the_demo(tmp_path):
    """The image runs read-only, as a user without a home."""
    script = f"""
import os, sys

def watch(event, arguments):
    if event == "open" and isinstance(arguments[2], int):
        changes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        if arguments[2] & changes and not str(arguments[0]).startswith("/dev/"):
            os.write(2, f"wrote {{arguments[0]}}".encode())
            os._exit(3)
    if event in ("os.mkdir", "os.rename", "os.remove"):
        os._exit(4)

sys.addaudithook(watch)
sys.dont_write_bytecode = True
from exporter.cli import main
os.chdir({str(tmp_path)!r})
sys.exit(main(["demo", "--tasks", "2", "--web.listen-address=127.0.0.1:0"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": "/usr/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        said = [demo.stdout.readline() for _ in range(3)]
        demo.terminate()
        rest = demo.communicate(timeout=10)[1]

    assert demo.returncode == 0, rest
    assert said[2].startswith("Campaigns of both vendors are simulated")


def addresses():
    """Every address that the files of the demo name, and where."""
    document = loaded(PROMETHEUS / "prometheus.yml")
    jobs = [*document["scrape_configs"], *document["alerting"]["alertmanagers"]]
    for job in jobs:
        for static in job["static_configs"]:
            yield from ((f"http://{target}", "prometheus.yml") for target in static["targets"])
    for file in sorted((PROVISIONING / "datasources").iterdir()):
        for source in loaded(file)["datasources"]:
            yield source["url"], file.name


@pytest.mark.parametrize(("address", "file"), list(addresses()))
def test_every_address_is_a_service_and_its_port(address, file):
    split = urlsplit(address)

    assert split.port in ports(DEMO_SERVICES[split.hostname]).values()
    assert REAL_SERVICES[split.hostname]["ports"] == DEMO_SERVICES[split.hostname]["ports"]


def test_the_scrape_job_has_the_name_that_the_alerts_look_for():
    (job,) = loaded(PROMETHEUS / "prometheus.yml")["scrape_configs"]

    assert job["job_name"] == Thresholds().job


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "grafana"])
def test_health_is_asked_at_the_port_that_is_served(name):
    service = DEMO_SERVICES[name]
    (port,) = ports(service).values()

    assert service["healthcheck"]["test"][-1].startswith(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_either_prometheus_accepts_what_its_container_sees(version, tmp_path):
    service = DEMO_SERVICES["prometheus"]
    root = assembled(service, tmp_path)

    done = run(version.promtool, "check", "config", root / option(service, "config.file")[1:])

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list(RULES.glob('*.yml')))} rule files found" in done.stdout


@pytest.mark.parametrize(
    ("amtool", "put_together"),
    [
        *(pytest.param(*one.values, DEMO_SERVICES, marks=one.marks) for one in AMTOOLS),
        *(pytest.param(*one.values, REAL_SERVICES, marks=one.marks) for one in NEXT_AMTOOL),
    ],
)
def test_alertmanager_accepts_what_its_container_sees(amtool, put_together, tmp_path):
    service = put_together["alertmanager"]
    root = assembled(service, tmp_path)

    done = run(amtool, "check-config", root / option(service, "config.file")[1:])

    assert done.returncode == 0, done.stdout + done.stderr


def test_addresses_of_robots_are_read_from_the_mounted_secrets():
    service = REAL_SERVICES["alertmanager"]
    used = re.findall(r"url_file: (\S+)", ROBOTS.read_text(encoding="utf-8"))
    explained = REAL.read_text(encoding="utf-8")

    assert len(used) == 3
    for path in used:
        assert on_host(service, path).parent == ROOT / "secrets" / "alertmanager"
        assert PurePosixPath(path).name in explained


def test_what_the_real_one_is_given_stays_out_of_version_control_and_images():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert {".env", "/secrets/"} <= set(ignored)
    assert (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1] == "*"


def test_nobody_can_sign_in_to_the_demo_and_everybody_must_to_the_real_one():
    demo, real = (each["grafana"]["environment"] for each in (DEMO_SERVICES, REAL_SERVICES))

    assert demo["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert [demo[name] for name in ("GF_AUTH_DISABLE_LOGIN_FORM", "GF_AUTH_BASIC_ENABLED")] == [
        "true",
        "false",
    ]
    assert real["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    file = real["GF_SECURITY_ADMIN_PASSWORD__FILE"]
    assert on_host(REAL_SERVICES["grafana"], file) == ROOT / "secrets/grafana-admin-password"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_page_of_grafana_is_the_overview(language):
    grafana = services(COMPOSE, environ={"DASHBOARDS": language})["grafana"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    uid = json.loads(on_host(grafana, home).read_text(encoding="utf-8"))["uid"]
    assert uid == {"en": "outbound-overview", "zh": "outbound-overview-zh"}[language]
