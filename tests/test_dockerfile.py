"""What the Dockerfile promises, as far as it shows without an engine that builds it."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import exporter

ROOT = Path(__file__).parent.parent


def _instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (name.upper(), rest.strip())
        for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def _stages() -> list[list[tuple[str, str]]]:
    stages: list[list[tuple[str, str]]] = []
    for name, rest in _instructions():
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((name, rest))
    return stages


def _values(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [rest for name, rest in stage if name == instruction]


def test_base_image_and_package_index_can_be_replaced():
    arguments = {rest.partition("=")[0]: rest for rest in _values(_instructions(), "ARG")}

    assert set(arguments) == {"BASE_IMAGE", "PIP_INDEX_URL"}
    assert re.fullmatch(r"BASE_IMAGE=python:3\.\d+-slim-\w+", arguments["BASE_IMAGE"])
    assert all("${BASE_IMAGE}" in rest for rest in _values(_instructions(), "FROM"))


def test_the_package_index_stays_in_the_first_stage():
    build, final = _stages()

    assert "PIP_INDEX_URL" in _values(build, "ARG")
    assert not _values(final, "ARG")


def test_only_hashed_dependencies_are_installed():
    installs = [run for run in _values(_instructions(), "RUN") if re.search(r"\binstall\b", run)]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "-r requirements/runtime.txt" in installs[0]


def test_nothing_is_installed_or_run_in_the_final_stage():
    _, final = _stages()

    assert not _values(final, "RUN")
    assert _values(final, "COPY") == ["--from=build /opt/outbound-exporter /opt/outbound-exporter"]


def test_it_runs_as_a_numeric_user_that_is_not_root():
    _, final = _stages()

    assert _values(final, "USER") == ["65532:65532"]


def test_it_needs_no_write_access_to_its_own_files():
    build, final = _stages()

    assert any("compileall" in run and "unchecked-hash" in run for run in _values(build, "RUN"))
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(_values(final, "ENV"))


def test_it_serves_the_mounted_configuration_unless_told_otherwise():
    _, final = _stages()

    assert _values(final, "EXPOSE") == ["9877"]
    assert [json.loads(rest) for rest in _values(final, "ENTRYPOINT")] == [["outbound-exporter"]]
    assert [json.loads(rest) for rest in _values(final, "CMD")] == [
        ["--config.file=/etc/outbound-exporter/config.yaml"]
    ]


def test_the_command_is_the_one_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["outbound-exporter"].partition(":")
    build, _ = _stages()

    assert any(f"from {module} import {function}" in run for run in _values(build, "RUN"))


def test_the_labels_tell_version_and_licence():
    _, final = _stages()
    labels = dict(pair.split("=", 1) for pair in shlex.split(" ".join(_values(final, "LABEL"))))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}version"] == exporter.__version__
    assert labels[f"{prefix}title"] == project["name"]
    assert labels[f"{prefix}description"] == project["description"]
    assert labels[f"{prefix}licenses"] == project["license"]


def test_a_build_sees_only_what_the_dockerfile_copies():
    build, _ = _stages()
    copied = {copy.split()[0] for copy in _values(build, "COPY")}
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)
