"""The other sides of a scrape serve what ours serves."""

import gzip
import os
from contextlib import contextmanager

import pytest

from benchmarks import programs
from benchmarks.client_library import serve
from benchmarks.processes import Child, running
from benchmarks.resident import Memory
from benchmarks.scrape import samples_of
from benchmarks.scraper import Scraper

TEXT = (
    "# HELP outbound_a The first, with \u4e2d\u6587.\n"
    "# TYPE outbound_a gauge\n"
    'outbound_a{name="a \\"b\\" {c} d",task="1"} 1.0\n'
    'outbound_a{name="\u56de\u8bbf, x=1",task="2"} 1795658461.5\n'
    "# HELP outbound_b The second.\n"
    "# TYPE outbound_b gauge\n"
    'outbound_b{name="a \\"b\\" {c} d",task="1"} 0.25\n'
)


@contextmanager
def library_serving(file):
    url, server = serve(file)
    yield url
    server.shutdown()
    server.server_close()


SERVING = [
    pytest.param(library_serving, id="prometheus-client"),
    pytest.param(
        programs.pushgateway, id="pushgateway", marks=pytest.mark.binary(programs.PUSHGATEWAY)
    ),
    pytest.param(
        lambda file: programs.node_exporter(file.parent),
        id="node exporter",
        marks=pytest.mark.binary(programs.NODE_EXPORTER),
    ),
]


@pytest.mark.parametrize("serving", SERVING)
def test_a_rival_serves_each_sample_plain_and_compressed(serving, tmp_path):
    file = tmp_path / "outbound.prom"
    file.write_text(TEXT, encoding="utf-8")

    with serving(file) as url, Scraper(url) as plain, Scraper(url, gzip=True) as compressed:
        bodies = [plain.get(keep=True).body, gzip.decompress(compressed.get(keep=True).body)]

    for body in bodies:
        assert samples_of(b"\n" + body) == 3
        assert "\u56de\u8bbf, x=1".encode() in body


def test_prometheus_client_serves_the_very_lines(tmp_path):
    file = tmp_path / "outbound.prom"
    file.write_text(TEXT, encoding="utf-8")

    with library_serving(file) as url, Scraper(url) as scraper:
        lines = scraper.get(keep=True).body.decode().splitlines()

    assert [line.replace("1.7956584615e+09", "1795658461.5") for line in lines] == TEXT.splitlines()


def test_memory_outside_of_a_process_is_counted_once():
    size = 32 << 20
    keep = (
        f"file = os.memfd_create('kept'); twice = os.dup(file); os.pwrite(file, bytes({size}), 0)"
    )

    with_it, without = (held_by(f"import os; {line}") for line in (keep, "pass"))

    assert 0.75 * size < with_it - without < 1.5 * size


def held_by(code: str) -> int:
    """What a process of its own holds after this code: this one's memory moves by itself."""
    with running(Child("-c", f"{code}; print('done', flush=True); input()")) as process:
        process.line(10)
        return Memory(process.pid).now()


def test_memory_of_child_processes_is_counted():
    size = 64 << 20
    code = f"kept = bytearray(b'x') * {size}; print(len(kept), flush=True); input()"
    before = Memory(os.getpid()).now()
    with running(Child("-c", code)) as process:
        process.line(10)
        grown = Memory(os.getpid()).now() - before

    assert grown >= size
