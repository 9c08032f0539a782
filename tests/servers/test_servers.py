"""The servers that other tests use, and that each version takes what the exporter serves."""

import os
import socket
import sys
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers.alertmanager import Alertmanager, Webhook, alertmanager, webhook
from tests.servers.process import ServerError, _guard, process, server
from tests.servers.prometheus import Prometheus, QueryError, prometheus
from tests.servers.versions import NEXT, VERSIONS, Version

pytestmark = pytest.mark.timeout(60)

ACCEPT = {
    "plain": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "untyped": "text/plain;version=0.0.4",
}
RULES = """
groups:
  - name: trial
    rules:
      - record: trial:one:sum
        expr: vector(1)
      - alert: Trial
        expr: max without (instance) (up) == 0
        labels: {severity: info}
        annotations: {summary: A target is down.}
"""
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [trial.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: exporter, static_configs: [{{targets: ["{exporter}"]}}]}}
  - job_name: relay
    metrics_path: /plain
    static_configs: [{{targets: ["{relay}"]}}]
  - job_name: relay-openmetrics
    metrics_path: /openmetrics
    static_configs: [{{targets: ["{relay}"]}}]
  - job_name: relay-untyped
    metrics_path: /untyped
    static_configs: [{{targets: ["{relay}"]}}]
  - {{job_name: nobody, static_configs: [{{targets: ["127.0.0.1:1"]}}]}}
"""
NOTIFY = """
route: {{receiver: test, group_by: [alertname], group_wait: 10ms, group_interval: 1s}}
receivers: [{{name: test, webhook_configs: [{{url: "{url}"}}]}}]
"""


@dataclass(frozen=True)
class Stack:
    version: Version
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook


def demo(port: int) -> tuple[str, ...]:
    run = (sys.executable, "-m", "exporter", "demo", "--tasks", "10")
    return (*run, "--web.listen-address", f"127.0.0.1:{port}")


@contextmanager
def exporter(folder: Path):
    """The demo as a process of its own."""

    with server("exporter", demo, ready="/-/ready", folder=folder) as (_, url):
        yield url


@contextmanager
def relay(to: str):
    """Passes on what the exporter answers to one `Accept` alone; on one path without the type."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            way = self.path.strip("/")
            asked = urllib.request.Request(f"{to}/metrics", headers={"Accept": ACCEPT[way]})
            with urllib.request.urlopen(asked) as answer:
                body, kind = answer.read(), answer.headers["Content-Type"]
            self.send_response(200)
            if way != "untyped":
                self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{front.server_port}"
        finally:
            front.shutdown()
            thread.join()


@pytest.fixture(scope="module", params=VERSIONS, ids=str)
def stack(request, tmp_path_factory):
    version = request.param
    folder = tmp_path_factory.mktemp(version.name)
    with (
        webhook() as hook,
        exporter(folder) as served,
        relay(served) as front,
        alertmanager(version.alertmanager, NOTIFY.format(url=hook.url), folder=folder) as notifier,
    ):
        config = CONFIG.format(
            alertmanager=notifier.url.removeprefix("http://"),
            exporter=served.removeprefix("http://"),
            relay=front,
        )
        rules = {"trial.yml": RULES}
        with prometheus(version.prometheus, config, folder=folder, rules=rules) as running:
            running.until_scraped()
            yield Stack(version, running, notifier, hook)


def test_prometheus_takes_what_the_exporter_serves_in_either_format(stack):
    for job in ("exporter", "relay", "relay-openmetrics"):
        answer = stack.prometheus.until(f'outbound_account_up{{job="{job}"}}')

        assert {series["metric"]["platform"] for series in answer.result} == {"dezhu", "aliyun"}
        (target,) = (one for one in stack.prometheus.targets() if one["labels"]["job"] == job)
        assert (target["health"], target["lastError"]) == ("up", "")


def test_only_prometheus_2_takes_an_answer_that_does_not_name_its_type(stack):
    (up,) = stack.prometheus.until('up{job="relay-untyped"}').values()

    assert up == (stack.version != NEXT)


def test_an_alert_arrives_at_the_webhook(stack):
    notice = stack.webhook.wait(lambda one: one.labels["job"] == "nobody", within=30)

    assert notice is not None
    assert (notice.alert, notice.status, notice.receiver) == ("Trial", "firing", "test")
    assert notice.annotations == {"summary": "A target is down."}
    assert any(one["labels"]["job"] == "nobody" for one in stack.prometheus.alerts())
    assert any(one["labels"]["job"] == "nobody" for one in stack.alertmanager.alerts())


def test_queries_give_values_and_remarks(stack):
    stack.prometheus.until("trial:one:sum")

    now = stack.prometheus.query("time()")
    # One that Prometheus 3 remarks upon.
    odd = stack.prometheus.until("rate(outbound_task_customers[1m])")
    over = stack.prometheus.query_range("vector(2)", start=60, end=120, step=30)

    assert (now.warnings, now.infos) == ([], [])
    assert bool(odd.infos) == (stack.version == NEXT)
    assert [value for _, value in over.result[0]["values"]] == ["2", "2", "2"]
    with pytest.raises(QueryError, match="parse error"):
        stack.prometheus.query("sum(")


def test_rules_are_listed_and_read_again(stack):
    stack.prometheus.reload()

    rules = stack.prometheus.rules()

    assert {rule["name"] for rule in rules} == {"trial:one:sum", "Trial"}
    assert {rule["group"] for rule in rules} == {"trial"}


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_server_that_does_not_come_up_tells_what_it_said(version, tmp_path):
    with (
        pytest.raises(ServerError, match=r"(?s)prometheus: ended with code 2.*no_such_key"),
        prometheus(version.prometheus, "no_such_key: 1", folder=tmp_path),
    ):
        pass


def test_a_port_that_another_program_takes_first_is_no_end(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1]]

        def command(port):
            return demo(ports.pop() if ports else port)

        with server("exporter", command, ready="/-/healthy", folder=tmp_path) as (running, url):
            assert not ports
            assert url in running.said


def test_no_process_is_left_behind_when_a_test_fails(tmp_path):
    sleep = (sys.executable, "-c", "import time; time.sleep(60)")

    with pytest.raises(ZeroDivisionError), process("sleeper", sleep, folder=tmp_path) as running:
        _ = 1 / 0

    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


@pytest.mark.skipif(not _guard(), reason="needs setpriv")
def test_no_process_is_left_behind_when_the_test_run_is_killed(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from tests.servers.process import process
says = (sys.executable, "-uc", "import time; print('up'); time.sleep(60)")
folder = Path(sys.argv[1])
with process("sleeper", says, folder=folder) as sleeper:
    sleeper.until(lambda: "up" in sleeper.said)
    (folder / "pid").write_text(str(sleeper.pid))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with process("run", (sys.executable, "-c", script, str(tmp_path)), folder=tmp_path) as run:
        assert run.ended(within=20), run.said
        sleeper = int((tmp_path / "pid").read_text())

        # The time-out of the test bounds it: this process cannot wait for one that is no child.
        while alive(sleeper):
            run.ended()


def alive(pid: int) -> bool:
    """Whether it runs; one that ended may be left as a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
