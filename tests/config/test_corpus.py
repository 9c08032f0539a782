"""One file a verdict: ``*.ok.yaml`` is accepted, ``*.bad.yaml`` has one mistake.

The neighbouring ``*.bad.txt`` holds the whole message, with the name of the file alone.
"""

from pathlib import Path

import pytest

from exporter.config.loader import load
from exporter.errors import ConfigError
from exporter.sources import SOURCES
from tests.config.vendors import DATA, ENVIRON

OPTIONS = {platform: kind.options for platform, kind in SOURCES.items()}
GOOD = sorted(DATA.glob("*.ok.yaml"))
BAD = sorted(DATA.glob("*.bad.yaml"))


def file_name(file: Path) -> str:
    return file.name


@pytest.mark.parametrize("file", GOOD, ids=file_name)
def test_good_file_is_accepted(file):
    config = load(file, options=OPTIONS, environ=ENVIRON)

    assert config.file == file
    assert config.accounts


def refusal(file: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, options=OPTIONS, environ=ENVIRON)
    return caught.value


@pytest.mark.parametrize("file", BAD, ids=file_name)
def test_bad_file_is_refused_with_its_one_message(file):
    error = refusal(file)

    assert error.file == file
    assert str(error).replace(str(file), file.name) + "\n" == file.with_suffix(".txt").read_text()


@pytest.mark.parametrize("file", BAD, ids=file_name)
def test_refusal_is_one_line_that_holds_no_secret_and_no_words_of_a_library(file):
    error = refusal(file)
    chain = [error, error.__cause__, error.__context__]

    assert not any("s3cr3t" in f"{link!s} {link!r}" for link in chain)
    assert "\n" not in str(error)
    for word in ("Expected ", "Object ", "`", "Invalid ", "array", "object", "while scanning"):
        assert word not in error.message


def test_corpus_is_whole():
    assert len(GOOD) >= 8
    assert len(BAD) >= 35
    assert {file.stem for file in DATA.glob("*.txt")} == {file.stem for file in BAD}
