"""The exporter configuration that polls a simulator, keys and all."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from exporter.simulator.accounts import Account, AliyunAccount, DezhuAccount
from exporter.simulator.issuing import role_arn
from exporter.simulator.options import CredentialKind

_COLLECT: Final = ("progress", "schedule", "settings", "agents", "concurrency")


class _Block(str):
    """Text written as a YAML block, line by line, as people write keys."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


def config_text(
    accounts: list[Account],
    *,
    dezhu_url: str,
    aliyun_url: str,
    credentials_url: str = "",
    credentials: CredentialKind = "configured",
    dezhu_page_parameter: str = "pageNum",
    doors: Mapping[str, str] | None = None,
    ca_file: str = "",
    refresh: Mapping[str, str] | None = None,
    budget: Mapping[str, float] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> str:
    """Return a complete exporter configuration as YAML.

    Args:
        accounts: All of the simulator's.
        dezhu_url: Base URL of the Dezhu server.
        aliyun_url: Endpoint of the Alibaba server.
        credentials_url: Of the services that hand out temporary credentials.
        credentials: Where those of the Alibaba accounts come from.
        dezhu_page_parameter: Name of the page number parameter.
        doors: Addresses of the accounts that have one of their own, by name.
        ca_file: Whom those trust whose address is https.
        refresh: Intervals by tier, such as ``{"active": "2s"}``; the exporter's own if None.
        budget: Call budget of each account; the exporter's own if None.
        defaults: Further keys of ``defaults``, over everything else.
    """
    shared: dict[str, Any] = {"collect": list(_COLLECT)}
    given = {"refresh": refresh, "budget": budget}
    shared |= {key: dict(value) for key, value in given.items() if value is not None}
    own = doors or {}
    rows = [
        _dezhu(account, own.get(account.name, dezhu_url), dezhu_page_parameter)
        if isinstance(account, DezhuAccount)
        else _aliyun(
            account,
            own.get(account.name, aliyun_url),
            _credentials(account, credentials, credentials_url),
        )
        for account in accounts
    ]
    accounts_of = [_trusting(row, own, ca_file) for row in rows]
    document = {"defaults": shared | dict(defaults or {}), "accounts": accounts_of}
    return yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False)


def _trusting(row: dict[str, Any], doors: Mapping[str, str], ca_file: str) -> dict[str, Any]:
    if not doors.get(row["name"], "").startswith("https:"):
        return row
    return row | {"tls_config": {"ca_file": ca_file}}


def _dezhu(account: DezhuAccount, url: str, page_parameter: str) -> dict[str, Any]:
    return {
        "name": account.name,
        "platform": "dezhu",
        "base_url": url,
        "app_id": account.app_id,
        "private_key": _Block(account.private_key),
        "signature": {"text": "{app_id}{timestamp}", "hash": account.hash},
        "page_size": 100,
        "page_parameter": page_parameter,
    }


def _aliyun(account: AliyunAccount, url: str, credentials: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": account.name,
        "platform": "aliyun",
        "endpoint": url,
        "credentials": credentials,
        "instances": [],
    }


def _credentials(account: AliyunAccount, kind: CredentialKind, url: str) -> dict[str, Any]:
    if kind == "credentials_uri":
        return {"type": kind, "uri": f"{url}/credentials/{account.name}"}
    if kind == "ecs_ram_role":
        return {"type": kind, "role_name": account.name, "metadata_endpoint": url}
    own = {
        "type": "sts" if account.security_token else "access_key",
        "access_key_id": account.access_key_id,
        "access_key_secret": account.access_key_secret,
    }
    if account.security_token:
        own["security_token"] = account.security_token
    if kind == "role":
        role = {"arn": role_arn(account.name), "session_name": "outbound-exporter"}
        return {**own, "role": role, "sts_endpoint": url}
    return own
