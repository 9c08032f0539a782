"""The example and the documentation against the structs that read the file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from exporter.config.checks import check_files
from exporter.config.defaults import Defaults, option_keys
from exporter.config.durations import parse_duration
from exporter.config.loader import load
from exporter.config.model import COLLECTORS, Common, Duration
from exporter.config.ranges import Range
from exporter.config.wording import expected
from exporter.errors import ConfigError
from exporter.sources import SOURCES

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "config.yaml"
REFERENCE = ROOT / "docs" / "configuration.md"
OPTIONS = {platform: kind.options for platform, kind in SOURCES.items()}


def leaves(kind: type[msgspec.Struct], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path, field and range of each key that is not a mapping of keys itself."""
    ranges = getattr(kind, "RANGES", {})
    for field in inspect.type_info(kind).fields:
        name = path + field.encode_name
        items = getattr(field.type, "item_type", None)
        kinds = getattr(field.type, "types", (field.type,))
        struct = next((kind for kind in kinds if isinstance(kind, inspect.StructType)), None)
        if struct is not None:
            yield from leaves(struct.cls, f"{name}.")
            continue
        if isinstance(items, inspect.StructType):
            yield from leaves(items.cls, f"{name}[].")
        yield name, field, ranges.get(field.encode_name)


def section(title: str) -> dict[str, list[str]]:
    """The cells of each row of the table below a heading, by key."""
    text = REFERENCE.read_text("utf-8").split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}


SECTIONS = {"Keys of every account": Common} | {
    f"Keys of platform `{platform}`": kind for platform, kind in OPTIONS.items()
}


@pytest.mark.parametrize("title", SECTIONS)
def test_documentation_has_each_key_and_no_other(title):
    assert set(section(title)) == {name for name, _, _ in leaves(SECTIONS[title])}


def documented_type(field: Any) -> str:
    kind = expected(field.type)
    if field.encode_name in {"include", "exclude"}:
        return "regular expression"
    if field.encode_name.endswith("_file"):
        return "file"
    if "Secret" in str(field.type):
        return "text, secret"
    if kind.startswith("one of"):
        return "text"
    return re.sub("^an? ", "", kind).split(" from")[0].split(" such as")[0]


def documented_default(field: Any, cell: str) -> bool:
    default = field.default
    if field.required or field.encode_name == "access_key_id":
        return cell == "required"
    if default is None:
        return cell == "none"
    if isinstance(default, Duration):
        return parse_duration(cell.strip("`")) == default
    if isinstance(default, tuple):
        return cell == f"`[{', '.join(default)}]`"
    if isinstance(default, bool):
        return cell == f"`{str(default).lower()}`"
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    return cell.strip("`") == (shown or '""')


def annotated_range(field: Any) -> Range | None:
    if isinstance(field.type, inspect.IntType) and field.type.ge is not None:
        return Range(field.type.ge, field.type.le)
    return None


@pytest.mark.parametrize("title", SECTIONS)
def test_documentation_gives_type_default_range_and_meaning_of_each_key(title):
    rows = section(title)
    for name, field, allowed_range in leaves(SECTIONS[title]):
        kind, default, limits, meaning = rows[name]
        assert kind == documented_type(field), name
        assert documented_default(field, default), name
        if allowed := allowed_range or annotated_range(field):
            assert limits == str(allowed), name
        assert "Example: `" in meaning or name == "platform", name


def test_documentation_names_the_collectors_and_no_other():
    limits = section("Keys of every account")["collect"][2]

    assert re.findall(r"`(\w+)`", limits) == list(COLLECTORS)


def test_documentation_names_every_platform():
    assert re.findall(r"`(\w+)`", section("Keys of every account")["platform"][2]) == list(OPTIONS)


@pytest.mark.parametrize("platform", OPTIONS)
def test_documentation_tells_what_belongs_in_each_account(platform):
    told = REFERENCE.read_text("utf-8").split(f"## Keys of platform `{platform}`", 1)[1]
    told = next(line for line in told.splitlines() if line.endswith("in `defaults`."))

    for key in option_keys(OPTIONS[platform]):
        try:
            Defaults({key: None}, {platform: OPTIONS[platform]})
        except ConfigError as error:
            if "belongs in each account" in error.message:
                assert f"`{key}`" in told or (key.startswith("private_key") and "keys" in told)


def variables() -> dict[str, str]:
    return dict.fromkeys(re.findall(r"\$\{(\w+)\}", EXAMPLE.read_text("utf-8")), "x")


def test_example_is_accepted_once_its_variables_exist():
    config = load(EXAMPLE, options=OPTIONS, environ=variables())

    assert {account.platform for account in config.accounts} == set(OPTIONS)
    check_files(config)


def test_example_has_every_key():
    keys = set(re.findall(r"([a-z_]+):", EXAMPLE.read_text("utf-8")))

    for kind in SECTIONS.values():
        for name, _, _ in leaves(kind):
            assert set(re.findall(r"[a-z_]+", name)) <= keys, name


def test_defaults_of_the_example_are_those_of_the_code():
    config = load(EXAMPLE, options=OPTIONS, environ=variables())
    bots = next(account for account in config.accounts if account.platform == "aliyun")

    assert bots.common == Common(name="bots", platform="aliyun")
    assert bots.options == OPTIONS["aliyun"](credentials=bots.options.credentials)
