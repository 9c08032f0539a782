"""Secrets do not show themselves, and follow their files."""

import asyncio
import copy
import logging
import os
import pickle
import traceback

import msgspec
import pytest
import structlog

from exporter.errors import ConfigError
from exporter.secret import HIDDEN, Secret, SecretReader

TEXT = "text-that-nobody-sees-4711"


def holder(secret):
    return {"key": [secret], "nested": (secret,)}


SHOWN = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "format of its repr": "{!r}".format,
    "f-string": lambda secret: f"{secret} {secret!s} {secret!r} {secret!a}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - what is tested
    "within other values": lambda secret: repr(holder(secret)),
    "log record": lambda secret: logging.LogRecord(
        "a", 10, "", 1, "%s", (secret,), None
    ).getMessage(),
    "json of a log": lambda secret: structlog.processors.JSONRenderer()(
        None, "info", {"key": secret, "more": holder(secret)}
    ),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_a_secret_hides_itself_in_text(show):
    shown = show(Secret(TEXT))

    assert TEXT not in shown
    assert HIDDEN in shown


def test_a_width_is_refused_without_showing_the_secret():
    with pytest.raises(TypeError) as caught:
        format(Secret(TEXT), ">40")

    assert TEXT not in str(caught.value)


COPIED = {
    "pickle": pickle.dumps,
    "the oldest pickle": lambda secret: pickle.dumps(secret, protocol=0),
    "pickle of what holds it": lambda secret: pickle.dumps(holder(secret)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "JSON": msgspec.json.encode,
    "built-in types": msgspec.to_builtins,
    "iteration": list,
    "bytes": bytes,
}


@pytest.mark.parametrize("take_out", COPIED.values(), ids=COPIED)
def test_a_secret_is_not_carried_away_whole(take_out):
    with pytest.raises(TypeError) as caught:
        take_out(Secret(TEXT))

    assert TEXT not in str(caught.value)


def test_a_traceback_does_not_show_a_secret_even_with_local_values():
    def work(secret: Secret) -> None:
        held = holder(secret)
        raise ValueError(f"cannot use {held}")

    try:
        work(Secret(TEXT))
    except ValueError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)

    text = "".join(shown.format())
    assert "held = " in text
    assert HIDDEN in text
    assert TEXT not in text


TRACEBACKS = {
    "as values with locals": structlog.tracebacks.ExceptionDictTransformer(show_locals=True),
    "as values, by the library for terminals": structlog.tracebacks.ExceptionDictTransformer(
        show_locals=True, use_rich=True
    ),
}


@pytest.mark.parametrize("render", TRACEBACKS.values(), ids=TRACEBACKS)
def test_a_traceback_of_structlog_does_not_show_a_secret_in_its_locals(render):
    def work(secret: Secret) -> None:
        held = holder(secret)
        raise ValueError(f"cannot use {held}")

    with pytest.raises(ValueError, match="cannot use") as caught:
        work(Secret(TEXT))

    shown = repr(render((caught.type, caught.value, caught.tb)))
    assert "'held'" in shown
    assert HIDDEN in shown
    assert TEXT not in shown


def test_a_secret_has_no_attributes_to_list():
    assert not hasattr(Secret(TEXT), "__dict__")
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


def test_a_secret_shows_itself_when_asked():
    assert Secret(TEXT).reveal() == TEXT


def test_secrets_are_equal_by_their_text_and_to_nothing_else():
    assert Secret(TEXT) == Secret(TEXT)
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert Secret(TEXT) != Secret("another")
    assert Secret(TEXT) != TEXT


def test_the_reader_does_not_show_its_secret():
    assert TEXT not in repr(SecretReader(text=Secret(TEXT), file=None, path="a"))


async def test_a_secret_given_as_text_is_read_as_it_is():
    assert await SecretReader(text=Secret(TEXT), file=None, path="a").read() == Secret(TEXT)


async def test_without_text_and_file_the_key_path_is_named():
    with pytest.raises(ConfigError) as caught:
        await SecretReader(text=None, file=None, path="accounts[0].private_key").read()

    assert str(caught.value) == "accounts[0].private_key: expected a value"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def reader(file):
    return SecretReader(text=None, file=file, path="accounts[0].private_key_file")


def read(reader):
    """Files are written by a test itself, which no test may do on a loop."""
    return asyncio.run(reader.read())


@pytest.mark.parametrize(
    "content", [f"{TEXT}\n", f"\n  {TEXT}\r\n\n", f"\ufeff{TEXT}", f"\ufeff {TEXT}"]
)
def test_space_around_a_secret_and_a_byte_order_mark_are_left_out(file, reader, content):
    file.write_text(content, encoding="utf-8")

    assert read(reader) == Secret(TEXT)


def test_an_unchanged_file_is_not_read_again(file, reader, monkeypatch):
    first = read(reader)
    monkeypatch.setattr(type(file), "read_text", lambda *_, **__: pytest.fail("read again"))

    assert read(reader) is first


def rewrite_at_the_same_moment(file):
    """Only the inode tells."""
    stat = file.stat()
    fresh = file.with_name("fresh")
    fresh.write_text("n" * len(TEXT), encoding="utf-8")
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fresh.replace(file)


def grow_at_the_same_moment(file):
    """Only the size tells."""
    stat = file.stat()
    file.write_text(TEXT + "n", encoding="utf-8")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def rewrite_in_place(file):
    """Only the time of modification tells."""
    stat = file.stat()
    file.write_text("n" * len(TEXT), encoding="utf-8")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def rewrite_in_place_at_the_same_moment(file):
    """Only what no program can set tells."""
    stat = file.stat()
    # The clock of a file system ticks every few milliseconds.
    while file.stat().st_ctime_ns == stat.st_ctime_ns:
        file.write_text("n" * len(TEXT), encoding="utf-8")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def turn_a_link(file):
    """As Kubernetes changes a mounted secret."""
    for name in ("one", "two"):
        (file.parent / name).mkdir()
    file.rename(file.parent / "one" / "secret")
    (file.parent / "two" / "secret").write_text("n", encoding="utf-8")
    (file.parent / "data").symlink_to("two")
    file.symlink_to("data/secret")


@pytest.mark.parametrize(
    "change",
    [
        rewrite_at_the_same_moment,
        rewrite_in_place_at_the_same_moment,
        grow_at_the_same_moment,
        rewrite_in_place,
        turn_a_link,
    ],
)
def test_a_changed_file_is_read_again(file, reader, change):
    assert read(reader) == Secret(TEXT)

    change(file)

    assert read(reader).reveal() == file.read_text(encoding="utf-8") != TEXT


def make_directory(file):
    file.unlink()
    file.mkdir()


SPOILT = {
    "is absent": (lambda file: file.unlink(), "cannot read the secret file {}: No such file"),
    "is a directory": (make_directory, "cannot read the secret file {}: Is a directory"),
    "is empty": (lambda file: file.write_text(""), "the secret file {} is empty"),
    "is blank": (lambda file: file.write_text(" \n"), "the secret file {} is empty"),
    "is not text": (
        lambda file: file.write_bytes(TEXT.encode() + b"\xff\xfe"),
        "the secret file {} is not UTF-8 text",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
def test_a_file_of_no_use_is_told_by_its_key_path_without_its_content(file, reader, spoil, message):
    spoil(file)

    with pytest.raises(ConfigError) as caught:
        read(reader)

    told = str(caught.value)
    assert told.startswith(f"accounts[0].private_key_file: {message.format(file)}")
    assert TEXT not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_was_spoilt_for_a_while_is_read_when_it_is_whole_again(file, reader):
    read(reader)
    file.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError):
        read(reader)

    file.write_text("new", encoding="utf-8")

    assert read(reader) == Secret("new")


async def test_a_file_that_does_not_answer_takes_one_thread_and_holds_up_nobody(tmp_path):
    silent = tmp_path / "secret"
    os.mkfifo(silent)
    reader = SecretReader(text=None, file=silent, path="a.key_file", patience_seconds=0)

    asked = [reader.read() for _ in range(100)]
    failed = await asyncio.gather(*asked, return_exceptions=True)

    assert {str(error) for error in failed} == {
        f"a.key_file: the secret file {silent} does not answer"
    }
    assert await asyncio.to_thread(lambda: "done") == "done"

    # Lets the one that waits go.
    await asyncio.to_thread(silent.write_text, TEXT)


async def test_a_file_that_answers_late_is_read_all_the_same(tmp_path):
    silent = tmp_path / "secret"
    os.mkfifo(silent)
    reader = SecretReader(text=None, file=silent, path="a.key_file")

    several = [asyncio.create_task(reader.read()) for _ in range(3)]
    await asyncio.to_thread(silent.write_text, TEXT)

    assert await asyncio.gather(*several) == [Secret(TEXT)] * 3
