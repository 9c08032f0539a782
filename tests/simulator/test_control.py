import stat

import pytest
import yaml

from exporter.simulator import Fault
from exporter.simulator.serve import write_private


@pytest.fixture
def control(simulator, session):
    async def ask(method, path, document=None, *, text=None):
        url = simulator.control_url + path
        async with session.request(method, url, json=document, data=text) as response:
            return response.status, await response.json(content_type=None)

    return ask


async def test_the_front_page_tells_the_addresses(simulator, control):
    status, document = await control("GET", "/")

    assert status == 200
    assert document["dezhu_url"] == simulator.dezhu_url
    assert document["accounts"] == ["dezhu-demo", "aliyun-demo"]


async def test_truth_over_the_port_is_the_truth(simulator, control):
    simulator.world.advance(1500)
    _, every = await control("GET", "/truth")
    middle = simulator.world.now - 100
    _, later = await control("GET", f"/truth?since={middle}")

    assert len(every) == len(simulator.world.truth()) > 2000
    assert every[0]["values"].keys() == {"customers", "completed", "connected"}
    assert [record["time"] for record in later] == [
        record.time for record in simulator.world.truth(middle)
    ]


async def test_truth_from_the_future_on_is_empty(control):
    assert await control("GET", "/truth?since=9e12") == (200, [])


async def test_faults_are_set_seen_and_cleared(simulator, control, dezhu):
    status, answer = await control("POST", "/faults", {"kind": "code", "code": "29008"})
    assert status == 200
    assert (await dezhu.page()).code == "29008"
    _, active = await control("GET", "/faults")
    assert active[answer["id"]]["code"] == "29008"

    assert (await control("DELETE", f"/faults/{answer['id']}"))[0] == 200
    assert (await dezhu.page()).code == "10000"
    simulator.faults.set(Fault(kind="empty"))
    await control("DELETE", "/faults")
    assert not simulator.faults.active()


async def test_requests_can_be_counted(control, dezhu, clock):
    await dezhu.page(taskStatus=3, pageSize=50)
    clock.now += 10
    await dezhu.page()
    _, every = await control("GET", "/requests")
    _, later = await control("GET", f"/requests?since={clock.now}")

    assert [(one["operation"], one["statuses"], one["size"]) for one in every] == [
        ("page", "3", 50),
        ("page", "", 20),
    ]
    assert later == every[1:]


async def test_tasks_are_seen_and_changed(simulator, control):
    _, (task,) = await control("GET", "/tasks?name=stuck-*&vendor=dezhu")
    assert task["status"] == "running"

    change = {"task": {"task_id": task["task_id"], "vendor": "dezhu"}, "do": "complete"}
    assert await control("POST", "/tasks", change) == (200, {"done": True})
    assert simulator.world.task("stuck-campaign").status == "completed"
    await control("POST", "/tasks", {"create": {"vendor": "aliyun", "name": "made-here"}})
    assert simulator.world.task("made-here").scope == simulator.instances("aliyun-demo")[0]


async def test_scenarios_and_time_are_taken(simulator, control):
    text = "- {at: 5, task: stuck-campaign, do: pause}"
    assert (await control("POST", "/scenario", text=text))[0] == 200
    _, answer = await control("POST", "/advance", {"seconds": 5})

    assert answer["now"] == simulator.world.now
    assert simulator.world.task("stuck-campaign").status == "paused"


async def test_access_is_changed(control, aliyun, dezhu):
    await control("POST", "/access", {"account": "aliyun-demo", "deny": ["ListInstances"]})
    await control("POST", "/access", {"account": "dezhu-demo", "public_key": False})

    assert (await aliyun.call("ListInstances")).code == "Forbidden.RAM"
    assert (await dezhu.page()).code == "10002"


@pytest.mark.parametrize(
    ("method", "path", "document", "message"),
    [
        ("POST", "/faults", {"kind": "boom"}, "boom"),
        ("DELETE", "/faults/fault-7", None, "fault-7"),
        ("POST", "/tasks", {"task": "nobody", "do": "pause"}, "nothing matches"),
        ("POST", "/scenario", {"x": 1}, "unknown keys"),
        ("POST", "/advance", {"seconds": -5}, "cannot advance"),
        ("POST", "/access", {"account": "nobody"}, "nobody"),
        ("GET", "/tasks?colour=red", None, "colour"),
        ("GET", "/truth?since=yesterday", None, "yesterday"),
    ],
)
async def test_mistakes_are_explained(control, method, path, document, message):
    status, answer = await control(method, path, document)

    assert status == 400
    assert message in answer["error"]


async def test_the_configuration_is_complete_and_has_the_keys(simulator, session):
    async with session.get(simulator.control_url + "/config") as response:
        document = yaml.safe_load(await response.text())
    first, second = document["accounts"]

    every = ["progress", "schedule", "settings", "agents", "concurrency"]
    assert document["defaults"]["collect"] == every
    assert first["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert first["base_url"] == simulator.dezhu_url
    assert (first["page_size"], first["page_parameter"]) == (100, "pageNum")
    assert second["endpoint"] == simulator.aliyun_url
    assert second["credentials"]["type"] == "access_key"
    assert second["instances"] == []


@pytest.mark.parametrize("changes", [{"sts": True}])
async def test_the_configuration_takes_refresh_and_budget_and_names_temporary_credentials(
    simulator,
):
    text = simulator.config_text(refresh={"active": "1s"}, budget={"burst": 50})
    document = yaml.safe_load(text)

    assert document["defaults"]["refresh"] == {"active": "1s"}
    assert document["defaults"]["budget"] == {"burst": 50}
    credentials = document["accounts"][1]["credentials"]
    assert (credentials["type"], len(credentials["security_token"])) == ("sts", 80)
    assert "private_key: |\n" in text


def test_the_mode_of_a_private_file_is_that_of_its_owner_alone(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]
