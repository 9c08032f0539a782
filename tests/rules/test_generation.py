"""From thresholds to the files that are committed."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from tests.rules.promtool import both_generations, run
from tools.rules import rule_files
from tools.rules.__main__ import main
from tools.rules.model import duration
from tools.rules.words import lately, spoken, spoken_zh
from tools.thresholds import Limits, Periods, Thresholds


def test_the_committed_files_are_what_would_be_written() -> None:
    assert main(["--check"]) == 0, "run make rules"


def test_a_file_that_was_edited_or_is_too_many_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([], folder=tmp_path)
    (tmp_path / "outbound-jobs.yml").write_text("groups: []\n", encoding="utf-8")
    (tmp_path / "old.yml").write_text("groups: []\n", encoding="utf-8")

    assert main(["--check"], folder=tmp_path) == 1
    assert "old.yml, outbound-jobs.yml; run make rules" in capsys.readouterr().err


@both_generations
def test_rules_with_periods_of_a_test_are_valid(promtool: str, tmp_path: Path) -> None:
    files = rule_files(Thresholds(periods=Periods().scaled(1 / 600)))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    run(promtool, "check", "rules", *(str(tmp_path / name) for name in files))


def test_a_duration_is_whole_and_never_nothing() -> None:
    given = (0.01, 1.4, 59, 60, 90, 5400, 3600, 86400, 90000)

    assert [duration(value) for value in given] == [
        *("1s", "1s", "59s", "1m", "90s", "90m", "1h", "1d", "25h")
    ]


def test_texts_name_durations_in_words_of_their_language() -> None:
    given = (0.01, 60, 1800, 3600, 90000, 86400, 90)

    assert [spoken(value) for value in given] == [
        *("1 second", "1 minute", "30 minutes", "1 hour", "25 hours", "1 day", "90 seconds")
    ]
    assert [lately(value) for value in (1800, 3600, 86400)] == ["30 minutes", "hour", "day"]
    assert [spoken_zh(value) for value in given] == [
        *("1 秒", "1 分钟", "30 分钟", "1 小时", "25 小时", "1 天", "90 秒")
    ]


def _changed(of: Periods | Limits) -> list[Periods | Limits]:
    return [replace(of, **{f.name: getattr(of, f.name) * 1.5}) for f in fields(of)]


def test_every_threshold_is_used_by_a_rule() -> None:
    usual = rule_files(Thresholds())
    unused = [
        changed
        for changed in (*_changed(Periods()), *_changed(Limits()))
        if usual
        == rule_files(
            Thresholds(periods=changed)
            if isinstance(changed, Periods)
            else Thresholds(limits=changed)
        )
    ]

    assert unused == []
