"""The manifests agree with the program, with the image, and with each other."""

import re
from pathlib import Path

import pytest
import yaml

from exporter import __version__, cli
from exporter.config.loader import parse
from exporter.sharding import shard_of
from exporter.sources import SOURCES
from exporter.web import parse_listen_address
from exporter.web.site import HEALTHY_PATH, READY_PATH
from tools.thresholds import Thresholds

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "kubernetes"
NAME = "outbound-exporter"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def manifests():
    """Every document of every file, by its kind."""
    found = {}
    for file in sorted(FOLDER.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            assert document["kind"] not in found, document["kind"]
            found[document["kind"]] = document
    return found


@pytest.fixture
def kinds():
    return manifests()


@pytest.fixture
def stateful(kinds):
    return kinds["StatefulSet"]["spec"]


@pytest.fixture
def pod(stateful):
    return stateful["template"]["spec"]


@pytest.fixture
def container(pod):
    (container,) = pod["containers"]
    return container


@pytest.fixture
def environ(container, kinds):
    """The variables that come from the Secret, and what the example gives them."""
    secret = kinds["Secret"]["stringData"]
    references = {row["name"]: row["valueFrom"].get("secretKeyRef") for row in container["env"]}
    wanted = {name: key for name, key in references.items() if key}
    assert {key["name"] for key in wanted.values()} == {kinds["Secret"]["metadata"]["name"]}
    return {name: secret[key["key"]] for name, key in wanted.items()}


@pytest.fixture
def config(kinds, environ):
    options = {name: kind.options for name, kind in SOURCES.items()}
    text = kinds["ConfigMap"]["data"]["config.yaml"]
    return parse(text, file=Path("config.yaml"), options=options, environ=environ)


def flags_of(container, number):
    return cli._parsed([arg.replace("$(POD_INDEX)", str(number)) for arg in container["args"]])


def test_there_is_what_a_cluster_needs_and_nothing_that_scales_by_itself(kinds):
    assert set(kinds) == {
        *("ConfigMap", "NetworkPolicy", "PodMonitor", "PrometheusRule", "Secret", "Service"),
        *("ServiceAccount", "StatefulSet"),
    }
    assert {document["metadata"]["name"] for document in kinds.values()} == {NAME}


@pytest.mark.parametrize("folder", ["examples", "prometheus-operator"])
def test_what_not_every_cluster_may_have_is_not_applied_with_the_rest(folder):
    applied = {yaml.safe_load(file.read_text("utf-8"))["kind"] for file in FOLDER.glob("*.yaml")}
    apart = {
        yaml.safe_load(file.read_text("utf-8"))["kind"] for file in (FOLDER / folder).iterdir()
    }

    assert applied.isdisjoint(apart)
    assert "StatefulSet" in applied


def test_each_pod_is_one_of_as_many_shards_as_there_are_pods(stateful, container):
    replicas = stateful["replicas"]
    flags = [flags_of(container, number) for number in range(replicas)]

    assert [flag.shard for flag in flags] == list(range(replicas))
    assert {flag.total_shards for flag in flags} == {replicas}
    assert {flag.command for flag in flags} == {"serve"}
    assert "ordinals" not in stateful


def test_a_pod_too_many_does_not_start(stateful, container):
    with pytest.raises(SystemExit) as ended:
        flags_of(container, stateful["replicas"])

    assert ended.value.code == 2


def test_the_number_of_the_shard_is_that_of_the_pod(container):
    (source,) = [row["valueFrom"] for row in container["env"] if row["name"] == "POD_INDEX"]

    path = "metadata.labels['apps.kubernetes.io/pod-index']"
    assert source == {"fieldRef": {"fieldPath": path}}
    # Kubernetes expands only what was set before the arguments refer to it.
    used = {name for arg in container["args"] for name in re.findall(r"\$\((\w+)\)", arg)}
    assert used == {"POD_INDEX"}


def test_the_example_configuration_is_accepted_and_leaves_no_shard_empty(stateful, config):
    replicas = stateful["replicas"]
    names = [account.name for account in config.accounts]

    assert {account.platform for account in config.accounts} == set(SOURCES)
    assert {shard_of(name, total=replicas) for name in names} == set(range(replicas))


def test_the_configuration_is_mounted_where_the_flag_looks_for_it(pod, container, kinds):
    (mount,) = [row for row in container["volumeMounts"] if row["name"] == "config"]
    (volume,) = [row for row in pod["volumes"] if row["name"] == "config"]
    file = flags_of(container, 0).config_file

    assert volume["configMap"]["name"] == kinds["ConfigMap"]["metadata"]["name"]
    assert str(file.parent) == mount["mountPath"]
    assert file.name in kinds["ConfigMap"]["data"]


def test_every_secret_file_of_the_configuration_is_mounted(pod, container, kinds):
    (mount,) = [row for row in container["volumeMounts"] if row["name"] == "secrets"]
    (secret,) = [row["secret"] for row in pod["volumes"] if row["name"] == "secrets"]
    mounted = {f"{mount['mountPath']}/{item['path']}" for item in secret["items"]}
    text = kinds["ConfigMap"]["data"]["config.yaml"]

    assert set(re.findall(r"_file: (\S+)", text)) == mounted
    assert {item["key"] for item in secret["items"]} <= set(kinds["Secret"]["stringData"])
    assert secret["secretName"] == kinds["Secret"]["metadata"]["name"]
    assert secret["defaultMode"] == 0o440


def test_every_secret_is_a_placeholder_and_every_one_is_used(pod, container, kinds):
    values = kinds["Secret"]["stringData"]
    (secret,) = [row["secret"] for row in pod["volumes"] if row["name"] == "secrets"]
    variables = [row["valueFrom"].get("secretKeyRef") for row in container["env"]]
    used = {item["key"] for item in secret["items"]} | {row["key"] for row in variables if row}

    assert all(value.startswith("REPLACE-ME") for value in values.values())
    assert set(values) == used


def test_port_paths_and_probes_are_those_of_the_program(stateful, container, kinds):
    flags = flags_of(container, 0)
    (port,) = container["ports"]
    annotations = stateful["template"]["metadata"]["annotations"]
    (endpoint,) = kinds["PodMonitor"]["spec"]["podMetricsEndpoints"]
    (served,) = kinds["Service"]["spec"]["ports"]

    assert flags.listen is None
    assert port["containerPort"] == parse_listen_address(":9877").port
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    assert annotations["prometheus.io/path"] == endpoint["path"] == flags.telemetry_path
    assert (served["port"], served["targetPort"]) == (port["containerPort"], port["name"])
    assert endpoint["port"] == port["name"]
    probes = {
        "livenessProbe": {"path": HEALTHY_PATH, "port": port["name"]},
        "readinessProbe": {"path": READY_PATH, "port": port["name"]},
    }
    assert {name: container[name]["httpGet"] for name in probes} == probes


def test_the_job_of_the_series_is_the_one_that_the_alerts_look_for(stateful, kinds):
    label = kinds["PodMonitor"]["spec"]["jobLabel"]

    assert stateful["template"]["metadata"]["labels"][label] == Thresholds().job


def test_the_scrape_job_without_the_operator_finds_the_pods_and_bounds_a_scrape(stateful, kinds):
    (text,) = [block for block in blocks("yaml") if "kubernetes_sd_configs" in block]
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (kept,) = [rule for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    labels = {
        "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", key): value
        for key, value in stateful["template"]["metadata"]["labels"].items()
    }
    limit = kinds["PodMonitor"]["spec"]["sampleLimit"]

    assert job["job_name"] == Thresholds().job
    assert [labels[name] for name in kept["source_labels"]] == [kept["regex"]]
    assert job["sample_limit"] == limit
    assert f"sample_limit: {limit}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_selector_finds_the_pods(stateful, kinds):
    labels = stateful["template"]["metadata"]["labels"].items()

    for selector in (
        stateful["selector"]["matchLabels"],
        kinds["Service"]["spec"]["selector"],
        kinds["PodMonitor"]["spec"]["selector"]["matchLabels"],
        kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    assert stateful["serviceName"] == kinds["Service"]["metadata"]["name"]
    assert kinds["Service"]["spec"]["clusterIP"] == "None"


def test_only_the_port_of_the_exporter_is_open_and_only_to_one_namespace(container, kinds):
    (rule,) = kinds["NetworkPolicy"]["spec"]["ingress"]

    assert [port["port"] for port in rule["ports"]] == [container["ports"][0]["name"]]
    assert list(rule["from"][0]) == ["namespaceSelector"]


def test_it_runs_as_the_user_of_the_image_without_any_privilege(pod, container, kinds):
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (user, group) = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)[0]
    context = pod["securityContext"]

    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))
    assert context["fsGroup"] == int(group)
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == RESTRICTED
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert pod["serviceAccountName"] == kinds["ServiceAccount"]["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False
    assert container["image"].endswith(f"/{NAME}:{__version__}")


def test_it_has_more_time_to_end_than_it_takes(pod):
    assert pod["terminationGracePeriodSeconds"] > 5


def test_memory_is_bounded_and_cpu_is_not(container):
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert set(container["resources"]["limits"]) == {"memory"}


# docs/scaling.md


def scaling():
    return (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", scaling(), re.DOTALL | re.MULTILINE)


def test_an_account_as_two_has_each_instance_once_and_the_budget_of_one():
    options = {name: kind.options for name, kind in SOURCES.items()}
    environ = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id"}
    (text,) = [block for block in blocks("yaml") if "accounts:" in block]
    first, second = parse(text, file=Path("config.yaml"), options=options, environ=environ).accounts
    default = type(first.common.budget)()

    assert set(first.options.instances).isdisjoint(second.options.instances)
    for field in default.__struct_fields__:
        parts = [getattr(account.common.budget, field) for account in (first, second)]
        assert sum(parts) == getattr(default, field)


def test_commands_of_the_guide_have_flags_that_exist():
    lines = [
        line.replace("$shard", "0").split()[1:]
        for block in blocks("sh")
        for line in map(str.strip, block.splitlines())
        if line.startswith("outbound-exporter ")
    ]

    assert [cli._parsed(line).shard for line in lines] == [0, 1, 2, 0]


def test_the_command_for_older_clusters_is_that_of_the_manifest(stateful, container):
    (text,) = [block for block in blocks("yaml") if "HOSTNAME" in block]
    (script,) = yaml.safe_load(text)["args"]
    given = script.replace('"${HOSTNAME##*-}"', "0").removeprefix("exec outbound-exporter ")

    assert cli._parsed(given.split()) == flags_of(container, 0)


def test_the_guide_makes_the_secret_with_the_keys_of_the_example(kinds):
    (command,) = [block for block in blocks("sh") if "create secret" in block]

    made = set(re.findall(r"--from-(?:literal|file)=([\w.-]+)=", command))
    assert made == set(kinds["Secret"]["stringData"])
