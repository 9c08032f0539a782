"""The running configuration as a person may see it: every value in force, secrets hidden."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from aiohttp import hdrs, web

from exporter.config.durations import format_duration
from exporter.config.model import Config, Duration
from exporter.exposition import masked
from exporter.secret import HIDDEN, Secret
from exporter.web.delivery import send
from exporter.web.site import SITE, Site

_LOGIN: Final = re.compile(r"//[^/\s@]*@")
_DOLLAR: Final = re.compile(r"\$(?=[{$])")
_HEADERS: Final[dict[str, str]] = {
    hdrs.CONTENT_TYPE: "text/plain; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-store",
}
_DUMPER: Final[type[Any]] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def shown(config: Config) -> bytes:
    """The configuration as YAML: each account with what it took over from ``defaults``.

    Takes about a millisecond an account: call it in a thread.
    """
    accounts = [_keys(account.common) | _keys(account.options) for account in config.accounts]
    text: str = yaml.dump(
        {"accounts": accounts}, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return text.encode("utf-8", "replace")


class Running:
    """Writes the running configuration once, for all who ask while it is the same."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turn = asyncio.Lock()
        self._of: Config | None = None
        self._text = b""

    async def text(self) -> bytes:
        """What is in force now, as YAML."""
        async with self._turn:
            config = self._site.config()
            if config is not self._of:
                self._text, self._of = await asyncio.to_thread(shown, config), config
            return self._text


RUNNING: Final = web.AppKey("RUNNING", Running)


async def running(request: web.Request) -> web.StreamResponse:
    """Answer with the running configuration."""
    text = await request.app[RUNNING].text()
    return await send(
        request,
        [text],
        size_bytes=len(text),
        headers=_HEADERS,
        limit_seconds=request.app[SITE].write_seconds,
    )


def _keys(struct: msgspec.Struct) -> dict[str, Any]:
    settings = struct.__struct_config__
    keys: dict[str, Any] = {settings.tag_field: settings.tag} if settings.tag_field else {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        # Not set is not written: null is no value of most keys, and no text means nothing.
        if value is not None and value != "":
            keys[field.encode_name] = _value(value)
    return keys


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _keys(value)
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Duration):
        return format_duration(value)
    if isinstance(value, str | Path):
        # No key may hold a login; one that slipped through is not told.
        told = masked(_LOGIN.sub(f"//{HIDDEN}@", str(value)))
        # Else what stands there would be read as a variable.
        return _DOLLAR.sub("$$", told)
    return value
