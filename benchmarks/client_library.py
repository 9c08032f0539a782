"""The same series by prometheus-client: ``python -m benchmarks.client_library FILE``.

Its own server, its own ``generate_latest`` and its own gzip, over families that were parsed once
and that a collector hands out as they are.
"""

import gc
import json
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.parser import parse_labels
from prometheus_client.registry import Collector


class Ready(Collector):
    """Hands out families that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        return iter(self._families)


def families_of(lines: Iterable[str]) -> list[Metric]:
    """The gauges of an exposition; the parser of the library, but equal labels are read once."""
    labels_of = lru_cache(maxsize=None)(parse_labels)
    families: list[Metric] = []
    for line in lines:
        if line.startswith("# HELP "):
            _, _, name, text = line.rstrip("\n").split(" ", 3)
            families.append(GaugeMetricFamily(name, text))
        elif not line.startswith("#"):
            name, _, rest = line.partition("{")
            labels, _, value = rest.rpartition("} ")
            families[-1].add_sample(name, labels_of(labels), float(value))
    return families


def serve(file: Path) -> tuple[str, object]:
    """Serve the series of an exposition on loopback: the address, and the server."""
    gc.disable()
    with file.open(encoding="utf-8") as lines:
        families = families_of(lines)
    gc.enable()
    registry = CollectorRegistry()
    registry.register(Ready(families))
    server, _ = start_http_server(0, addr="127.0.0.1", registry=registry)
    return f"http://127.0.0.1:{server.server_port}/metrics", server


def main() -> None:
    """Serve until the input ends."""
    url, _ = serve(Path(sys.argv[1]))
    print(json.dumps({"url": url}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
