"""The account keys of platform ``acme``."""

from typing import Annotated

import msgspec

from exporter.secret import Secret


class AcmeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    token: Secret
    page_size: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2

    def __post_init__(self) -> None:
        if not self.url.startswith("http"):
            raise ValueError("url: expected an http URL")
