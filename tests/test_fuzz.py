"""Targets of the fuzzer read every seed as they should, and what is found is told."""

import inspect
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

from exporter import sources
from exporter.domain import Status, Task
from exporter.source import Page
from tools.fuzz import __main__ as runner
from tools.fuzz import targets
from tools.fuzz.plan import share
from tools.fuzz.seeds import seeds, words
from tools.fuzz.targets import TARGETS, FindingError

PAGE = b'{"code":"10000","data":{"total":1,"list":[{"taskId":1,"taskStatus":3}]}}'


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read_as_it_should_be(name):
    inputs = seeds(name)
    for data in inputs:
        TARGETS[name](data)

    assert len(inputs) > 1
    assert len(set(inputs)) == len(inputs)


def test_every_reader_of_answers_is_fuzzed():
    readers = {
        function.__code__: f"{module.name}.{name}"
        for module in pkgutil.walk_packages(sources.__path__, "exporter.sources.")
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction)
        if name.startswith("read_") and "reply" in inspect.signature(function).parameters
    }
    assert len(readers) > 5

    reached = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, *_: reached.add(frame.f_code))
    try:
        for read in TARGETS.values():
            read(PAGE)
    finally:
        sys.setprofile(before)

    assert [name for code, name in readers.items() if code not in reached] == []


@pytest.mark.parametrize(
    "task", [Task(id="", name="", status=Status.RUNNING), Task(id="1", name="a", status=None)]
)
def test_a_task_that_must_not_be_is_a_finding(monkeypatch, task):
    monkeypatch.setattr(targets.dezhu, "read_page", lambda *_: Page((task,), 1))

    with pytest.raises((FindingError, KeyError)):
        TARGETS["dezhu-page"](PAGE)


def test_an_error_that_no_parser_may_raise_is_a_finding(monkeypatch):
    def broken(reply, zone):
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "as the standard library words it")

    monkeypatch.setattr(targets.dezhu, "read_page", broken)

    with pytest.raises(UnicodeDecodeError):
        TARGETS["dezhu-page"](PAGE)


def test_words_are_those_that_occur_in_most_inputs():
    assert words([b'{"taskId": "taskId"}', b'{"taskId": 17}', b'{"taskId": 17, "\\"": ""}']) == [
        b"taskId",
        b"17",
    ]


# One input once more


def put(directory, target, data=b"Basic YTpi"):
    file = directory / target / "crash-1"
    file.parent.mkdir()
    file.write_bytes(data)
    return file


def test_an_input_that_is_read_well_is_told_to_be(tmp_path, capsys):
    assert runner.repeat(put(tmp_path, "authorization")) == 0
    assert "authorization reads it as it should" in capsys.readouterr().out


def test_an_input_that_is_a_finding_shows_its_traceback(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(targets.guard, "_credentials", lambda _: 1 / 0)

    assert runner.main(["--repeat", str(put(tmp_path, "authorization"))]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_an_input_of_no_target_names_the_targets(tmp_path, capsys):
    assert runner.repeat(put(tmp_path, "elsewhere")) == 2
    assert "expected in a folder named after its target: dezhu-page, " in capsys.readouterr().err


# Runs, with a child that stands in for the fuzzer

CHILD = """
import json, sys
from pathlib import Path
plan = json.loads(Path(sys.argv[1]).read_bytes())
for job in plan["jobs"]:
    folder = Path(job["folder"])
    text, status = {outcome}
    (folder / "log").write_text(text)
    (folder / "status").write_text(status)
"""


def run(area, outcome, *names, script=CHILD):
    command = (sys.executable, "-c", script.replace("{outcome}", outcome))
    return runner.fuzz(names, seconds=4, area=area, child=command)


def test_a_run_without_a_finding_tells_how_many_inputs_there_were(tmp_path):
    outcome = "'stat::number_of_executed_units: 12345', '0'"
    results = run(tmp_path, outcome, "accept", "authorization")

    assert [runner.told(result) for result in results] == [
        "accept: 12,345 inputs, no finding\n",
        "authorization: 12,345 inputs, no finding\n",
    ]


def test_the_fuzzer_gets_seeds_words_and_bounds(tmp_path):
    run(tmp_path, "'\\n'.join(job['arguments']), '0'", "accept")

    folder = tmp_path / "accept"
    known, began, *flags = (folder / "log").read_text().splitlines()
    assert (known, began) == (str(folder / "inputs"), str(folder / "seeds"))
    assert {Path(file).read_bytes() for file in Path(began).iterdir()} == set(seeds("accept"))
    assert b'"application/openmetrics-text"' in (folder / "words").read_bytes().splitlines()
    assert {flag.partition("=")[0] for flag in flags} >= {"-timeout", "-max_len", "-rss_limit_mb"}


@pytest.mark.parametrize(
    ("left", "waiting", "cores", "seconds"),
    [(60, 12, 2, 9), (60, 1, 2, 59), (300, 2, 2, 299), (5, 12, 2, 1), (-3, 4, 2, 1)],
)
def test_the_time_that_is_left_is_divided_among_those_that_wait(left, waiting, cores, seconds):
    assert share(left, waiting=waiting, cores=cores) == seconds


FOUND = r"""
 === Uncaught Python exception: ===
IndexError: list index out of range
Traceback (most recent call last):

==1== ERROR: libFuzzer: fuzz target exited
Test unit written to {folder}/crash-1
"""


def test_a_finding_names_its_input_and_how_to_repeat_it(tmp_path):
    (result,) = run(tmp_path, f"{FOUND!r}.replace('{{folder}}', job['folder']), '77'", "accept")
    text = runner.told(result)

    file = tmp_path / "accept/crash-1"
    assert result.status == 77
    assert "IndexError: list index out of range" in text
    assert f"accept: a finding, its input is in {file}" in text
    assert f'make fuzz ARGS="--repeat {file}"' in text
    assert "tests/data/fuzz/accept/" in text


def test_a_target_that_ends_without_a_finding_names_its_log(tmp_path):
    (result,) = run(tmp_path, "'killed', '-9'", "accept")

    assert runner.told(result) == f"accept: ended with -9, see {tmp_path / 'accept/log'}\n"


@pytest.mark.parametrize(("script", "status"), [("raise SystemExit(3)", 3), ("", 1)])
def test_a_target_that_was_never_run_is_no_success(tmp_path, script, status):
    run(tmp_path, "'', '0'", "accept")
    (result,) = run(tmp_path, "", "accept", script=script)

    assert runner.told(result) == f"accept: ended with {status}, see {tmp_path / 'log'}\n"


@pytest.mark.parametrize("runs", [None, 0])
def test_a_target_that_read_nothing_is_no_success(runs):
    result = runner.Result(target="accept", status=0, runs=runs, log=Path("log"))

    assert not result.well
    assert runner.told(result).startswith("accept: read nothing, see ")


def test_anything_found_is_an_exit_code_of_1(monkeypatch, capsys):
    def found(names, *, seconds):
        assert (names, seconds) == (["accept"], 7)
        return [runner.Result(target="accept", status=77, runs=None, log=Path("log"))]

    monkeypatch.setattr(runner, "fuzz", found)

    assert runner.main(["--seconds", "7", "--target", "accept"]) == 1
    assert "accept: ended with 77" in capsys.readouterr().out
