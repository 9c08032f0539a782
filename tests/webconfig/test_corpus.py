"""One file a verdict: ``*.ok.yml`` is accepted, ``*.bad.yml`` has one mistake.

The neighbouring ``*.bad.txt`` holds the whole message. promtool is asked about each file, too:
where it judges otherwise, ``DIFFERENCES`` says why.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.webconfig.live import check_web_config
from tests.certificates import Authority, encrypted_key_pem

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "web-config"
GOOD = sorted(file.name for file in DATA.glob("*.ok.yml"))
BAD = sorted(file.name for file in DATA.glob("*.bad.yml"))
NEWER = ROOT / ".programs" / "prometheus-3" / "usr" / "bin" / "promtool"
BOTH, OLD, NEW = ("2", "3"), ("2",), ("3",)

_INLINE = "2.42 does not know cert, key, client_ca and client_allowed_sans yet"
_RATE = "2.42 does not know rate_limit yet"
_UNVERIFIED = "Python's ssl cannot ask for a certificate that it does not verify"
_NO_CA = "Go falls back on the authorities of the system, which would let in half the world"
_HASH = "promtool looks at version, cost and length alone; this one can never match"
_DEAD = "nothing could be connected, or answered, with it"

DIFFERENCES = {
    "all.ok.yml": (OLD, _INLINE),
    "allowed_sans.ok.yml": (OLD, _INLINE),
    "file_beats_inline.ok.yml": (OLD, _INLINE),
    "inline.ok.yml": (OLD, _INLINE),
    "inline_client_ca.ok.yml": (OLD, _INLINE),
    "rate_limit.ok.yml": (OLD, _RATE),
    "rate_limit_of_parts.ok.yml": (OLD, _RATE),
    "rate_limit_off.ok.yml": (OLD, _RATE),
    "request_client_cert.bad.yml": (BOTH, _UNVERIFIED),
    "require_any_client_cert.bad.yml": (BOTH, _UNVERIFIED),
    "require_client_cert.bad.yml": (BOTH, _UNVERIFIED),
    "require_without_ca.bad.yml": (BOTH, _NO_CA),
    "if_given_without_ca.bad.yml": (BOTH, _NO_CA),
    "ca_is_garbage.bad.yml": (BOTH, "Go passes over what is no certificate, and trusts nobody"),
    "sans_without_auth.bad.yml": (NEW, "the list would be passed over; newer toolkits refuse too"),
    "sans_if_given.bad.yml": (NEW, "a client without certificate has no name; newer ones refuse"),
    "cipher_without_forward_secrecy.bad.yml": (OLD, "Go calls it insecure since 1.22"),
    "no_cipher_for_12.bad.yml": (BOTH, _DEAD),
    "min_above_max.bad.yml": (BOTH, _DEAD),
    "old_max_version.bad.yml": (BOTH, "OpenSSL 3 does not speak TLS 1.0 and 1.1"),
    "rate_without_burst.bad.yml": (NEW, _DEAD),
    "rate_below_zero.bad.yml": (NEW, "Go takes it for no limit at all"),
    "rate_without_unit.bad.yml": (NEW, "Go takes a bare number for nanoseconds: no limit at all"),
    "header_of_two_lines.bad.yml": (BOTH, "a response could not carry it"),
    "user_with_a_colon.bad.yml": (BOTH, "Basic authentication ends the name at the first colon"),
    "hash_2x.bad.yml": (BOTH, "the mark of hashes made by a bug of 2011; Go does not look at it"),
    "hash_too_long.bad.yml": (BOTH, _HASH),
    "hash_with_a_wrong_character.bad.yml": (BOTH, _HASH),
    "anchor.bad.yml": (BOTH, "anchors are refused in every file of ours"),
    "two_documents.bad.yml": (BOTH, "Go reads the first alone, and loses the users of the second"),
}
"""File to the versions of promtool that judge it otherwise than we do, and the reason."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """The corpus beside the certificates and keys that it names."""
    folder = tmp_path_factory.mktemp("web-config")
    authority = Authority()
    server, other = authority.issue("localhost"), authority.issue("localhost")
    server.write(folder, "server")
    other.write(folder, "other")
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "encrypted.key").write_bytes(encrypted_key_pem(server.private))
    (folder / "garbage.pem").write_text("s3cr3t, but neither PEM nor anything else\n")
    (folder / "certs").mkdir()
    for file in DATA.glob("*.yml"):
        text = re.sub(
            r"^@(.+)@$",
            lambda match: re.sub("^", "    ", (folder / match[1]).read_text(), flags=re.MULTILINE),
            file.read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        )
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", GOOD)
def test_good_file_is_accepted(corpus, name):
    assert check_web_config(corpus / name).file == corpus / name


def refusal(file: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        check_web_config(file)
    return caught.value


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_with_its_one_message(corpus, name):
    error = refusal(corpus / name)

    assert error.file == corpus / name
    told = str(error).replace(f"{corpus}{os.sep}", "")
    assert told + "\n" == (DATA / name).with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", BAD)
def test_refusal_is_one_line_that_holds_no_secret_and_no_words_of_a_library(corpus, name):
    error = refusal(corpus / name)
    chain = [error, error.__cause__, error.__context__]

    assert not any("s3cr3t" in f"{link!s} {link!r}" for link in chain)
    assert "\n" not in str(error)
    for word in ("Expected ", "Object ", "`", "Invalid ", "array", "while scanning"):
        assert word not in error.message


def test_corpus_is_whole():
    assert len(GOOD) >= 30
    assert len(BAD) >= 60
    assert {file.stem for file in DATA.glob("*.txt")} == {Path(name).stem for name in BAD}
    assert set(DIFFERENCES) <= {*GOOD, *BAD}


def accepts(promtool: str | Path, file: Path) -> bool:
    done = subprocess.run(
        [promtool, "check", "web-config", file],
        check=False,
        capture_output=True,
        text=True,
        timeout=15,
    )
    assert done.returncode in {0, 1}
    assert ("SUCCESS" in done.stdout + done.stderr) == (done.returncode == 0)
    return done.returncode == 0


def judged(promtool: str | Path, version: str, corpus: Path) -> dict[str, str]:
    """The files of which promtool and the table say different things."""
    wrong = {}
    for name in (*GOOD, *BAD):
        ours = name in GOOD
        differs = version in DIFFERENCES.get(name, ((), ""))[0]
        if accepts(promtool, corpus / name) != (ours != differs):
            wrong[name] = "is judged alike" if differs else "is judged otherwise"
    return wrong


def version_of(promtool: str | Path) -> str:
    done = subprocess.run(
        [promtool, "--version"], check=True, capture_output=True, text=True, timeout=15
    )
    match = re.search(r"version (\d+)\.(\d+)\.\d+", done.stdout + done.stderr)
    assert match is not None
    return match[1]


@pytest.mark.binary("promtool")
@pytest.mark.timeout(120)
def test_promtool_2_judges_each_file_as_we_do_but_for_the_listed_ones(corpus):
    promtool = shutil.which("promtool")
    assert promtool is not None
    if version_of(promtool) != "2":
        pytest.skip("the promtool on the path is not of version 2")

    assert judged(promtool, "2", corpus) == {}


@pytest.mark.timeout(120)
def test_promtool_3_judges_each_file_as_we_do_but_for_the_listed_ones(corpus):
    if not NEWER.exists():
        pytest.skip("needs promtool 3: run .ci/prometheus-3")

    assert judged(NEWER, "3", corpus) == {}
