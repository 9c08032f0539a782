"""``/config``: every value in force, and no secret."""

import asyncio
from pathlib import Path

import pytest
import yaml

from exporter.config.loader import load, parse
from exporter.sources import SOURCES
from exporter.store import Store
from exporter.web.running import shown
from tests.config.vendors import DATA, ENVIRON

OPTIONS = {platform: kind.options for platform, kind in SOURCES.items()}
MARK = "s3cr3t-4711"
TEXT = f"""
defaults:
  timeout: 20s
  refresh: {{active: 90s}}
  proxy_url: http://user:{MARK}@proxy.example.com:3128
accounts:
  - name: collections 13812345678
    platform: dezhu
    base_url: https://tenant.example.com
    app_id: app
    private_key: {MARK}
    private_key_passphrase: {MARK}
    signature: {{hash: sha1}}
    tasks: {{limit: 5, exclude: "回访-.*"}}
    collect: [progress, agents]
  - name: bots
    platform: aliyun
    budget: {{requests_per_second: 0.5}}
    credentials:
      type: sts
      access_key_id: key
      access_key_secret: {MARK}
      security_token_file: /run/secrets/token
    job_groups: [{{instance_id: i, job_group_id: j}}]
    tls_config: {{insecure_skip_verify: true}}
"""


def parsed(text: str):
    return parse(text, file=Path("config.yaml"), options=OPTIONS, environ=ENVIRON)


def test_every_value_in_force_is_shown_with_what_came_from_the_defaults():
    accounts = yaml.safe_load(shown(parsed(TEXT)))["accounts"]

    dezhu, aliyun = accounts
    for account in accounts:
        assert account["timeout"] == "20s"
        assert account["refresh"] == {
            "active": "1m30s",
            "idle": "5m",
            "finished": "1h",
            "detail": "12h",
        }
        assert account["timezone"] == "Asia/Shanghai"
        assert account["proxy_url"] == "<secret>"
    assert dezhu["private_key"] == dezhu["private_key_passphrase"] == "<secret>"
    assert dezhu["signature"] == {"text": "{app_id}{timestamp}", "hash": "sha1"}
    assert dezhu["tasks"]["limit"] == 5
    assert dezhu["tasks"]["exclude"] == "回访-.*"
    assert dezhu["collect"] == ["progress", "agents"]
    assert aliyun["budget"]["requests_per_second"] == 0.5
    assert aliyun["credentials"] == {
        "type": "sts",
        "access_key_id": "key",
        "access_key_secret": "<secret>",
        "security_token_file": "/run/secrets/token",
    }
    assert aliyun["job_groups"] == [{"instance_id": "i", "job_group_id": "j"}]
    assert aliyun["tls_config"]["insecure_skip_verify"] is True


def test_neither_a_secret_nor_a_phone_number_is_shown():
    text = shown(parsed(TEXT)).decode()

    assert MARK not in text
    assert "13812345678" not in text
    assert "138********" in text


@pytest.mark.parametrize("file", sorted(DATA.glob("*.ok.yaml")), ids=lambda file: file.name)
def test_what_is_shown_of_any_file_is_a_configuration_again(file):
    config = load(file, options=OPTIONS, environ=ENVIRON)
    text = shown(config).decode()

    again = parsed(text.replace("<secret>", "http://proxy.example.com:1"))
    assert len(again.accounts) == len(config.accounts)
    assert shown(again) == shown(config)
    assert "s3cr3t" not in text


async def test_the_configuration_is_served_as_it_is_now(serve):
    configs = [parsed(TEXT)]
    client = await serve(Store(), config=lambda: configs[-1])

    async with client.get("/config") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert response.headers["Cache-Control"] == "no-store"
        assert len(yaml.safe_load(await response.text())["accounts"]) == 2
    configs.append(parsed(TEXT.replace("name: bots", "name: renamed")))
    async with client.get("/config") as response:
        assert "renamed" in await response.text()


async def test_it_is_written_once_for_all_who_ask(serve, monkeypatch):
    written = []
    monkeypatch.setattr("exporter.web.running.shown", lambda config: written.append(config) or b"")
    config = parsed(TEXT)
    client = await serve(Store(), config=lambda: config)

    await asyncio.gather(*(client.get("/config") for _ in range(20)))

    assert written == [config]
