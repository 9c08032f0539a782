"""Keys, samples, and sources that are open towards a server on loopback."""

import base64
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from exporter.secret import Secret
from exporter.sources.aliyun.options import AliyunOptions, CredentialOptions
from exporter.sources.aliyun.source import ALIYUN
from exporter.sources.dezhu.options import DezhuOptions
from exporter.sources.dezhu.source import DEZHU
from exporter.telemetry import Telemetry
from tests.sources.issuing import Rig
from tests.sources.serving import Vendor, opened, serving

SAMPLES = Path(__file__).parent / "samples"
PASSPHRASE = "correct horse"


class KeyForms:
    """One RSA key in every form in which customers keep it."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_pem = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

        def form(encoding, layout, encryption=None):
            return key.private_bytes(encoding, layout, encryption or NoEncryption())

        pkcs8, pkcs1 = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
        locked = BestAvailableEncryption(PASSPHRASE.encode())
        self.plain = {
            "pkcs8": form(Encoding.PEM, pkcs8).decode(),
            "pkcs1": form(Encoding.PEM, pkcs1).decode(),
            "der_pkcs8": base64.b64encode(form(Encoding.DER, pkcs8)).decode(),
            "der_pkcs1": base64.b64encode(form(Encoding.DER, pkcs1)).decode(),
        }
        self.encrypted = {
            "pkcs8": form(Encoding.PEM, pkcs8, locked).decode(),
            "pkcs1": form(Encoding.PEM, pkcs1, locked).decode(),
        }


@pytest.fixture(scope="session")
def keys() -> KeyForms:
    return KeyForms()


@pytest.fixture(scope="session")
def samples() -> dict[str, bytes]:
    """The vendors' own samples by the name of the file."""
    return {file.stem: file.read_bytes() for file in SAMPLES.glob("*.json")}


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def dezhu(stack, keys):
    """Opens a Dezhu source towards a server that gives the answers."""

    async def enter(vendor: Vendor, *, clock=None, telemetry=None, timezone=None, **options):
        url = await stack.enter_async_context(serving(vendor))
        if "private_key_file" not in options:
            options.setdefault("private_key", Secret(keys.plain["pkcs8"]))
        made = DezhuOptions(**{"base_url": url, "app_id": "app-1"} | options)
        return await stack.enter_async_context(
            opened(
                DEZHU,
                made,
                clock=clock,
                telemetry=telemetry,
                timezone=timezone or "Asia/Shanghai",
            )
        )

    return enter


@pytest.fixture
def aliyun(stack):
    """Opens an Alibaba source towards a server that gives the answers."""

    async def enter(vendor: Vendor, *, clock=None, telemetry=None, credentials=None, **options):
        url = await stack.enter_async_context(serving(vendor))
        made = credentials or CredentialOptions(
            type="access_key", access_key_id="key-id", access_key_secret=Secret("s3cr3t-ak")
        )
        return await stack.enter_async_context(
            opened(
                ALIYUN,
                AliyunOptions(**{"endpoint": url, "credentials": made} | options),
                clock=clock,
                telemetry=telemetry,
            )
        )

    return enter


@pytest.fixture
async def rig(stack, telemetry) -> Rig:
    """Makes providers of credentials; the servers that they ask end with the test."""
    return Rig(stack, telemetry)
