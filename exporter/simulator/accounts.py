"""The vendor accounts: names, keys, and what each may do."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from exporter.simulator.campaign import Vendor
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.population import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class DezhuAccount:
    """A Dezhu account with the keys that its customer holds."""

    name: str
    app_id: str
    private_key: str
    """PEM, PKCS#8."""
    public_key: str
    """PEM, SubjectPublicKeyInfo."""
    hash: Literal["sha256", "sha1"] = "sha256"
    platform: Vendor = "dezhu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An Alibaba OutboundBot instance."""

    instance_id: str
    name: str
    max_concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AliyunAccount:
    """An Alibaba account; ``security_token`` is empty unless its credentials are temporary."""

    name: str
    access_key_id: str
    access_key_secret: str
    instances: tuple[Instance, ...]
    security_token: str = ""
    platform: Vendor = "aliyun"


Account = DezhuAccount | AliyunAccount


@dataclass(slots=True)
class Access:
    """What the vendors allow; a test changes the sets at any time.

    Attributes:
        denied: (account, operation) pairs without permission (Alibaba).
        keyless: Dezhu accounts that have not uploaded a public key.
        expired: Alibaba accounts whose security token is over.
    """

    denied: set[tuple[str, str]] = field(default_factory=set)
    keyless: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)


class Directory:
    """All accounts, found by name or by what a request names."""

    def __init__(self, dezhu: tuple[DezhuAccount, ...], aliyun: tuple[AliyunAccount, ...]) -> None:
        self.dezhu = dezhu
        self.aliyun = aliyun
        self.by_app_id = {account.app_id: account for account in dezhu}
        self.by_access_key = {account.access_key_id: account for account in aliyun}

    def __iter__(self) -> Iterator[Account]:
        return iter((*self.dezhu, *self.aliyun))

    def __getitem__(self, name: str) -> Account:
        for account in self:
            if account.name == name:
                return account
        raise KeyError(name)

    def places(self) -> tuple[Place, ...]:
        """Return where campaigns live."""
        bots = (
            Place("aliyun", account.name, instance.instance_id)
            for account in self.aliyun
            for instance in account.instances
        )
        return (*(Place("dezhu", account.name, "") for account in self.dezhu), *bots)


def make_directory(options: SimulatorOptions) -> Directory:
    """Make the accounts with fresh secrets; takes a tenth of a second an RSA key."""
    dezhu = tuple(_dezhu(number, options) for number in range(options.dezhu_accounts))
    aliyun = tuple(_aliyun(number, options) for number in range(options.aliyun_accounts))
    return Directory(dezhu, aliyun)


def _name(vendor: Vendor, number: int) -> str:
    return f"{vendor}-demo" if number == 0 else f"{vendor}-demo-{number + 1}"


def _dezhu(number: int, options: SimulatorOptions) -> DezhuAccount:
    private, public = _key_pair(number)
    return DezhuAccount(
        name=_name("dezhu", number),
        app_id=f"{8001 + number}{secrets.token_hex(6)}",
        private_key=private,
        public_key=public,
        hash=options.dezhu_hash,
    )


def _aliyun(number: int, options: SimulatorOptions) -> AliyunAccount:
    instances = tuple(
        Instance(
            instance_id=f"5a0b{number + 1:04d}-0d6c-4c61-9f3e-{place + 1:012d}",
            name=f"外呼机器人-{number + 1}-{place + 1}",
            max_concurrency=100 + 50 * place,
        )
        for place in range(options.aliyun_instances)
    )
    return AliyunAccount(
        name=_name("aliyun", number),
        access_key_id=("STS." if options.sts else "LTAI5t") + secrets.token_hex(9),
        access_key_secret=secrets.token_hex(15),
        security_token=secrets.token_hex(40) if options.sts else "",
        instances=instances,
    )


_KEY_PAIRS: Final[dict[int, tuple[str, str]]] = {}
"""By account; kept for the life of the process, for a test suite starts hundreds of simulators."""


def _key_pair(number: int) -> tuple[str, str]:
    if number not in _KEY_PAIRS:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        _KEY_PAIRS[number] = private.decode(), public.decode()
    return _KEY_PAIRS[number]
