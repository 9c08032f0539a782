"""Vendors made up for the tests, and an environment."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from exporter.config.model import Duration
from exporter.secret import Secret

DATA = Path(__file__).parent.parent / "data" / "config"
ENVIRON = {
    "DEZHU_APP_ID": "app-1",
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "key-id",
    "TOKEN": "s3cr3t-token",
    "PROXY_PASSWORD": "s3cr3t-proxy",
    "PRIVATE_KEY": "s3cr3t-key",
    "YAML": "x: y\n- {z",
    "EMPTY": "",
    "BURST": "10",
    "BROKEN": "\udcff",
}


class KeyPair(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="key"):
    id: str
    secret: Secret | None = None


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="role"):
    arn: str


class Mood(StrEnum):
    CALM = "calm"
    BUSY = "busy"


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    weight: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class PbxOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has every kind of key that a vendor may have."""

    identity: ClassVar[frozenset[str]] = frozenset({"queues"})

    host: str
    login: KeyPair | Role
    token: Secret | None = None
    token_file: Path | None = None
    queues: tuple[Queue, ...] = ()
    page_size: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20
    hash: Literal["sha256", "sha1"] = "sha256"
    pause: Duration = Duration(1)
    labels: dict[str, int] = {}
    mood: Mood = Mood.CALM

    def __post_init__(self) -> None:
        if "/" in self.host:
            raise ValueError("host: expected no slash")
        if self.token is not None and self.token_file is not None:
            raise ValueError("expected only one of token and token_file")


class CrmOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    page_size: int = 100
    tenant: str = ""


MADE_UP: dict[str, type[msgspec.Struct]] = {"pbx": PbxOptions, "crm": CrmOptions}
