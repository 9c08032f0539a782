"""Where it runs: as any user, in a folder that it may not write to, on a file system nobody may."""

import os
import shlex
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.test_process import LOCAL, WAIT_SECONDS

ROOT = Path(__file__).parent.parent
NOBODY = 65534
CONFIG = """
accounts:
  - name: bots
    platform: aliyun
    endpoint: http://127.0.0.1:1
    credentials: {type: environment}
"""
WEB = "tls_server_config: {cert_file: server.pem, key_file: server.key}"
ENVIRON = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s3cr3t"}
READ_ONLY = (
    "mount --make-rprivate / && mount -o remount,bind,ro / &&"
    f" ! touch {shlex.quote(str(ROOT))} 2>/dev/null && exec "
)


def usable(python: str, user: int) -> bool:
    """Whether somebody may run an interpreter with the packages of this one."""
    done = subprocess.run(
        [python, "-B", "-c", "import exporter.commands"],
        env={"PYTHONPATH": packages()},
        cwd="/",
        user=user,
        extra_groups=[],
        capture_output=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    return done.returncode == 0


def packages() -> str:
    return os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])


def interpreter(user: int) -> str:
    """One that the user may run; skips where there is none."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            if usable(python, user):
                return python
        except (FileNotFoundError, PermissionError):
            continue
    return pytest.skip(f"user {user} may run no Python {version} with these packages")


def listing(*folders: Path) -> set[tuple[str, int, int]]:
    """Every file below, with its size and the time of its last change."""
    return {
        (str(path), stat.st_size, stat.st_mtime_ns)
        for folder in folders
        for path in (folder, *folder.rglob("*"))
        if (stat := path.lstat())
    }


def until(text: str, file: Path) -> str:
    """The rest of the line after a text, once it is there."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        _, found, rest = file.read_text(encoding="utf-8").partition(text)
        if found and "\n" in rest:
            return rest.partition("\n")[0]
        time.sleep(0.02)
    return pytest.fail(f"never said {text!r}: {file.read_text(encoding='utf-8')}")


@pytest.fixture
def etc():
    """A configuration and an empty folder that only their owner may write to."""
    # Not below the folders of pytest, which are its user's alone.
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        folder, work = Path(top) / "etc", Path(top) / "work"
        folder.mkdir()
        work.mkdir(mode=0o555)
        (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
        (folder / "web.yml").write_text(WEB, encoding="utf-8")
        certificate, key = Authority().issue("127.0.0.1").write(folder, "server")
        for path in (certificate, key, folder / "config.yaml", folder / "web.yml"):
            path.chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def run_a_life(command: list[str], etc: Path, *, tls: bool, **more: object) -> None:
    """Start, be scraped, reload and end; nothing but the log is said."""
    flags = ["--config.file", str(etc / "config.yaml"), *LOCAL]
    flags += ["--web.config.file", str(etc / "web.yml")] if tls else []
    log = etc.parent / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, *flags],
            env={"PYTHONPATH": packages(), "HOME": "/absent", **ENVIRON},
            stdout=file,
            stderr=file,
            **more,
        )
    try:
        url = until("msg=listening url=", log).split(" ")[0]
        if not tls:
            for path in ("/metrics", "/", "/config", "/-/healthy"):
                with urllib.request.urlopen(url + path, timeout=WAIT_SECONDS) as answer:
                    assert answer.status == 200
                    assert answer.read()
        process.send_signal(signal.SIGHUP)
        until('msg="configuration reloaded"', log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
    told = log.read_text(encoding="utf-8")
    assert "Traceback" not in told
    assert "Warning" not in told


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_it_runs_as_any_user_and_writes_no_file(etc, tls):
    if os.getuid() != 0:
        pytest.skip("only root may start a process as another user")
    python = interpreter(NOBODY)
    work = etc.parent / "work"
    before = listing(etc, work, ROOT / "exporter")

    run_a_life(
        [python, "-m", "exporter"],
        etc,
        tls=tls,
        cwd=work,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )

    assert listing(etc, work, ROOT / "exporter") == before


def test_it_runs_where_it_may_not_write_as_whoever_runs_the_tests(etc):
    work = etc.parent / "work"
    before = listing(etc, work)

    run_a_life([sys.executable, "-B", "-m", "exporter"], etc, tls=True, cwd=work)

    assert listing(etc, work) == before


def may_remount() -> bool:
    try:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", f"{READ_ONLY} true"],
            capture_output=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
    except (FileNotFoundError, PermissionError):
        return False
    return done.returncode == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_it_runs_on_a_file_system_that_is_read_only(etc, tls):
    if not may_remount():
        pytest.skip("no rights to mount the file system read-only for one process (unshare)")
    program = shlex.join([sys.executable, "-m", "exporter"])
    wrapped = ["unshare", "--mount", "sh", "-c", f'{READ_ONLY} {program} "$@"', "sh"]

    run_a_life(wrapped, etc, tls=tls, cwd="/")
