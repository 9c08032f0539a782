"""The documents for people: what they show works, what they name exists, both languages agree."""

import argparse
import base64
import json
import re
import subprocess
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import (
    load_der_public_key,
    load_pem_private_key,
)

import exporter
from exporter import cli
from exporter.config.durations import format_duration
from exporter.config.loader import parse
from exporter.config.model import Budget, Common, Refresh, Selection
from exporter.domain import TIER_OF, Tier
from exporter.errors import Reason
from exporter.families import FAMILIES
from exporter.metrics_reference import reference
from exporter.reply import TRANSPORT_CODES
from exporter.sources import SOURCES
from exporter.telemetry import Telemetry
from exporter.webconfig.loader import parse_web_config
from tools.thresholds import Thresholds

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
READMES = (ENGLISH, CHINESE)
DOCUMENTS = (
    *(*READMES, "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/configuration.md", "docs/metrics.md", "docs/monitoring.md"),
    *("docs/scaling.md", "docs/security.md"),
)

ENVIRON = {"DEZHU_APP_ID": "app", "ALIBABA_CLOUD_ACCESS_KEY_ID": "id"}
SETTINGS = {"refresh": Refresh, "budget": Budget, "tasks": Selection}


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _text(name), re.DOTALL | re.MULTILINE)


def _without_comments(block: str) -> str:
    return re.sub(r"\s+# .*$", "", block, flags=re.MULTILINE)


def _configurations(name: str) -> list[str]:
    return [block for block in _blocks(name, "yaml") if "accounts" in yaml.safe_load(block)]


def _labels() -> dict[str, set[str]]:
    """Every metric that exists, by each name under which Prometheus knows it, and its labels."""
    labels = {family.name: set(family.label_names) for family in FAMILIES}
    telemetry = Telemetry()
    meter = telemetry.account(platform="p", name="a", operations=("o",), codes={"c": Reason.AUTH})
    meter.show()
    meter.unknown("f")
    meter.budget(rate=1, remaining={"second": 1})
    for metric in telemetry.registry.collect():
        labels[metric.name] = set()
        for sample in metric.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


@pytest.mark.parametrize("language", ["sh", "yaml", "json", "promql"])
def test_both_languages_show_the_same_commands_and_configuration(language):
    english = [_without_comments(block) for block in _blocks(ENGLISH, language)]

    assert english == [_without_comments(block) for block in _blocks(CHINESE, language)]
    assert english


@pytest.mark.parametrize("pattern", [r"^#+ ", r"^\| ", r"^- ", r"^\*\*"])
def test_both_languages_have_the_same_sections_rows_and_points(pattern):
    counts = {len(re.findall(pattern, _text(name), re.MULTILINE)) for name in READMES}

    assert len(counts) == 1


def test_both_languages_name_the_same_metrics_settings_and_numbers():
    def words(name: str) -> list[str]:
        return sorted(set(re.findall(r"`([^`\n]+)`", _text(name))))

    assert words(ENGLISH) == words(CHINESE)


def test_each_language_links_to_the_other_at_the_top():
    assert f"]({CHINESE})" in "".join(_text(ENGLISH).splitlines()[:4])
    assert f"]({ENGLISH})" in "".join(_text(CHINESE).splitlines()[:4])


@pytest.mark.parametrize("name", READMES)
def test_demo_and_test_are_the_first_commands(name):
    first = _without_comments(_blocks(name, "sh")[0]).split("\n")

    assert first[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("name", READMES)
def test_every_configuration_is_accepted(name):
    options = {platform: kind.options for platform, kind in SOURCES.items()}
    platforms = set()
    for block in _configurations(name):
        config = parse(block, file=Path("config.yaml"), options=options, environ=ENVIRON)
        platforms |= {account.platform for account in config.accounts}

    assert platforms == set(SOURCES)


@pytest.mark.parametrize("name", READMES)
def test_the_scrape_job_is_bounded_and_reaches_the_default_port(name):
    blocks = [block for block in _blocks(name, "yaml") if "scrape_configs" in block]
    assert len(blocks) == 2

    for block in blocks:
        (job,) = yaml.safe_load(block)["scrape_configs"]
        assert job["job_name"] == Thresholds().job
        assert isinstance(job["sample_limit"], int)
        assert job["scrape_interval"] in {"30s", "1m"}
        assert all(target.endswith(":9877") for target in job["static_configs"][0]["targets"])


@pytest.mark.parametrize("name", READMES)
def test_the_web_configuration_is_accepted(name):
    (block,) = (block for block in _blocks(name, "yaml") if "basic_auth_users" in block)

    config = parse_web_config(block.encode(), file=Path("web.yml"))

    assert config.protections == {"TLS", "authentication"}


@pytest.mark.parametrize("name", READMES)
def test_the_policy_grants_exactly_what_the_exporter_calls(name):
    policy, collector = (json.loads(block) for block in _blocks(name, "json"))

    assert policy == {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "outboundbot:GetJobGroup",
                    "outboundbot:ListJobGroups",
                    "outboundbot:ListInstances",
                ],
                "Resource": "*",
            }
        ],
    }
    assert all(action.startswith("outboundbot:Get") for action in collector)
    actions = [*policy["Statement"][0]["Action"], *collector]
    granted = {action.partition(":")[2] for action in actions}
    assert len(granted) == len(actions)
    # The permission of DescribeJobGroup has another name than the action.
    called = {operation.replace("Describe", "Get") for operation in SOURCES["aliyun"].operations}
    assert granted == called


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_metric_named_exists(name):
    named = set(re.findall(r"\boutbound_(?:task|account|instance|exporter)_\w+", _text(name)))

    assert named <= set(_labels())


@pytest.mark.parametrize("name", READMES)
def test_every_selector_uses_labels_that_its_metric_has(name):
    labels = _labels()
    # Braces in prose stand for a selector as well, in queries always.
    selectors = re.findall(r"\b(outbound_\w+)\{([^}]*)\}", _text(name))

    assert selectors
    for metric, matchers in selectors:
        assert set(re.findall(r"(\w+)=", matchers)) <= labels[metric], metric


@pytest.mark.parametrize("name", DOCUMENTS)
def test_relative_links_resolve(name):
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", _text(name)):
        if "://" not in target:
            assert (folder / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_settings_named_exist(name):
    named = re.findall(r"`(refresh|budget|tasks)\.(\w+)`", _text(name))

    for section, field in named:
        assert field in SETTINGS[section].__struct_fields__


@pytest.mark.parametrize("name", READMES)
def test_flags_named_exist(name, capsys):
    with pytest.raises(SystemExit):
        cli.run(["--help"])
    known = set(re.findall(r"--(?:config|web|log)\.[a-z.-]*[a-z]", capsys.readouterr().out))

    named = set(re.findall(r"--(?:config|web|log)\.[a-z.-]*[a-z]", _text(name)))
    assert named
    assert named <= known


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_flags_is_complete_and_shows_the_real_defaults(name):
    rows = re.findall(r"^\| (`--[^|]*) \| ([^|]*)\|", _text(name), re.MULTILINE)
    shown = {
        flag: default
        for flags, defaults in rows
        for flag, default in zip_longest(
            re.findall(r"`--([^`]+)`", flags), re.findall(r"`([^`]+)`", defaults)
        )
    }
    actions = [action for action in cli._parser()._actions if action.option_strings]
    real = {
        action.option_strings[-1].removeprefix("--"): _as_shown(action.default)
        for action in actions
        if action.dest != "help"
    }

    assert shown == real | {"web.listen-address": ":9877"}


def _as_shown(default: Any) -> str | None:
    shown = isinstance(default, str | int | Path) and not isinstance(default, bool)
    return str(default) if shown and default != argparse.SUPPRESS else None


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md"])
def test_make_targets_named_exist(name):
    targets = set(re.findall(r"^([a-z0-9]+):", _text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z0-9]+)", _text(name), re.MULTILINE))

    assert named
    assert named <= targets


@pytest.mark.parametrize("name", READMES)
def test_freshness_is_that_of_the_defaults(name):
    refresh, stale_after = Refresh(), Common(name="n", platform="p").stale_after
    for tier in Tier:
        interval = getattr(refresh, tier.value)
        vanishes = format_duration(interval + stale_after)
        row = rf"^\| {tier.value} \| [^|]+ \| {format_duration(interval)} \| {vanishes} \|$"
        assert re.search(row, _text(name), re.MULTILINE), row


def test_each_status_stands_in_the_row_of_its_tier():
    for tier in Tier:
        row = re.search(rf"^\| {tier.value} \| ([^|]+) \|", _text(ENGLISH), re.MULTILINE)
        assert row is not None
        statuses = {status.value.replace("_", " ") for status in TIER_OF if TIER_OF[status] is tier}
        assert set(row[1].split(", ")) == statuses


@pytest.mark.parametrize("name", READMES)
def test_troubleshooting_covers_every_reason_and_both_codes_of_a_refused_key(name):
    rows = re.findall(r"^\| `(\w+)`.*$", _text(name), re.MULTILINE)

    assert {reason.value for reason in Reason} <= set(rows)
    for code in ("10001", "10002"):
        assert re.search(rf"^\| `auth`.*`{code}`", _text(name), re.MULTILINE)


def test_the_series_counted_for_the_sample_limit_are_those_of_the_reference():
    counts = re.search(
        r"a Dezhu task has at most (\d+) series and (\d+) for each batch, an Alibaba job group"
        r" (\d+)\.",
        " ".join(reference().split()),
    )
    assert counts is not None
    dezhu, batch, group = counts.groups()

    assert (
        f"A Dezhu task has at most {dezhu} series and {batch} for each number batch,"
        f" an Alibaba job group {group}." in _text(ENGLISH)
    )
    assert f"最多 {dezhu} 条序列，每个号码批次再加 {batch} 条" in _text(CHINESE)
    assert f"作业组最多 {group} 条" in _text(CHINESE)


@pytest.mark.parametrize("kind", SOURCES.values(), ids=SOURCES)
def test_an_account_has_fewer_series_than_the_sample_limit_allows_for_it(kind):
    telemetry = Telemetry()
    meter = telemetry.account(
        platform=kind.platform,
        name="a",
        operations=kind.operations,
        codes={**TRANSPORT_CODES, **kind.codes},
    )
    meter.show()
    meter.budget(rate=1, remaining={"second": 1, "hour": 1})
    own = sum(len(metric.samples) for metric in telemetry.registry.collect())
    of_account = re.search(r"Each account adds at most (\d+) series", reference())

    assert of_account is not None
    assert own + int(of_account[1]) < 600
    assert "Add 600 for each account" in _text(ENGLISH)


def test_the_changelog_begins_with_the_version():
    newest = re.search(r"^## \[([^\]]+)\]", _text("CHANGELOG.md"), re.MULTILINE)

    assert newest is not None
    assert newest[1] == exporter.__version__


@pytest.mark.binary("openssl")
@pytest.mark.parametrize("name", READMES)
def test_the_key_pair_commands_make_what_both_sides_need(name, tmp_path):
    (script,) = (block for block in _blocks(name, "sh") if "openssl" in block)

    subprocess.run(
        ["sh", "-euc", script], cwd=tmp_path, check=True, capture_output=True, timeout=15
    )

    private: Any = load_pem_private_key((tmp_path / "dezhu.pem").read_bytes(), password=None)
    public_line = (tmp_path / "dezhu-public.txt").read_text(encoding="ascii")
    public: Any = load_der_public_key(base64.b64decode(public_line, validate=True))
    assert public.public_numbers() == private.public_key().public_numbers()
    assert "\n" not in public_line
    assert (tmp_path / "dezhu.pem").stat().st_mode & 0o077 == 0
    assert (tmp_path / "dezhu.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
